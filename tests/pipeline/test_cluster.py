"""spark-submit to a standalone cluster gives the tables of a local run, though executors are killed with -9 on the way."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.pipeline.conftest import Archive
from tests.pipeline.killing import BEGUN, same_archive, wait_until_begun
from tests.pipeline.lakes import overrides
from tests.pipeline.standalone import Cluster, running_cluster

SEED = 12
KILLED_DURING = ("fetch_articles", "extract_figures", "fetch_images")


def test_executors_are_killed_in_the_stages_that_fetch_and_extract() -> None:
    assert set(KILLED_DURING) <= set(BEGUN)
    assert len(KILLED_DURING) == 3


@pytest.mark.slow
def test_a_cluster_whose_executors_are_killed_gives_the_tables_of_a_local_run(small_archive: Archive, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    settings, complaints = overrides(small_archive.bucket, tmp_path), tmp_path / "submitted.log"
    with running_cluster(tmp_path) as cluster, cluster.submit(settings, complaints) as submitted:
        for stage in KILLED_DURING:
            wait_until_begun(submitted, tmp_path / "lake", stage)
            time.sleep(chance.uniform(0.0, 1.0))
            kill_executor(submitted, cluster, chance)
        submitted.wait(timeout=500)
    said = complaints.read_text()
    assert submitted.returncode == 0, said[-3000:]
    assert said.count("Lost executor") >= len(KILLED_DURING)
    assert same_archive(tmp_path, small_archive)


def kill_executor(process: subprocess.Popen[bytes], cluster: Cluster, chance: random.Random) -> None:
    """Kill -9 one executor of the running application."""
    while not (running := cluster.executors()):
        assert process.poll() is None, "the run ended before its executor was killed"
        time.sleep(0.02)
    chance.choice(sorted(running, key=lambda executor: executor.pid)).kill()
    assert process.poll() is None, "the run ended before its executor was killed"
