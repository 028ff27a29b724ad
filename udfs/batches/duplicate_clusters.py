"""Hashed images, best first, to duplicate clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.looks import FINE_WORDS
from udfs.near_images import Grouping, HashedImages, group_near

NODE = pa.schema(
    [
        pa.field("image_sha256", pa.string()),
        pa.field("pixels_sha256", pa.string()),
        pa.field("phash_trimmed", pa.int64()),
        pa.field("phash256_trimmed", pa.binary()),
        pa.field("is_featureless", pa.bool_()),
    ]
)
RESULT = pa.schema(
    [
        pa.field("image_sha256", pa.string()),
        pa.field("canonical_sha256", pa.string()),
        pa.field("component_sha256", pa.string()),
        pa.field("is_same_pixels", pa.bool_()),
        pa.field("hamming_distance", pa.int32()),
    ]
)

_Positions = NDArray[np.int64]
_Words = NDArray[np.uint64]


@dataclass(frozen=True)
class FindClusters:
    """Record batches of NODE, best image first, to RESULT: images of clusters of two and more, and near members of others.

    A task holds whole components of the candidate graph: an image in another task is no duplicate of one in this.
    """

    max_distance: int
    max_distance_256: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Images that are one to the hashes join the best of them; of those that are left, the near ones the best near them."""
        received = list(batches)
        if not received:
            return
        nodes = pa.Table.from_batches(received).combine_chunks()
        hashes = nodes["phash_trimmed"].to_numpy().view(np.uint64)
        fine = np.frombuffer(b"".join(nodes["phash256_trimmed"].to_pylist()), np.uint64).reshape(-1, FINE_WORDS)
        usable = ~nodes["is_featureless"].to_numpy(zero_copy_only=False)
        pixels = first_of_equal(nodes["pixels_sha256"].combine_chunks().dictionary_encode().indices.to_numpy())
        looks = _first_of_equal_hashes(hashes, fine, pixels, usable)
        best = np.unique(looks[usable])
        images = HashedImages(hashes[best], fine[best], self.max_distance, self.max_distance_256)
        groups = [_of_all(looks, best, positions) for positions in group_near(images)]
        yield _rows(nodes["image_sha256"].combine_chunks(), hashes, pixels, Grouping(*groups))


def first_of_equal(values: NDArray[np.generic]) -> _Positions:
    """For each value the position of the first one equal to it."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    positions: _Positions = first[which].astype(np.int64)
    return positions


def _first_of_equal_hashes(hashes: _Words, fine: _Words, pixels: _Positions, is_usable: NDArray[np.bool_]) -> _Positions:
    """For each image the first with both its hashes, or for a featureless one with its pixels."""
    usable, first = np.flatnonzero(is_usable), pixels.copy()
    words = np.column_stack([hashes[usable], fine[usable]]).astype(">u8")
    first[usable] = usable[first_of_equal(words.view(f"S{words.shape[1] * 8}").ravel())]
    return first


def _of_all(looks: _Positions, best: _Positions, positions: _Positions) -> _Positions:
    """For each image what its best equal has, `positions` among the usable `best`; a featureless one the first of its pixels."""
    chosen = np.arange(len(looks))
    chosen[best] = best[positions]
    return chosen[looks]


def _rows(names: pa.Array, hashes: _Words, pixels: _Positions, groups: Grouping) -> pa.RecordBatch:
    kept = np.flatnonzero(np.bincount(groups.component, minlength=len(groups.component))[groups.component] > 1)
    heads = groups.canonical[kept]
    distance = np.bitwise_count(hashes[kept] ^ hashes[heads]).astype(np.int32)
    columns = [
        names.take(pa.array(kept)),
        names.take(pa.array(heads)),
        names.take(pa.array(groups.component[kept])),
        pa.array(pixels[kept] == pixels[heads]),
        pa.array(distance),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RESULT)
