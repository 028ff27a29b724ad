"""Images near each other by both hashes: clusters around canonical images, and what chains of near images connect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.clusters import assign_canonical
from udfs.components import Components
from udfs.hamming import Pairs
from udfs.looks import single_looks
from udfs.near_duplicates import candidate_pairs

# Edges that are held at a time: 9 bytes each, 18 while they are put together, 14 while they are decided.
MAX_EDGES = 2**24

_Positions = NDArray[np.int64]
_Words = NDArray[np.uint64]


class Grouping(NamedTuple):
    """For each image the position (int64) of its canonical image, and of the best image connected to it by near ones."""

    canonical: _Positions
    component: _Positions


@dataclass(frozen=True)
class HashedImages:
    """Images, best first: 64-bit hashes, 256-bit ones as four words a row; near are those within both distances in bits."""

    coarse: _Words
    fine: _Words
    max_distance: int
    max_distance_256: int

    def near_pairs(self, first_new: int = 0) -> Iterator[Pairs]:
        """Every near pair once, in blocks; with `first_new` only pairs whose j stands at that position or later."""
        looks = single_looks(self.fine)
        for pairs in candidate_pairs(self.coarse, self.max_distance, first_new=first_new):
            yield pairs.selected(looks.confirmed(pairs, self.max_distance_256))

    def selected(self, positions: _Positions) -> HashedImages:
        """The images at these positions, in this order."""
        return HashedImages(self.coarse[positions], self.fine[positions], self.max_distance, self.max_distance_256)


def group_near(images: HashedImages, max_edges: int = MAX_EDGES) -> Grouping:
    """Clusters that do not chain (`assign_canonical`, in the order of the images), and components that do.

    Memory grows with the images, not with their near pairs: a crowd of n images that are all near each other has
    n * (n - 1) / 2. Of more than `max_edges` none is kept, and clusters are decided block by block.
    """
    connected, edges = Components(), _Edges(max_edges)
    for pairs in images.near_pairs():
        connected.connect(pairs.i.astype(np.int64), pairs.j.astype(np.int64))
        edges.add(pairs)
    component = np.arange(len(images.coarse))
    names, best = connected.labels()
    component[names] = best
    if edges.is_full:
        return Grouping(_canonical_by_blocks(images, max_edges), component)
    return Grouping(assign_canonical(np.arange(len(component)), edges.together()).canonical.astype(np.int64), component)


def _canonical_by_blocks(images: HashedImages, max_edges: int) -> _Positions:
    """A block of images is compared with itself and with the canonical images before it, for only these can be joined."""
    canonical = np.arange(len(images.coarse))
    heads = canonical[:0]
    begin, size = 0, len(canonical)
    while begin < len(canonical):
        members = np.append(heads, np.arange(begin, min(begin + size, len(canonical))))
        edges = _Edges(max_edges if size > 1 else len(members))
        for pairs in images.selected(members).near_pairs(len(heads)):
            edges.add(pairs)
            if edges.is_full:
                break
        if edges.is_full:
            size = -(-size // 2)
            continue
        canonical[members] = members[assign_canonical(np.arange(len(members)), edges.together()).canonical]
        heads = members[canonical[members] == members]
        begin += size
    return canonical


class _Edges:
    """Pairs held together, up to a bound; past it none is held."""

    def __init__(self, max_edges: int) -> None:
        self.is_full = False
        self._held = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))]
        self._room = max_edges

    def add(self, pairs: Pairs) -> None:
        """Hold these too, or let all go."""
        self._room -= len(pairs.i)
        self.is_full = self.is_full or self._room < 0
        self._held = [] if self.is_full else [*self._held, pairs]

    def together(self) -> Pairs:
        """All that were added, which are let go here."""
        held, self._held = self._held, []
        return Pairs(*(np.concatenate(parts) for parts in zip(*held, strict=True)))
