"""Rules of the code that import contracts cannot state."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("conf", "schemas", "udfs", "jobs", "training")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def attributes(path: Path) -> Iterator[str]:
    """Every `name.attribute` that a module writes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def modules_with(*names: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in MODULES if not set(names).isdisjoint(attributes(path))}


def test_only_settings_and_the_process_group_read_the_environment() -> None:
    readers = modules_with("os.environ", "os.getenv", "os.environb", "os.putenv")
    assert {path for path in readers if not path.startswith("conf/")} <= {"training/distributed.py"}


def test_only_the_session_module_builds_a_session() -> None:
    assert modules_with("SparkSession.builder", "SparkContext.getOrCreate", "SparkSession.Builder") == {"jobs/session.py"}


def test_no_module_hides_one_of_the_standard_library() -> None:
    """A script's folder comes first on sys.path: below spark-submit a `jobs/types.py` would stand in for `types`."""
    assert not {path.stem for path in MODULES} & sys.stdlib_module_names


def test_no_module_is_named_for_nothing() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
