import logging
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings
from training.checkpoint import Checkpoints, RandomState, find, read, write_whole
from training.distributed import Ranks

ALONE = Ranks(0, 1, torch.device("cpu"))


class Counter:
    """Something with a state."""

    def __init__(self, value: int) -> None:
        self.value = torch.full((3,), value)

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.value = state["value"]


def settings_of(output: Path, keep: int = 2) -> TrainSettings:
    return TrainSettings.model_validate(
        {
            "data": {"uri": "shards", "batch_size": 4},
            "model": {"name": "tiny"},
            "checkpoint": {"keep": keep},
            "output": str(output),
            "samples_total": 100,
        }
    )


def saved(output: Path, *samples_seen: int, keep: int = 2) -> Checkpoints:
    checkpoints = Checkpoints(settings_of(output, keep), ALONE)
    for count in samples_seen:
        checkpoints.save(count, {"counter": Counter(count)})
    return checkpoints


def test_a_checkpoint_holds_no_secret_and_is_gone_on_from(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    store = {"secret_access_key": "WORD"}
    secret = settings.model_copy(update={"data": settings.data.model_copy(update={"store": store})})
    checkpoints = Checkpoints(secret, ALONE)
    checkpoints.save(8, {"counter": Counter(8)})
    (path,) = (tmp_path / "checkpoints").iterdir()
    assert "WORD" not in str(read(path)["settings"])
    assert restored(checkpoints, "latest") == 8


def restored(checkpoints: Checkpoints, resume: str | None) -> int:
    counter = Counter(0)
    checkpoints.restore(resume, {"counter": counter})
    return int(counter.value[0])


def test_latest_is_the_newest_and_only_the_newest_few_stay(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 8, 16, 1024)
    assert restored(checkpoints, "latest") == 1024
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "samples-000000000016.pt",
        "samples-000000001024.pt",
    ]


def test_a_named_checkpoint_is_taken(tmp_path: Path) -> None:
    assert restored(saved(tmp_path, 8, 16), str(tmp_path / "checkpoints" / "samples-000000000008.pt")) == 8


def checkpoints_in(output: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("samples-")) for path in (output / "checkpoints").iterdir())


def test_a_run_that_goes_on_from_a_named_checkpoint_leaves_later_ones_behind(tmp_path: Path) -> None:
    saved(tmp_path, 8, 16, 24, keep=3)
    checkpoints = saved(tmp_path, keep=1)
    restored(checkpoints, str(tmp_path / "checkpoints" / ".." / "checkpoints" / "samples-000000000008.pt"))
    assert checkpoints_in(tmp_path) == [8]
    checkpoints.save(12, {"counter": Counter(12)})
    assert checkpoints_in(tmp_path) == [12]
    assert restored(checkpoints, "latest") == 12


@pytest.mark.parametrize("place", ["elsewhere/checkpoints/samples-000000000008.pt", "run/checkpoints/best.pt"])
def test_a_checkpoint_that_is_not_of_the_series_removes_none(place: str, tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "run", 8, 16)
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(tmp_path / "run" / "checkpoints" / "samples-000000000008.pt", tmp_path / place)
    assert restored(checkpoints, str(tmp_path / place)) == 8
    assert len(list((tmp_path / "run" / "checkpoints").glob("samples-*.pt"))) == 2


def test_a_checkpoint_that_does_not_fit_removes_none(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 8, 16)
    with pytest.raises(KeyError, match="loader"):
        checkpoints.restore(str(tmp_path / "checkpoints" / "samples-000000000008.pt"), {"loader": Counter(0)})
    assert checkpoints_in(tmp_path) == [8, 16]


def test_a_torn_checkpoint_does_not_take_the_place_of_a_whole_one(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 8, 24, keep=1)
    saved(tmp_path, 32, keep=2)
    os.truncate(tmp_path / "checkpoints" / "samples-000000000032.pt", 100)
    assert restored(checkpoints, "latest") == 24
    checkpoints.save(28, {"counter": Counter(28)})
    assert checkpoints_in(tmp_path) == [28]


def test_a_checkpoint_holds_the_resolved_settings(tmp_path: Path) -> None:
    saved(tmp_path, 8)
    content = read(tmp_path / "checkpoints" / "samples-000000000008.pt")
    assert TrainSettings.model_validate(content["settings"]) == settings_of(tmp_path)


@pytest.mark.parametrize("kept_share", [0.0, 0.5, 0.99])
def test_a_torn_checkpoint_is_left_out(tmp_path: Path, kept_share: float, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = saved(tmp_path, 8, 16)
    newest = tmp_path / "checkpoints" / "samples-000000000016.pt"
    os.truncate(newest, int(newest.stat().st_size * kept_share))
    with caplog.at_level(logging.WARNING, "training"):
        assert restored(checkpoints, "latest") == 8
    assert "samples-000000000016.pt is torn" in caplog.text


def test_a_checkpoint_with_a_flipped_bit_is_left_out(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 8, 16)
    newest = tmp_path / "checkpoints" / "samples-000000000016.pt"
    content = bytearray(newest.read_bytes())
    content[content.index(torch.full((3,), 16).numpy().tobytes())] ^= 4
    newest.write_bytes(content)
    assert restored(checkpoints, "latest") == 8


def test_an_unfinished_file_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 8)
    (tmp_path / "checkpoints" / "samples-000000000016.pt.unfinished").write_bytes(b"half")
    assert restored(checkpoints, "latest") == 8


def test_latest_of_an_empty_output_starts_anew(tmp_path: Path) -> None:
    assert restored(Checkpoints(settings_of(tmp_path), ALONE), "latest") == 0
    assert find(tmp_path, "latest") is None


def test_a_fresh_start_over_another_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableSettings, match=r"output: .* holds a run: go on by --resume latest"):
        restored(saved(tmp_path, 8), None)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableSettings, match=r"no checkpoint .*nowhere\.pt"):
        restored(saved(tmp_path, 8), str(tmp_path / "nowhere.pt"))


def test_a_write_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    write_whole(path, {"number": 1})
    script = (
        "import sys, torch; from pathlib import Path; from training.checkpoint import write_whole\n"
        "print('ready', flush=True)\n"
        "while True: write_whole(Path(sys.argv[1]), {'number': 2, 'ballast': torch.zeros(4_000_000)})"
    )
    for delay in (0.02, 0.05, 0.11):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
        assert read(path)["number"] in {1, 2}


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_random_numbers_go_on_where_they_stopped(tmp_path: Path) -> None:
    before = RandomState(3, ALONE)
    draws()
    write_whole(tmp_path / "random.pt", before.state_dict())
    expected = draws()
    RandomState(4, ALONE).load_state_dict(read(tmp_path / "random.pt"))
    assert draws() == expected


def test_each_process_draws_its_own_random_numbers() -> None:
    drawn = []
    for rank in range(2):
        RandomState(3, Ranks(rank, 2, torch.device("cpu")))
        drawn.append(draws())
    assert all(one != other for one, other in zip(*drawn, strict=True))
