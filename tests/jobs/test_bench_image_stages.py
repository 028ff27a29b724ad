"""The table of the image kernel's stages adds up the fastest round of each stage."""

from __future__ import annotations

import pytest

from jobs.bench import image_stages
from jobs.bench.image_stages import Stopwatch, time_stages
from tests.udfs.image_samples import encoded, image


def test_the_fastest_round_counts_and_files_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_stages, "ROUNDS", 3)
    watch = Stopwatch()
    for durations in ([5.0, 2.0, 3.0], [7.0, 9.0, 4.0]):
        clock = iter([time for number, length in enumerate(durations) for time in (100.0 * number, 100.0 * number + length)])
        monkeypatch.setattr(image_stages.time, "process_time", lambda clock=clock: next(clock))
        assert watch.fastest("decode", lambda: "pixels") == "pixels"
    assert watch.seconds == {"decode": 2.0 + 4.0}


def test_every_stage_of_an_image_is_timed() -> None:
    watch = Stopwatch()
    time_stages(encoded(image().resize((900, 700)), "JPEG"), watch)
    assert {"the whole kernel", "decode", "measures", "pHash", "trimmed hashes", "encode"} <= watch.seconds.keys()
    whole = watch.seconds.pop("the whole kernel")
    assert 0.3 * whole < sum(watch.seconds.values()) < 2 * whole
