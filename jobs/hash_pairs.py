"""Every pair of distinct hashes within a Hamming distance, found by all executors together."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from pyspark import SparkFiles
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.arrow_frames import map_batches, sql_columns
from udfs.bands import ALL_BITS, HASH_BITS, Agreement, agreements, cheapest_num_bands
from udfs.batches.hash_pairs import KEYED, PACKED, PAIR, PackHashes, SearchFile, SearchKeys
from udfs.near_duplicates import plan_tasks


@dataclass(frozen=True)
class _ExecutorFile:
    """Where a file sent to every executor lies on the machine that asks."""

    name: str

    def __call__(self) -> Path:
        return Path(SparkFiles.get(self.name))


@contextmanager
def hash_pairs(hashes: DataFrame, settings: DuplicateSettings) -> Iterator[DataFrame]:
    """lower_phash, upper_phash and hamming_distance of every pair within `max_distance` that has a new hash in it.

    hashes: phash (long, distinct), is_new; staged, for it is read several times. Up to `max_broadcast_hashes` go to every
    executor as one file of 8 bytes each, and tasks are shares of the search; more are shuffled by the bits that must agree.
    The frame can be read as long as the context is open: after that the file is empty.
    """
    num_by_age = {row["is_new"]: row["count"] for row in hashes.groupBy("is_new").count().collect()}
    num_old, num_new = num_by_age.get(False, 0), num_by_age.get(True, 0)
    if num_new == 0 or num_old + num_new < 2:
        yield hashes.sparkSession.createDataFrame([], sql_columns(PAIR))
    elif num_old + num_new > settings.max_broadcast_hashes:
        yield _shuffled(hashes, num_old + num_new, settings)
    else:
        path = sent_files() / f"hashes-{secrets.token_hex(8)}.npy"
        try:
            yield _broadcast(hashes, (num_old, num_new), settings.max_distance, path)
        finally:
            with suppress(FileNotFoundError):
                os.truncate(path, 0)


@cache
def sent_files() -> Path:
    """The folder of the files that were sent to executors, kept until this process ends.

    An executor asks for every file that was ever sent before it takes its first task, however late that is, and Spark takes no
    file back: one that is done with stays, without content.
    """
    folder = Path(mkdtemp(prefix="biomedica-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _broadcast(hashes: DataFrame, sizes: tuple[int, int], max_distance: int, path: Path) -> DataFrame:
    spark, (num_old, num_new) = hashes.sparkSession, sizes
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint64, shape=(num_old + num_new,))
    start = 0
    for is_new in (False, True):
        packed = map_batches(hashes.where(F.col("is_new") == is_new).select("phash"), PackHashes(), PACKED)
        for row in packed.toLocalIterator():
            part = np.frombuffer(row["packed"], np.uint64)
            written[start : start + len(part)] = part
            start += len(part)
    written.flush()
    spark.sparkContext.addFile(str(path))
    tasks = plan_tasks(num_old + num_new, max_distance)
    search = SearchFile(_ExecutorFile(path.name), max_distance, tasks, num_old)
    return map_batches(spark.range(0, len(tasks), 1, len(tasks)), search, PAIR)


def _shuffled(hashes: DataFrame, num_hashes: int, settings: DuplicateSettings) -> DataFrame:
    num_bands = cheapest_num_bands(num_hashes, HASH_BITS, settings.max_distance) or settings.max_distance + 1
    ways = agreements(ALL_BITS, settings.max_distance, num_bands)
    keys = F.array(*(F.struct(F.lit(number).alias("agreement"), _key(way).alias("key")) for number, way in enumerate(ways)))
    num_tasks = -(-num_hashes * len(ways) // settings.hashes_per_task)
    keyed = hashes.select("phash", "is_new", F.explode(keys).alias("at")).select("at.agreement", "at.key", "phash", "is_new")
    placed = keyed.repartition(num_tasks, "agreement", "key").select(*KEYED.names)
    return map_batches(placed, SearchKeys(settings.max_distance, ways), PAIR)


def _key(way: Agreement) -> Column:
    return F.col("phash").bitwiseAND(F.lit(int(np.uint64(way.equal).view(np.int64))))
