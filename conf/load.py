"""YAML files and key=value overrides to frozen settings, with every error of a file reported at once."""

from __future__ import annotations

import os
import re
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
_MERGE = "tag:yaml.org,2002:merge"
_QUOTED = re.compile(r"""(["']).{2,}?\1""")
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::-([^}]*))?\}")
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
    of_profile, given = _eval_sets(values), dict[str, Any]()
    for override in overrides:
        before = _eval_sets(values)
        _apply(values, override)
        changed = {key: uri for key, uri in _eval_sets(values).items() if before.get(key) != uri}
        if twice := changed.keys() & given.keys():
            raise UnusableSettings(f"eval.sets.{min(twice)}: given more than once; each evaluation set needs a name of its own")
        given |= changed
    try:
        found = model.model_validate(_expand(values))
    except RecursionError:
        raise UnusableSettings(f"{name} or the overrides: a value holds itself") from None
    except ValidationError as error:
        raise UnusableSettings(_explain(error, name, model)) from None
    _check_no_set_is_lost({*of_profile, *given}, found)
    return found


def _eval_sets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation sets among values that may be anything."""
    section = values.get("eval")
    sets = section.get("sets") if isinstance(section, Mapping) else None
    return dict(sets) if isinstance(sets, Mapping) else {}


def _check_no_set_is_lost(named: set[str], found: BaseModel) -> None:
    """UnusableSettings where a later override dropped an evaluation set: its images would be trained on without a word."""
    lost = named - {*found.eval.sets, *found.eval.allow_removed} if isinstance(found, Settings) else set()
    if lost:
        names = ", ".join(sorted(lost))
        raise UnusableSettings(
            f"eval.sets: an override drops {names}, which the profile or an earlier one names; add sets one by one"
            f" (eval.sets.<name>=<folder or table>), or give up what is meant to go with eval.allow_removed='[{names}]'"
        )


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
        raise UnusableSettings(f"settings file {source.name} is not YAML: {_why(error)}") from None
    if not isinstance(values, dict):
        raise UnusableSettings(f"settings file {source.name} must hold a mapping of keys, not {type(values).__name__}")
    return values


class _Loader(yaml.SafeLoader):
    """YAML whose mappings have each key once: of a key given twice, one value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE)
        if twice := [str(key) for key, number in keys.items() if number > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} given more than once", node.start_mark)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep))


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _apply(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise UnusableSettings(f"override {dotted!r} must have the form key=value or section.key=value")
    node = values
    for key in keys[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise UnusableSettings(f"override {dotted}: {key!r} is a value, not a section")
    try:
        node[keys[-1]] = _parse(text)
    except _NOT_YAML as error:
        raise UnusableSettings(f"override {dotted}: the value is not YAML ({_why(error)}); quote it") from None


def _why(error: Exception) -> str:
    """Why something is no YAML, and where, in one line and without what was written, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return _QUOTED.sub("...", str(getattr(error, "problem", None) or error).splitlines()[0]) + place


def _expand(value: Any) -> Any:
    """`${NAME}` and `${NAME:-fallback}` in strings replaced from the environment, at any depth; `$${NAME}` stays, with one `$`.

    A value that is nothing but a variable that is not set is None; UnusableSettings for one that only holds it.
    """
    if isinstance(value, Mapping):
        return {key: _expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if not isinstance(value, str):
        return value
    if whole := _VARIABLE.fullmatch(value):
        return os.environ.get(whole[1], whole[2] or None)
    return _VARIABLE.sub(_from_environment, value).replace("$${", "${")


def _from_environment(variable: re.Match[str]) -> str:
    found = os.environ.get(variable[1], variable[2])
    if found is None:
        raise UnusableSettings(f"the environment has no variable {variable[1]}, which the settings name")
    return found


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
    return public_values(value if isinstance(value, Mapping | list) else str(value), key)


def _keys(model: type[BaseModel]) -> list[str]:
    """Every key of a model, `section.key` of a section."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{name}.{key}" for key in _keys(field.annotation)]
    return keys
