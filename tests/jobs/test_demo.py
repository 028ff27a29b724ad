"""The demonstration's parts that need neither Spark nor training."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.settings import UnusableSettings
from jobs import demo
from jobs.demo import check_trainer, fresh_model, next_commands


def test_a_model_stays_while_the_export_does_and_goes_with_another(tmp_path: Path) -> None:
    model, manifest = tmp_path / "model", tmp_path / "manifest.json"
    manifest.write_text("first")
    assert fresh_model(model, manifest) == model
    (model / "checkpoint").write_text("trained on first")
    assert (fresh_model(model, manifest) / "checkpoint").exists()
    manifest.write_text("second")
    assert [path.name for path in fresh_model(model, manifest).iterdir()] == ["manifest.json"]


def test_a_model_of_unknown_origin_is_not_gone_on_with(tmp_path: Path) -> None:
    model, manifest = tmp_path / "model", tmp_path / "manifest.json"
    manifest.write_text("first")
    model.mkdir()
    (model / "checkpoint").touch()
    assert not (fresh_model(model, manifest) / "checkpoint").exists()


def test_a_missing_trainer_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    check_trainer()
    monkeypatch.setattr(demo, "TRAINING_EXTRAS", ("torch", "no_such_package"))
    with pytest.raises(UnusableSettings, match="no_such_package is not installed: pip install 'biomedica-lake\\[train\\]'"):
        check_trainer()


def test_what_to_try_next_fits_a_terminal_and_names_another_place_than_the_profiles(tmp_path: Path) -> None:
    commands = next_commands(Path("build"))
    assert all(len(command) <= 78 and "lake.uri" not in command for command in commands)
    assert sum(f"lake.uri={tmp_path}/lake" in command for command in next_commands(tmp_path)) == 3
