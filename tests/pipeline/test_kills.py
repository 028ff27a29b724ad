"""Kill -9 of the driver and of executors, at thirteen points: the finished tables are those of an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.entry import STAGES
from schemas.articles import ARTICLES
from schemas.figures import FIGURES
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.conftest import SMALL_FRAMES
from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import differing_tables, overrides, shard_files, start_pipeline
from tests.pipeline.standalone import Cluster, running_cluster

SEED = 11
# Scratch places that exist only while the stage runs, so that their coming into being tells that it has begun.
BEGUN = {
    "sync_inventory": "sync_inventory",
    "fetch_articles": "fetch_articles_work",
    "extract_figures": "extract_figures_work",
    "fetch_images": "fetch_images_named",
    "find_duplicates": "find_duplicates",
    "find_eval_overlap": "find_eval_overlap",
    "build_pairs": "build_pairs",
    "export_shards": "export_shards",
}
# Tables that one wave commits one after the other: (an early one, the one that says that a row is done).
COMMITS = {"extract_figures": (FIGURES, ARTICLES), "fetch_images": (IMAGES, MEDIA)}
EXECUTOR_KILLS = ("fetch_articles", "extract_figures", "fetch_images")


def test_every_stage_is_killed_in_their_order_and_two_commits_and_three_executors_more() -> None:
    assert tuple(BEGUN) == STAGES
    assert set(COMMITS) <= set(BEGUN)
    assert len(BEGUN) + len(COMMITS) + len(EXECUTOR_KILLS) == 13


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


@pytest.mark.slow
def test_a_run_whose_executors_are_killed_gives_the_same_tables(small_archive: Archive, tmp_path: Path) -> None:
    chance = random.Random(SEED + 1)
    settings, complaints = overrides(small_archive.bucket, tmp_path), tmp_path / "submitted.log"
    with running_cluster(tmp_path) as cluster, cluster.submit(settings, complaints, **SMALL_FRAMES) as submitted:
        for stage in EXECUTOR_KILLS:
            wait_until_begun(submitted, tmp_path / "lake", stage)
            time.sleep(chance.uniform(0.0, 1.0))
            kill_executor(submitted, cluster, chance)
        submitted.wait(timeout=400)
    said = complaints.read_text()
    assert submitted.returncode == 0, said[-3000:]
    assert said.count("Lost executor") >= len(EXECUTOR_KILLS)
    assert same_archive(tmp_path, small_archive)


def wait_until_begun(process: subprocess.Popen[bytes], lake: Path, stage: str) -> None:
    """Return when the stage writes to its scratch place."""
    scratch = lake / "_staging" / BEGUN[stage]
    before = stamp(scratch)
    wait_for(process, lambda: stamp(scratch) != before, f"the scratch place of {stage}")


def wait_for(process: subprocess.Popen[bytes], happened: Callable[[], bool], what: str) -> None:
    """Return when it has happened."""
    deadline = time.monotonic() + 300
    while not happened():
        assert process.poll() is None, f"the run ended before {what}"
        assert time.monotonic() < deadline, f"there was no {what}"
        time.sleep(0.02)


def num_commits(log: Path) -> int:
    """How many versions a Delta table has, with the one that made it."""
    return len(list(log.glob("*.json")))


def kill_driver(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 the driver with its JVM and workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def kill_executor(process: subprocess.Popen[bytes], cluster: Cluster, chance: random.Random) -> None:
    """Kill -9 one executor of the running application."""
    while not (running := cluster.executors()):
        assert process.poll() is None, "the run ended before its executor was killed"
        time.sleep(0.02)
    chance.choice(sorted(running, key=lambda executor: executor.pid)).kill()
    assert process.poll() is None, "the run ended before its executor was killed"


def stamp(folder: Path) -> float:
    return folder.stat().st_mtime if folder.exists() else 0.0


def same_archive(out: Path, undisturbed: Archive) -> bool:
    """Whether tables and shard files are the same."""
    assert differing_tables(out / "lake", undisturbed.lake) == []
    return shard_files(out / "shards" / "default") == shard_files(undisturbed.shards) != {}
