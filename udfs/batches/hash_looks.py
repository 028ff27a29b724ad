"""Hashed images, side by side by coarse hash, to one row a coarse hash with its looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.looks import FINE_WORDS, LOOK_BYTES, MAX_LOOKS, looks_of

HASHED = pa.schema([pa.field("phash", pa.int64()), pa.field("phash256", pa.binary())])
LOOKS = pa.schema(
    [
        pa.field("phash", pa.int64()),
        pa.field("num_images", pa.int64()),
        pa.field("is_usable", pa.bool_()),
        pa.field("looks", pa.binary()),
    ]
)


class _Rows(NamedTuple):
    """Images, those of one hash side by side: both hashes, the fine one as words, and how many images a row stands for."""

    phash: NDArray[np.int64]
    words: NDArray[np.uint64]
    has_look: NDArray[np.bool_]
    num_images: NDArray[np.int64]

    def selected(self, chosen: NDArray[np.bool_] | slice) -> _Rows:
        return _Rows(self.phash[chosen], self.words[chosen], self.has_look[chosen], self.num_images[chosen])

    def followed_by(self, other: _Rows) -> _Rows:
        phash, words = np.concatenate([self.phash, other.phash]), np.concatenate([self.words, other.words])
        has_look = np.concatenate([self.has_look, other.has_look])
        return _Rows(phash, words, has_look, np.concatenate([self.num_images, other.num_images]))


class GroupLooks:
    """Record batches of HASHED, sorted by both columns with NULL first, to LOOKS; holds a batch and at most MAX_LOOKS rows.

    `phash256` is NULL for an image that matches by no hash. `looks`: the distinct fine hashes one behind the other, in their
    order; empty where there are more than MAX_LOOKS. `is_usable` where some image has one.
    """

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Hashes come in the order given."""
        held: _Rows | None = None
        for batch in batches:
            if len(batch) == 0:
                continue
            rows = _rows(batch)
            rows = rows if held is None else held.followed_by(rows)
            is_last = rows.phash == rows.phash[-1]
            if not is_last.all():
                yield _grouped(rows.selected(~is_last))
            held = _shortened(rows.selected(is_last))
        if held is not None:
            yield _grouped(held)


def _rows(batch: pa.RecordBatch) -> _Rows:
    fine = batch.column("phash256")
    has_look = fine.is_valid().to_numpy(zero_copy_only=False)
    words = np.zeros((len(batch), FINE_WORDS), np.uint64)
    words[has_look] = looks_of(fine.drop_null()).words
    return _Rows(batch.column("phash").to_numpy(), words, has_look, np.ones(len(batch), np.int64))


def _is_first_of_look(rows: _Rows) -> NDArray[np.bool_]:
    """Which rows have a look that the row before, of the same hash, has not."""
    is_first = rows.has_look.copy()
    is_same = (rows.phash[1:] == rows.phash[:-1]) & rows.has_look[:-1] & (rows.words[1:] == rows.words[:-1]).all(axis=1)
    is_first[1:] &= ~is_same
    return is_first


def _shortened(rows: _Rows) -> _Rows:
    """The same group of one hash in at most MAX_LOOKS + 1 rows."""
    kept = _is_first_of_look(rows)
    if not kept.any():
        kept[0] = True
    kept &= np.cumsum(kept) <= MAX_LOOKS + 1
    short = rows.selected(kept)
    short.num_images[:] = 0
    short.num_images[0] = rows.num_images.sum()
    return short


def _grouped(rows: _Rows) -> pa.RecordBatch:
    is_look = _is_first_of_look(rows)
    begins = np.flatnonzero(np.append(True, rows.phash[1:] != rows.phash[:-1]))
    num_looks = np.add.reduceat(is_look.astype(np.int64), begins)
    group = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(rows.phash))))
    kept = np.where(num_looks > MAX_LOOKS, 0, num_looks)
    ends = (np.append(0, np.cumsum(kept)) * LOOK_BYTES).astype(np.int32)
    words = rows.words[is_look & (kept[group] > 0)]
    looks = pa.Array.from_buffers(pa.binary(), len(begins), [None, pa.py_buffer(ends), pa.py_buffer(words.tobytes())])
    columns = [pa.array(rows.phash[begins]), pa.array(np.add.reduceat(rows.num_images, begins)), pa.array(num_looks > 0), looks]
    return pa.RecordBatch.from_arrays(columns, schema=LOOKS)
