"""Hashed images, best first, to duplicate clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.clusters import assign_canonical
from udfs.hamming import Pairs
from udfs.near_duplicates import candidate_pairs

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
        pa.field("is_same_pixels", pa.bool_()),
        pa.field("hamming_distance", pa.int32()),
    ]
)
_FINE_WORDS = 4

_Positions = NDArray[np.int64]
_Words = NDArray[np.uint64]


@dataclass(frozen=True)
class FindClusters:
    """Record batches of NODE, best image first, to RESULT: images of clusters of two and more.

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
        fine = np.frombuffer(b"".join(nodes["phash256_trimmed"].to_pylist()), np.uint64).reshape(-1, _FINE_WORDS)
        usable = ~nodes["is_featureless"].to_numpy(zero_copy_only=False)
        pixels = first_of_equal(nodes["pixels_sha256"].combine_chunks().dictionary_encode().indices.to_numpy())
        looks = _first_of_equal_hashes(hashes, fine, pixels, usable)
        best = np.unique(looks)
        edges = self._edges(hashes[best], fine[best], usable[best])
        canonical = best[assign_canonical(np.arange(len(best)), edges).canonical][np.searchsorted(best, looks)]
        yield _rows(nodes["image_sha256"].combine_chunks(), hashes, pixels, canonical)

    def _edges(self, hashes: _Words, fine: _Words, is_usable: NDArray[np.bool_]) -> Pairs:
        usable = np.flatnonzero(is_usable)
        found = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))]
        for pairs in candidate_pairs(hashes[usable], self.max_distance):
            i, j = usable[pairs.i], usable[pairs.j]
            kept = np.bitwise_count(fine[i] ^ fine[j]).sum(axis=1) <= self.max_distance_256
            found.append(Pairs(i[kept].astype(np.int32), j[kept].astype(np.int32), pairs.distance[kept]))
        return Pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def first_of_equal(values: NDArray[np.generic]) -> _Positions:
    """For each value the position of the first one equal to it."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    positions: _Positions = first[which].astype(np.int64)
    return positions


def _first_of_equal_hashes(hashes: _Words, fine: _Words, pixels: _Positions, is_usable: NDArray[np.bool_]) -> _Positions:
    """For each image the first with both its hashes, or for a featureless one with its pixels."""
    words = np.column_stack([hashes, fine]).astype(">u8")
    keys = np.where(is_usable, words.view(f"S{words.shape[1] * 8}").ravel(), np.bytes_(b""))
    return np.where(is_usable, first_of_equal(keys), pixels)


def _rows(names: pa.Array, hashes: _Words, pixels: _Positions, canonical: _Positions) -> pa.RecordBatch:
    kept = np.flatnonzero(np.bincount(canonical, minlength=len(canonical))[canonical] > 1)
    heads = canonical[kept]
    distance = np.bitwise_count(hashes[kept] ^ hashes[heads]).astype(np.int32)
    columns = [
        names.take(pa.array(kept)),
        names.take(pa.array(heads)),
        pa.array(pixels[kept] == pixels[heads]),
        pa.array(distance),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RESULT)
