"""YAML files and key=value overrides to frozen settings, with every error of a file reported at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from conf.settings import Settings, UnusableSettings

PROFILES = ("local", "cluster", "databricks")
Model = TypeVar("Model", bound=BaseModel)


def load_settings(profile: str, overrides: Iterable[str] = ()) -> Settings:
    """Settings of a profile (its YAML file in this package) with key=value overrides; UnusableSettings names every wrong key."""
    if profile not in PROFILES:
        raise UnusableSettings(f"--profile must be one of {', '.join(PROFILES)}, not {profile!r}")
    return load_model(Settings, files("conf").joinpath(f"{profile}.yaml"), overrides)


def load_model(model: type[Model], source: Path | Traversable, overrides: Iterable[str] = ()) -> Model:
    """A settings model from a YAML mapping and `dotted.key=value` overrides, whose values are read as YAML.

    UnusableSettings: one line per wrong key with the rule and the value; also for a file that is missing or is no mapping.
    """
    values = read_yaml(source)
    given = list(overrides)
    sets = Counter(key for override in given if (key := override.partition("=")[0].strip()).startswith("eval.sets."))
    if twice := [key for key, number in sets.items() if number > 1]:
        raise UnusableSettings(f"{', '.join(twice)}: given more than once; each evaluation set needs a name of its own")
    for override in given:
        _apply(values, override)
    try:
        return model.model_validate(_expand(values))
    except ValidationError as error:
        raise UnusableSettings(_explain(error, source.name, model)) from None


def read_yaml(source: Path | Traversable) -> dict[str, Any]:
    """The mapping in a YAML file; UnusableSettings for a missing file, broken YAML or anything but a mapping."""
    try:
        values = yaml.safe_load(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnusableSettings(f"settings file {source} does not exist") from None
    except yaml.YAMLError as error:
        raise UnusableSettings(f"settings file {source.name} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise UnusableSettings(f"settings file {source.name} must hold a mapping of keys, not {type(values).__name__}")
    return values


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
        node[keys[-1]] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UnusableSettings(f"override {override!r}: the value is not YAML; quote it") from None


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
        lines.append(f"{key}: {rule} (got {str(item['input'])[:80]!r})")
    return f"{len(lines)} wrong setting(s) in {source} or the overrides:\n  " + "\n  ".join(lines)


def _keys(model: type[BaseModel]) -> list[str]:
    """Every key of a model, `section.key` of a section."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{name}.{key}" for key in _keys(field.annotation)]
    return keys
