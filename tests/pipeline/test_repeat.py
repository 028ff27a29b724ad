"""A second run changes nothing, and a run that was killed anywhere is finished by the next."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs.entry import STAGES
from schemas.catalog import TABLES
from tests.pipeline.conftest import Archive, build
from tests.pipeline.lakes import differing_tables, overrides, rows, start_pipeline

# Scratch places that exist only while the stage runs, so that their coming into being tells that it has begun.
BEGUN = {
    "sync_inventory": "sync_inventory",
    "fetch_articles": "fetch_articles_work",
    "extract_figures": "extract_figures_work",
    "fetch_images": "fetch_images_named",
    "find_duplicates": "find_duplicates",
    "build_pairs": "build_pairs",
    "export_shards": "export_shards",
}


def test_a_second_run_skips_every_stage_and_changes_no_table(spark: SparkSession, sample_archive: Archive) -> None:
    before = {table.name: DeltaTable(str(sample_archive.lake / table.name)).version() for table in TABLES}
    again = build(spark, sample_archive.bucket, sample_archive.out)
    assert [result.stage for result in again.results if result.counts is not None] == []
    assert {table.name: DeltaTable(str(sample_archive.lake / table.name)).version() for table in TABLES} == before


@pytest.mark.slow
def test_a_run_killed_during_each_stage_ends_with_the_same_tables(sample_archive: Archive, tmp_path: Path) -> None:
    chance = random.Random(11)
    settings = overrides(sample_archive.bucket, tmp_path)
    for stage in STAGES:
        kill_during(settings, tmp_path / "lake" / "_staging" / BEGUN[stage], chance.uniform(0.0, 1.5))
    with start_pipeline(settings) as finished:
        _, complaints = finished.communicate(timeout=400)
    assert finished.returncode == 0, complaints[-2000:]
    assert differing_tables(tmp_path / "lake", sample_archive.lake) == []
    mine = {row["shard"]: row["sha256"] for row in rows(tmp_path / "lake", "shards")}
    assert mine == {row["shard"]: row["sha256"] for row in rows(sample_archive.lake, "shards")}


def kill_during(settings: list[str], scratch: Path, delay_s: float) -> None:
    """Start the pipeline and kill -9 its driver and JVM `delay_s` after `scratch` was written to."""
    before = stamp(scratch)
    process = start_pipeline(settings)
    deadline = time.monotonic() + 300
    while stamp(scratch) == before:
        assert process.poll() is None, process.stderr and process.stderr.read()[-2000:]
        assert time.monotonic() < deadline, f"{scratch} was not written"
        time.sleep(0.02)
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()


def stamp(folder: Path) -> float:
    return folder.stat().st_mtime if folder.exists() else 0.0
