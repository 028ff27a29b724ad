from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings, load_train_settings


@pytest.mark.parametrize("name", sorted(entry.name.removesuffix(".yaml") for entry in (files("conf") / "train").iterdir()))
def test_every_shipped_config_loads_by_its_bare_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOMEDICA_TRAIN_DATA", "s3://bucket/export")
    settings = load_train_settings(name)
    assert TrainSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_a_file_and_overrides_make_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: {uri: shards, batch_size: 4}\nmodel: {name: demo}\noutput: out\nsamples_total: 100\n")
    settings = load_train_settings(str(path), ["data.batch_size=8", "evaluation.zero_shot.classes=[blot, plot]"])
    assert settings.data.batch_size == 8
    assert settings.evaluation.zero_shot is not None
    assert settings.evaluation.zero_shot.classes == ("blot", "plot")


def test_every_wrong_key_is_named_at_once() -> None:
    with pytest.raises(UnusableSettings) as refused:
        load_train_settings("demo", ["data.lanes=0", "precision=half", "learning_rate=1"])
    assert all(key in str(refused.value) for key in ("data.lanes", "precision", "learning_rate: unknown key"))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_train_settings("demo").seed = 1  # type: ignore[misc]
