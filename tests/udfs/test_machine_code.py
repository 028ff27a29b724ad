from __future__ import annotations

from pathlib import Path

import pytest

from udfs.machine_code import FOLDER, compiled_folder, is_current, seal


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A package of two modules, sealed as compiled."""
    (tmp_path / "one.py").write_text("ONE = 1\n")
    (tmp_path / "two.py").write_text("TWO = 2\n")
    (tmp_path / FOLDER).mkdir()
    seal(tmp_path)
    return tmp_path


def test_compiled_modules_hold_until_a_source_changes(sources: Path) -> None:
    assert is_current(sources)
    (sources / "two.py").write_text("TWO = 3\n")
    assert not is_current(sources)
    assert compiled_folder(str(sources)) == []


@pytest.mark.parametrize("change", ["added", "renamed", "removed"])
def test_compiled_modules_are_stale_when_modules_come_or_go(sources: Path, change: str) -> None:
    if change == "added":
        (sources / "three.py").touch()
    elif change == "renamed":
        (sources / "two.py").rename(sources / "three.py")
    else:
        (sources / "two.py").unlink()
    assert not is_current(sources)


def test_text_that_moves_between_modules_makes_them_stale(sources: Path) -> None:
    (sources / "one.py").write_text("ONE = 1\nTWO = 2\n")
    (sources / "two.py").write_text("")
    assert not is_current(sources)


def test_another_python_finds_no_compiled_modules(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udfs.machine_code.sysconfig.get_config_var", lambda _: "another")
    assert not is_current(sources)


def test_a_package_that_was_never_compiled_has_no_folder(tmp_path: Path) -> None:
    assert compiled_folder(str(tmp_path)) == []
    assert compiled_folder(str(tmp_path / "packages.zip" / "jats")) == []
