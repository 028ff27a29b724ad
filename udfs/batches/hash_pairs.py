"""Distinct hashes to the confirmed pairs of them within a Hamming distance, by tasks that all see the same files or by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.bands import Agreement
from udfs.hamming import Pairs
from udfs.looks import Distances, Looks, joined, looks_of
from udfs.near_duplicates import Task, candidate_pairs

HASH = pa.schema([pa.field("phash", pa.int64()), pa.field("looks", pa.binary())])
PACKED = pa.schema([pa.field("hashes", pa.binary()), pa.field("ends", pa.binary()), pa.field("looks", pa.binary())])
TASK = pa.schema([pa.field("id", pa.int64())])
KEYED = pa.schema(
    [
        pa.field("agreement", pa.int32()),
        pa.field("share", pa.int32()),
        pa.field("side", pa.int32()),
        pa.field("phash", pa.int64()),
        pa.field("is_new", pa.bool_()),
        pa.field("looks", pa.binary()),
    ]
)
# A share of a hot key compares one block of its hashes with itself, or two with each other: on which side a hash stands.
ALONE, LEFT, RIGHT = 0, 1, 2
PAIR = pa.schema(
    [pa.field("lower_phash", pa.int64()), pa.field("upper_phash", pa.int64()), pa.field("hamming_distance", pa.int32())]
)


class HashFiles(NamedTuple):
    """Distinct hashes (uint64) and their looks as three arrays that tasks see in one file each."""

    hashes: NDArray[np.uint64]
    look_starts: NDArray[np.int64]
    words: NDArray[np.uint64]

    @property
    def looks(self) -> Looks:
        """The looks of each hash."""
        return Looks(self.look_starts, self.words)


@dataclass(frozen=True)
class PackHashes:
    """Record batches of HASH to PACKED: one row a batch, to be streamed to where the files are written."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Bytes of the hashes, of the ends of their looks (counted in this batch) and of the looks."""
        for batch in batches:
            if len(batch):
                looks = looks_of(batch.column("looks"))
                packed = (batch.column("phash").to_numpy(), looks.starts[1:], looks.words)
                columns = [pa.array([values.tobytes()], pa.binary()) for values in packed]
                yield pa.RecordBatch.from_arrays(columns, schema=PACKED)


@dataclass(frozen=True)
class SearchFiles:
    """Numbers of tasks to the pairs that these tasks find among the hashes of the files, old ones first.

    `files` is called where the task runs: every machine has its own copy of them.
    """

    files: Callable[[], HashFiles]
    distances: Distances
    tasks: Sequence[Task]
    first_new: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """PAIR batches with a new hash in each pair; every pair is found by one task and no other."""
        for batch in batches:
            tasks = [self.tasks[number] for number in batch.column("id").to_pylist()]
            files = self.files()
            for pairs in candidate_pairs(files.hashes, self.distances.coarse, tasks, self.first_new):
                confirmed = files.looks.confirmed(pairs, self.distances.fine)
                yield _pair_batch(files.hashes, pairs.selected(confirmed))


@dataclass(frozen=True)
class SearchKeys:
    """Hashes, once for each agreement and share and all of a share in one task, to the pairs that the agreements find.

    The order of the rows does not matter. Holds the rows of one task.
    """

    distances: Distances
    agreements: Sequence[Agreement]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """PAIR batches with a new hash in each pair."""
        narrow: list[list[NDArray[Any]]] = []
        parts: list[Looks] = []
        for batch in batches:
            looks = looks_of(batch.column("looks"))
            # Copies: a part of a batch would keep all of it.
            parts.append(Looks(looks.starts, looks.words.copy()))
            narrow.append([np.array(batch.column(name)) for name in ("agreement", "share", "side", "phash", "is_new")])
        if not narrow:
            return
        looks = joined(parts)
        parts.clear()
        agreement, share, side, hashes, is_new = (np.concatenate(column) for column in zip(*narrow, strict=True))
        narrow.clear()
        places = agreement.astype(np.int64) << 32 | share
        for place in np.unique(places).tolist():
            mine = places == place
            old, new = np.flatnonzero(mine & ~is_new), np.flatnonzero(mine & is_new)
            rows_of_share = np.concatenate([old, new]).astype(np.int32)
            together = hashes[rows_of_share].view(np.uint64)
            for found in candidate_pairs(together, self.distances.coarse, [Task(self.agreements[place >> 32])], len(old)):
                pairs = Pairs(rows_of_share[found.i], rows_of_share[found.j], found.distance)
                pairs = pairs.selected((side[pairs.i] == ALONE) | (side[pairs.i] != side[pairs.j]))
                yield _pair_batch(hashes.view(np.uint64), pairs.selected(looks.confirmed(pairs, self.distances.fine)))


def _pair_batch(hashes: NDArray[np.uint64], pairs: Pairs) -> pa.RecordBatch:
    """Pairs by their hashes as signed integers, the smaller one first."""
    ends = np.stack([hashes[pairs.i], hashes[pairs.j]]).view(np.int64)
    columns = [ends.min(axis=0), ends.max(axis=0), pairs.distance.astype(np.int32)]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=PAIR)
