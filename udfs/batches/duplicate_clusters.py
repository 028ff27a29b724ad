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


@dataclass(frozen=True)
class FindClusters:
    """Record batches of NODE, best image first and all in one task, to RESULT: images of clusters of two and more."""

    max_distance: int
    max_distance_256: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Join images of equal pixels, then those whose hashes are near, to the best image near them."""
        received = list(batches)
        if not received:
            return
        nodes = pa.Table.from_batches(received)
        if nodes.num_rows < 2:
            return
        first = self._first_of_equal_pixels(nodes)
        best = np.unique(first)
        canonical = best[assign_canonical(np.arange(len(best)), self._edges(nodes.take(best))).canonical]
        canonical = canonical[np.searchsorted(best, first)]
        yield self._rows(nodes, first, canonical)

    @staticmethod
    def _first_of_equal_pixels(nodes: pa.Table) -> NDArray[np.int64]:
        pixels = np.asarray(nodes["pixels_sha256"].to_pylist(), dtype=str)
        _, first, which = np.unique(pixels, return_index=True, return_inverse=True)
        return first[which].astype(np.int64)

    def _edges(self, nodes: pa.Table) -> Pairs:
        usable = np.flatnonzero(~nodes["is_featureless"].to_numpy(zero_copy_only=False))
        hashes = nodes["phash_trimmed"].to_numpy().view(np.uint64)[usable]
        fine = np.frombuffer(b"".join(nodes["phash256_trimmed"].to_pylist()), np.uint64).reshape(-1, 4)[usable]
        found = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))]
        for pairs in candidate_pairs(hashes, self.max_distance):
            kept = np.bitwise_count(fine[pairs.i] ^ fine[pairs.j]).sum(axis=1) <= self.max_distance_256
            found.append(Pairs(*(part[kept] for part in pairs)))
        i, j, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Pairs(usable[i].astype(np.int32), usable[j].astype(np.int32), distance)

    @staticmethod
    def _rows(nodes: pa.Table, first: NDArray[np.int64], canonical: NDArray[np.int64]) -> pa.RecordBatch:
        kept = np.flatnonzero(np.bincount(canonical, minlength=len(canonical))[canonical] > 1)
        hashes = nodes["phash_trimmed"].to_numpy().view(np.uint64)
        distance = np.bitwise_count(hashes[kept] ^ hashes[canonical[kept]]).astype(np.int32)
        names = nodes["image_sha256"].combine_chunks()
        same = first[kept] == canonical[kept]
        return pa.RecordBatch.from_arrays(
            [names.take(pa.array(kept)), names.take(pa.array(canonical[kept])), pa.array(same), pa.array(distance)], schema=RESULT
        )
