"""Distinct hashes to the pairs of them within a Hamming distance, by tasks that all see one file or by keys of a shuffle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.bands import Agreement
from udfs.hamming import Pairs
from udfs.near_duplicates import Task, candidate_pairs, load_hashes

HASH = pa.schema([pa.field("phash", pa.int64())])
PACKED = pa.schema([pa.field("packed", pa.binary())])
TASK = pa.schema([pa.field("id", pa.int64())])
KEYED = pa.schema([pa.field("agreement", pa.int32()), pa.field("phash", pa.int64()), pa.field("is_new", pa.bool_())])
PAIR = pa.schema(
    [pa.field("lower_phash", pa.int64()), pa.field("upper_phash", pa.int64()), pa.field("hamming_distance", pa.int32())]
)


@dataclass(frozen=True)
class PackHashes:
    """Record batches of HASH to PACKED: one row a batch, 8 bytes a hash, to be streamed to where the file is written."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One row of bytes for each batch."""
        for batch in batches:
            packed = batch.column("phash").to_numpy().tobytes()
            yield pa.RecordBatch.from_arrays([pa.array([packed], pa.binary())], schema=PACKED)


@dataclass(frozen=True)
class SearchFile:
    """Numbers of tasks to the pairs that these tasks find among the hashes of one file, old ones first.

    `path` is called where the task runs: every machine has its own copy of the file.
    """

    path: Callable[[], Path]
    max_distance: int
    tasks: Sequence[Task]
    first_new: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """PAIR batches with a new hash in each pair; every pair is found by one task and no other."""
        for batch in batches:
            tasks = [self.tasks[number] for number in batch.column("id").to_pylist()]
            hashes = load_hashes(self.path())
            for pairs in candidate_pairs(hashes, self.max_distance, tasks, self.first_new):
                yield _pair_batch(hashes, pairs)


@dataclass(frozen=True)
class SearchKeys:
    """Hashes, once for each agreement and all of a key in one task, to the pairs that the agreements find.

    The order of the rows does not matter. Holds the rows of one task.
    """

    max_distance: int
    agreements: Sequence[Agreement]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """PAIR batches with a new hash in each pair."""
        received = list(batches)
        if not received:
            return
        rows = pa.Table.from_batches(received)
        numbers, is_new = rows["agreement"].to_numpy(), rows["is_new"].to_numpy()
        hashes = rows["phash"].to_numpy().view(np.uint64)
        for number in np.unique(numbers):
            mine = numbers == number
            old, new = hashes[mine & ~is_new], hashes[mine & is_new]
            together = np.concatenate([old, new])
            for pairs in candidate_pairs(together, self.max_distance, [Task(self.agreements[number])], len(old)):
                yield _pair_batch(together, pairs)


def _pair_batch(hashes: NDArray[np.uint64], pairs: Pairs) -> pa.RecordBatch:
    """Pairs by their hashes as signed integers, the smaller one first."""
    ends = np.stack([hashes[pairs.i], hashes[pairs.j]]).view(np.int64)
    columns = [ends.min(axis=0), ends.max(axis=0), pairs.distance.astype(np.int32)]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=PAIR)
