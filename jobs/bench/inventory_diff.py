"""A day's inventory of the whole bucket against the table of the day before: seconds and peak memory of all processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import Settings
from jobs.bench.generated_inventory import DailyChange, write_inventory
from jobs.bench.memory import peak_memory
from jobs.bench.stages import bench_session, local_options, stage_seconds
from jobs.tables import Lake
from udfs.inventory import find_manifest
from udfs.inventory_rows import part_batches
from udfs.source import SourceOptions, open_source

Result = TypeVar("Result")
STAGE = "sync_inventory"
NUM_ROWS = 9_300_000
HEAP = "spark.driver_memory=3g"
CHANGE = DailyChange(num_added=6_000, num_changed=25_000, num_removed=500)


def run() -> list[dict[str, Any]]:
    """Seconds of the stage for the day that follows the first, and of the first day itself, which fills an empty table.

    The reference reads the same parts and the same table with pyarrow and delta-rs, in one process, and joins them on accession
    and ETag; it writes nothing.
    """
    with TemporaryDirectory() as folder, bench_session([*local_options(Path(folder)), HEAP]) as spark:
        return measured(spark, Path(folder), NUM_ROWS, CHANGE)


def measured(spark: SparkSession, folder: Path, num_rows: int, change: DailyChange) -> list[dict[str, Any]]:
    """The entries of both days, below an empty folder; RuntimeError when the table does not end as generated."""
    for day in (1, 2):
        elsewhere(write_inventory, folder / f"day{day}", num_rows, day, change)
    lake = f"lake.uri={folder}/lake"
    first, second = (load_settings("local", [lake, f"source.uri={folder}/day{day}"]) for day in (1, 2))
    Lake(spark, first.lake).create()
    load = timed(spark, first)
    reference = elsewhere(seconds_of_join, folder / "day2", folder / "lake" / "inventory")
    diff = timed(spark, second)
    check(folder / "lake" / "inventory", num_rows, change)
    both = {"reference": "pyarrow join of the same data, nothing written", "reference_value": reference, "n": num_rows}
    return [
        {"name": "inventory_diff", **diff, **both, "ratio": reference / diff["value"]},
        {"name": "inventory_load", **load, **both, "ratio": reference / load["value"]},
    ]


def elsewhere(function: Callable[..., Result], *arguments: object) -> Result:
    """The function's result from a process of its own, so that its memory is not counted with the stage's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def timed(spark: SparkSession, settings: Settings) -> dict[str, Any]:
    """Seconds and peak memory (GB, 10^9 bytes) of one run of the stage."""
    with peak_memory() as peak:
        seconds = stage_seconds(spark, settings, STAGE)
    return {"value": seconds, "unit": "s", "cores": os.cpu_count(), "peak_memory_gb": peak.num_bytes / 1e9}


def seconds_of_join(source: Path, table: Path) -> float:
    """Seconds to find what differs, in one process and without writing."""
    start = time.perf_counter()
    bucket = open_source(SourceOptions(str(source)))
    manifest = find_manifest(bucket)
    if manifest is None:
        raise RuntimeError(f"{source} has no inventory")
    listed = pa.Table.from_batches(b for part in manifest.parts for b in part_batches(bucket, part, manifest.columns))
    known = DeltaTable(str(table)).to_pyarrow_table(columns=["accession", "etag"])
    new = listed.select(["accession", "etag"]).join(known, ["accession", "etag"], join_type="left anti")
    gone = known.join(listed.select(["accession", "etag"]), ["accession", "etag"], join_type="left anti")
    if not new.num_rows or not gone.num_rows:
        raise RuntimeError("the two days do not differ")
    return time.perf_counter() - start


def check(table: Path, num_rows: int, change: DailyChange) -> None:
    """RuntimeError unless the table holds both days."""
    states = DeltaTable(str(table)).to_pyarrow_table(columns=["state", "first_seen", "last_seen"])
    removed = pc.sum(pc.equal(states["state"], "removed")).as_py()
    seen = pc.sum(pc.equal(states["last_seen"], pc.max(states["last_seen"]))).as_py()
    if (states.num_rows, removed, seen) != (
        num_rows + change.num_added,
        change.num_removed,
        change.num_added + change.num_changed,
    ):
        raise RuntimeError(f"{states.num_rows} rows, {removed} removed, {seen} new or changed: not as generated")
