"""Kill -9 of the driver at ten points: the finished tables are those of an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from jobs.entry import STAGES
from schemas.articles import ARTICLES
from schemas.figures import FIGURES
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.pipeline.conftest import Archive
from tests.pipeline.killing import BEGUN, same_archive, wait_for, wait_until_begun
from tests.pipeline.lakes import overrides, shard_files, start_pipeline

SEED = 11
# Tables that one wave commits one after the other: (an early one, the one that says that a row is done).
COMMITS = {"extract_figures": (FIGURES, ARTICLES), "fetch_images": (IMAGES, MEDIA)}


def test_every_stage_is_killed_in_their_order_and_between_two_commits_of_two_stages_more() -> None:
    assert tuple(BEGUN) == STAGES
    assert set(COMMITS) <= set(BEGUN)
    assert len(BEGUN) + len(COMMITS) == 10


def test_a_shard_file_that_is_not_what_the_manifest_names_is_found(tmp_path: Path) -> None:
    shard = {"shard": "train-000000.tar", "sha256": hashlib.sha256(b"samples").hexdigest()}
    (tmp_path / "manifest.json").write_text(json.dumps({"shards": [shard]}))
    (tmp_path / shard["shard"]).write_bytes(b"samples")
    assert shard_files(tmp_path) == {shard["shard"]: shard["sha256"]}
    (tmp_path / shard["shard"]).write_bytes(b"part of")
    with pytest.raises(AssertionError):
        shard_files(tmp_path)


@pytest.mark.slow
def test_a_driver_killed_during_each_stage_leaves_what_the_next_run_finishes(small_archive: Archive, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    settings = overrides(small_archive.bucket, tmp_path)
    for stage in BEGUN:
        if stage in COMMITS:
            process = start_pipeline(settings)
            early, last = (tmp_path / "lake" / table.name / "_delta_log" for table in COMMITS[stage])
            wait_for(process, lambda log=early: num_commits(log) > 1, f"a commit in {early}")
            kill_driver(process)
            assert num_commits(last) == 1, f"{last.parent.name} was committed before the kill"
        process = start_pipeline(settings)
        wait_until_begun(process, tmp_path / "lake", stage)
        time.sleep(chance.uniform(0.0, 1.5))
        kill_driver(process)
    with start_pipeline(settings) as finished:
        _, complaints = finished.communicate(timeout=400)
    assert finished.returncode == 0, complaints[-2000:]
    assert same_archive(tmp_path, small_archive)


def num_commits(log: Path) -> int:
    """How many versions a Delta table has, with the one that made it."""
    return len(list(log.glob("*.json")))


def kill_driver(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 the driver with its JVM and workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
