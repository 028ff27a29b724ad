"""Every confirmed pair of distinct hashes within a Hamming distance, found by all executors together."""

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
from typing import NamedTuple

import numpy as np
from numpy.lib.format import open_memmap
from pyspark import SparkFiles
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.arrow_frames import map_batches, sql_columns
from jobs.hash_keys import placed_by_key
from udfs.bands import ALL_BITS, HASH_BITS, agreements, cheapest_num_bands
from udfs.batches.hash_pairs import PACKED, PAIR, HashFiles, PackHashes, SearchFiles, SearchKeys
from udfs.looks import FINE_WORDS, LOOK_BYTES, Distances
from udfs.near_duplicates import plan_tasks

# Of a hash without its looks: itself and where they start.
_HASH_BYTES = 16


@dataclass(frozen=True)
class _ExecutorFiles:
    """Where files sent to every executor lie on the machine that asks."""

    token: str

    def __call__(self) -> HashFiles:
        names = (_file_name(field, self.token) for field in HashFiles._fields)
        return HashFiles(*(np.load(SparkFiles.get(name), mmap_mode="r") for name in names))


class _Sizes(NamedTuple):
    """Hashes that are not new, those that are, and the looks of both."""

    num_old: int
    num_new: int
    num_looks: int

    @property
    def num_hashes(self) -> int:
        return self.num_old + self.num_new

    @property
    def num_bytes(self) -> int:
        """What the files take."""
        return _HASH_BYTES * self.num_hashes + LOOK_BYTES * self.num_looks


@contextmanager
def hash_pairs(hashes: DataFrame, settings: DuplicateSettings) -> Iterator[DataFrame]:
    """lower_phash, upper_phash and hamming_distance of every confirmed pair within `max_distance` that has a new hash in it.

    Confirmed is a pair that has a look each within `max_distance_256`, or one with more looks than are kept.
    hashes: phash (long, distinct), looks, is_new; staged, for it is read several times. Up to `max_broadcast_bytes` go to every
    executor in files (16 bytes a hash, 32 a look), and tasks are shares of the search; more are shuffled by the bits that must
    agree. The frame can be read as long as the context is open: after that the driver's files are empty, and executors keep
    theirs until the application ends.
    """
    sizes = _sizes(hashes)
    if sizes.num_new == 0 or sizes.num_hashes < 2:
        yield hashes.sparkSession.createDataFrame([], sql_columns(PAIR))
    elif sizes.num_bytes > settings.max_broadcast_bytes:
        yield _shuffled(hashes, sizes, settings)
    else:
        token = secrets.token_hex(8)
        try:
            yield _broadcast(hashes, sizes, _distances(settings), token)
        finally:
            for name in (_file_name(field, token) for field in HashFiles._fields):
                for path in (sent_files() / name, Path(SparkFiles.get(name))):  # Spark keeps a copy on the driver
                    with suppress(FileNotFoundError):
                        os.truncate(path, 0)


def _sizes(hashes: DataFrame) -> _Sizes:
    num_looks = F.sum(F.octet_length("looks")) / LOOK_BYTES
    rows = hashes.groupBy("is_new").agg(F.count("*").alias("num_hashes"), num_looks.cast("long").alias("num_looks")).collect()
    by_age = {row["is_new"]: row["num_hashes"] for row in rows}
    return _Sizes(by_age.get(False, 0), by_age.get(True, 0), sum(row["num_looks"] for row in rows))


def _distances(settings: DuplicateSettings) -> Distances:
    return Distances(settings.max_distance, settings.max_distance_256)


def _file_name(field: str, token: str) -> str:
    return f"{field}-{token}.npy"


@cache
def sent_files() -> Path:
    """The folder of the files that were sent to executors, kept until this process ends.

    An executor asks for every file that was ever sent before it takes its first task, however late that is, and Spark takes no
    file back: one that is done with stays, without content.
    """
    folder = Path(mkdtemp(prefix="biomedica-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _broadcast(hashes: DataFrame, sizes: _Sizes, distances: Distances, token: str) -> DataFrame:
    spark = hashes.sparkSession
    _write_files(hashes, sizes, token)
    for field in HashFiles._fields:
        spark.sparkContext.addFile(str(sent_files() / _file_name(field, token)))
    tasks = plan_tasks(sizes.num_hashes, distances.coarse)
    search = SearchFiles(_ExecutorFiles(token), distances, tasks, sizes.num_old)
    return map_batches(spark.range(0, len(tasks), 1, len(tasks)), search, PAIR)


def _write_files(hashes: DataFrame, sizes: _Sizes, token: str) -> None:
    """Stream old hashes, then new ones into the files; the driver holds a partition of the staged hashes at a time."""
    arrays = {
        "hashes": (np.uint64, (sizes.num_hashes,)),
        "look_starts": (np.int64, (sizes.num_hashes + 1,)),
        "words": (np.uint64, (sizes.num_looks, FINE_WORDS)),
    }
    files = {
        field: open_memmap(sent_files() / _file_name(field, token), mode="w+", dtype=dtype, shape=shape)
        for field, (dtype, shape) in arrays.items()
    }
    written = HashFiles(**files)
    start, num_looks = 0, 0
    for is_new in (False, True):
        packed = map_batches(hashes.where(F.col("is_new") == is_new).select("phash", "looks"), PackHashes(), PACKED)
        for row in packed.toLocalIterator():
            part, ends = np.frombuffer(row["hashes"], np.uint64), np.frombuffer(row["ends"], np.int64)
            words = np.frombuffer(row["looks"], np.uint64).reshape(-1, FINE_WORDS)
            written.hashes[start : start + len(part)] = part
            written.look_starts[start + 1 : start + 1 + len(part)] = ends + num_looks
            written.words[num_looks : num_looks + len(words)] = words
            start, num_looks = start + len(part), num_looks + len(words)
    for file in files.values():
        file.flush()


def _shuffled(hashes: DataFrame, sizes: _Sizes, settings: DuplicateSettings) -> DataFrame:
    num_bands = cheapest_num_bands(sizes.num_hashes, HASH_BITS, settings.max_distance) or settings.max_distance + 1
    ways = agreements(ALL_BITS, settings.max_distance, num_bands)
    of_one_look = (_HASH_BYTES + LOOK_BYTES) * sizes.num_hashes
    hashes_per_task = min(settings.hashes_per_task, max(1, settings.hashes_per_task * of_one_look // sizes.num_bytes))
    return map_batches(placed_by_key(hashes, ways, hashes_per_task), SearchKeys(_distances(settings), ways), PAIR)
