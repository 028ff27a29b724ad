"""Duplicates of a whole archive, from Delta to Delta: seconds to the candidate pairs and to the table, and peak memory."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from pyspark.sql import functions as F

from conf.load import load_settings
from jobs import find_duplicates
from jobs.bench.generated_images import write_archive
from jobs.bench.memory import peak_memory
from jobs.bench.stages import bench_session, local_options, stage_seconds
from jobs.tables import Lake
from schemas.duplicates import DUPLICATES
from schemas.hash_pairs import HASH_PAIRS

STAGE = find_duplicates.STAGE


def measure(folder: Path, num_images: int, *overrides: str, is_correlated: bool = False) -> dict[str, Any]:
    """One full run over a generated archive below `folder`, which is drawn if it is not there."""
    options = [*local_options(folder), f"lake.uri={folder}/lake", *overrides]
    settings = load_settings("local", options)
    with bench_session(options) as spark:
        lake = Lake(spark, settings.lake)
        if not lake.exists():
            write_archive(lake, num_images, is_correlated)
        with peak_memory() as peak, Written(folder / "lake" / "_staging" / STAGE / "found" / "_SUCCESS") as pairs:
            started = time.time()
            seconds = stage_seconds(spark, settings, STAGE)
        return {
            "images": num_images,
            "seconds_to_pairs": round(pairs.at - started, 1),
            "seconds": round(seconds, 1),
            "peak_memory_gb": round(peak.num_bytes / 1e9, 2),
            **results(lake),
        }


def results(lake: Lake) -> dict[str, Any]:
    """What was found: pairs, images in clusters, clusters, rows by kind."""
    rows = lake.read(DUPLICATES)
    kinds = {row["kind"]: row["count"] for row in rows.groupBy("kind").count().collect()}
    clusters = rows.agg(F.count_distinct("cluster_id").alias("n")).collect()[0]["n"]
    return {"pairs": lake.read(HASH_PAIRS).count(), "clusters": clusters, **dict(sorted(kinds.items()))}


class Written:
    """Watches for a file: `at` is when it was last written (seconds since 1970)."""

    def __init__(self, path: Path) -> None:
        self._path, self._done, self.at = path, Event(), 0.0
        self._watcher = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Written:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            if self._path.exists():
                self.at = max(self.at, self._path.stat().st_mtime)


def main(arguments: list[str]) -> int:
    """The command `python -m jobs.bench.duplicates_spark NUM_IMAGES [--folder DIR] [key=value ...]`."""
    parser = argparse.ArgumentParser(prog="jobs.bench.duplicates_spark", description="Find a generated archive's duplicates.")
    parser.add_argument("num_images", type=int, help="a multiple of 20")
    parser.add_argument("--folder", type=Path, help="where the archive is drawn, or lies already")
    parser.add_argument("--correlated", action="store_true", help="draw hashes whose bits depend on each other")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        folder = (chosen.folder or Path(scratch)).resolve()
        measured = measure(folder, chosen.num_images, *chosen.overrides, is_correlated=chosen.correlated)
    sys.stdout.write(json.dumps(measured) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
