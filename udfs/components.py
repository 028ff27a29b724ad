"""Connected components of a graph whose edges come in blocks: what is kept grows with the nodes, not with the edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from udfs.hamming import native

_Longs = NDArray[np.int64]
_Ints = NDArray[np.int32]
_FIRST_ROOM = 1024
_EMPTY = np.int32(-1)
# 2**64 / golden ratio: the high bits of a product with it depend on every bit of the node's name.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Components:
    """Components of nodes named by any int64: 20 to 56 bytes a node and 16 for its label, nothing kept of an edge.

    A table of open addressing numbers the nodes as they come; a union-find over the numbers joins them.
    """

    def __init__(self) -> None:
        self._num_nodes = 0
        self._names, self._parents = np.empty(0, np.int64), np.empty(0, np.int32)
        self._make_room(_FIRST_ROOM)

    def connect(self, left: _Longs, right: _Longs) -> None:
        """Join the components of left[k] and right[k] for every k; ValueError unless each edge has two ends."""
        if len(left) != len(right):
            raise ValueError(f"edges need two ends each, not {len(left)} and {len(right)}")
        needed = self._num_nodes + 2 * len(left)
        if needed > len(self._names):
            self._make_room(max(needed, 2 * len(self._names)))
        self._num_nodes = _connect(self._slots, self._names, self._parents, self._num_nodes, left, right)

    def labels(self) -> tuple[_Longs, _Longs]:
        """Every node that has an edge, in the order of appearance, and the smallest node of its component."""
        names = self._names[: self._num_nodes]
        return names.copy(), _smallest(names, self._parents)

    def _make_room(self, room: int) -> None:
        names, parents = np.empty(room, np.int64), np.empty(room, np.int32)
        names[: self._num_nodes] = self._names[: self._num_nodes]
        parents[: self._num_nodes] = self._parents[: self._num_nodes]
        self._names, self._parents = names, parents
        self._slots = np.full(1 << (2 * room - 1).bit_length(), _EMPTY, np.int32)
        _number_again(self._slots, names, self._num_nodes)


@native
def _slot(slots: _Ints, names: _Longs, name: np.int64) -> np.uint64:
    """Where a node's number stands in the table, or where it would."""
    mask = np.uint64(len(slots) - 1)
    mixed = np.uint64(name) * _GOLDEN
    place = (mixed ^ (mixed >> np.uint64(32))) & mask
    while slots[place] >= 0 and names[slots[place]] != name:
        place = (place + np.uint64(1)) & mask
    return np.uint64(place)


@native
def _number_again(slots: _Ints, names: _Longs, num_nodes: int) -> None:
    for node in range(num_nodes):
        slots[_slot(slots, names, names[node])] = node


@native
def _connect(slots: _Ints, names: _Longs, parents: _Ints, num_nodes: int, left: _Longs, right: _Longs) -> int:
    roots = np.empty(2, np.int32)
    for edge in range(len(left)):
        for end in range(2):
            name = left[edge] if end == 0 else right[edge]
            place = _slot(slots, names, name)
            if slots[place] < 0:
                slots[place] = num_nodes
                names[num_nodes], parents[num_nodes] = name, num_nodes
                num_nodes += 1
            roots[end] = _root(parents, slots[place])
        # The earlier root wins: a parent never stands after its child.
        parents[max(roots[0], roots[1])] = min(roots[0], roots[1])
    return num_nodes


@native
def _root(parents: _Ints, node: int) -> int:
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@native
def _smallest(names: _Longs, parents: _Ints) -> _Longs:
    smallest = names.copy()
    for node in range(len(names)):
        root = parents[node] = parents[parents[node]]
        smallest[root] = min(smallest[root], names[node])
    for node in range(len(names)):
        smallest[node] = smallest[parents[node]]
    return smallest
