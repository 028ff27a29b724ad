"""YAML files and key=value overrides to frozen settings, with every error of a file reported at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from conf.public_values import public_values
from conf.settings import Settings, UnusableSettings

PROFILES = ("local", "cluster", "databricks")
_BASE = "extends"
_NOT_YAML = (yaml.YAMLError, ValueError, TypeError, RecursionError)  # as a date of a 13th month, or a list as a key
Model = TypeVar("Model", bound=BaseModel)


def load_settings(profile: str, overrides: Iterable[str] = ()) -> Settings:
    """Settings of a profile with key=value overrides; UnusableSettings names every wrong key.

    A profile is a name (its YAML file lies in this package) or a YAML file of one's own, which holds all that differs from the
    defaults or, with `extends: cluster`, from that profile.
    """
    if profile in PROFILES:
        return load_model(Settings, _packaged(profile), overrides)
    if not profile.endswith((".yaml", ".yml")):
        raise UnusableSettings(f"--profile must be one of {', '.join(PROFILES)} or a YAML file, not {profile!r}")
    values = read_yaml(Path(profile))
    base = values.pop(_BASE, None)
    if base not in (None, *PROFILES):
        raise UnusableSettings(f"settings file {profile}: {_BASE} must be one of {', '.join(PROFILES)}, not {base!r}")
    return _model_of(Settings, _merged(read_yaml(_packaged(base)), values) if base else values, overrides, Path(profile).name)


def _packaged(profile: str) -> Traversable:
    return files("conf").joinpath(f"{profile}.yaml")


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the values over it, section by section."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def load_model(model: type[Model], source: Path | Traversable, overrides: Iterable[str] = ()) -> Model:
    """A settings model from a YAML mapping and `dotted.key=value` overrides, whose values are read as YAML.

    UnusableSettings: one line per wrong key with the rule and the value; also for a file that is missing or is no mapping.
    """
    return _model_of(model, read_yaml(source), overrides, source.name)


def _model_of(model: type[Model], values: dict[str, Any], overrides: Iterable[str], name: str) -> Model:
    """The model of values that the file `name` holds, with the overrides."""
    given = list(overrides)
    keys = (override.partition("=")[0].strip() for override in given)
    sets = Counter(key for key in keys if f"{key}.".startswith("eval.sets."))
    if twice := [key for key, number in sets.items() if number > 1 or (key == "eval.sets" and len(sets) > 1)]:
        raise UnusableSettings(f"{', '.join(twice)}: given more than once; each evaluation set needs a name of its own")
    for override in given:
        _apply(values, override)
    try:
        return model.model_validate(_expand(values))
    except RecursionError:
        raise UnusableSettings(f"{name} or the overrides: a value holds itself") from None
    except ValidationError as error:
        raise UnusableSettings(_explain(error, name, model)) from None


def read_yaml(source: Path | Traversable) -> dict[str, Any]:
    """The mapping in a YAML file; UnusableSettings for a missing file, broken YAML or anything but a mapping."""
    try:
        values = _parse(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnusableSettings(f"settings file {source} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UnusableSettings(f"settings file {source} cannot be read: {why}") from None
    except _NOT_YAML as error:
        raise UnusableSettings(f"settings file {source.name} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise UnusableSettings(f"settings file {source.name} must hold a mapping of keys, not {type(values).__name__}")
    return values


class _Loader(yaml.SafeLoader):
    """YAML whose mappings have each key once: of a key given twice, one value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value)
        if twice := [str(key) for key, number in keys.items() if number > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} given more than once", node.start_mark)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep))


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _apply(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise UnusableSettings(f"override {override!r} must have the form key=value or section.key=value")
    node = values
    for key in keys[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise UnusableSettings(f"override {override!r}: {key!r} is a value, not a section")
    try:
        node[keys[-1]] = _parse(text)
    except _NOT_YAML as error:
        raise UnusableSettings(f"override {override!r}: the value is not YAML ({str(error).splitlines()[0]}); quote it") from None


def _expand(value: Any) -> Any:
    """`${NAME}` and `${NAME:-fallback}` in strings replaced from the environment, at any depth."""
    if isinstance(value, Mapping):
        return {key: _expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        name, _, fallback = value[2:-1].partition(":-")
        return os.environ.get(name, fallback or None)
    return value


def _explain(error: ValidationError, source: str, model: type[BaseModel]) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "(settings)"
        rule = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            similar = get_close_matches(key, _keys(model), 1)
            rule = "unknown key" + (f", did you mean {similar[0]}?" if similar else "")
        given = "" if item["type"] == "missing" else f" (got {str(_public(key, item['input']))[:80]!r})"
        lines.append(f"{key}: {rule}{given}")
    return f"{len(lines)} wrong setting(s) in {source} or the overrides:\n  " + "\n  ".join(lines)


def _public(key: str, value: Any) -> Any:
    """The value of a key without secrets."""
    return public_values({key.rpartition(".")[2]: value}).popitem()[1]


def _keys(model: type[BaseModel]) -> list[str]:
    """Every key of a model, `section.key` of a section."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{name}.{key}" for key in _keys(field.annotation)]
    return keys
