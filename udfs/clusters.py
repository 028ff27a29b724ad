"""Clusters of a graph of near duplicates that do not chain: every member is near its canonical node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.hamming import Pairs, native

_Ints = NDArray[np.int32]


class Assignment(NamedTuple):
    """For each node its canonical node (itself, where it is one; int32) and the distance to it in bits (uint8)."""

    canonical: _Ints
    distance: NDArray[np.uint8]


def assign_canonical(rank: NDArray[np.int64], edges: Pairs) -> Assignment:
    """Clusters of nodes 0 .. len(rank) - 1, whose lowest rank is the best, joined by `edges` of a distance in bits.

    In order of rank, a node that is no neighbour of an earlier canonical node becomes canonical itself. Any other is a
    member: of the nearest canonical node among its neighbours that outrank it, the better ranked one of two equally near.
    So a member always has an edge to its canonical node and never outranks it, and nothing depends on the order of the
    edges, nor on nodes outside the connected component. Takes 5 bytes an edge and about 40 a joined node beside its arguments.
    ValueError for joined nodes of equal rank, an edge from a node to itself, or a node that is not there.
    """
    _check_nodes(edges.i, edges.j, len(rank))
    if np.any(edges.i == edges.j):
        raise ValueError("an edge must join two nodes")
    order = _linked_by_rank(rank, edges)
    place = np.empty(len(rank), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    chosen = _decide(*_ranked_edges(place, len(order), edges))
    assigned = Assignment(np.arange(len(rank), dtype=np.int32), np.zeros(len(rank), np.uint8))
    assigned.canonical[order] = order[chosen.canonical]
    assigned.distance[order] = chosen.distance
    return assigned


def _linked_by_rank(rank: NDArray[np.int64], edges: Pairs) -> _Ints:
    linked = np.zeros(len(rank), np.bool_)
    linked[edges.i] = linked[edges.j] = True
    nodes = np.flatnonzero(linked).astype(np.int32)
    order = nodes[np.argsort(rank[nodes])]
    if np.any(np.diff(rank[order]) == 0):
        raise ValueError("ranks must differ between joined nodes: equal ones would leave the choice to the order of the input")
    return order


def _check_nodes(i: _Ints, j: _Ints, num_nodes: int) -> None:
    if len(i) != len(j):
        raise ValueError(f"edges need two ends each, not {len(i)} and {len(j)}")
    if len(i) and not 0 <= min(i.min(), j.min()) <= max(i.max(), j.max()) < num_nodes:
        raise ValueError(f"edges must join nodes 0..{num_nodes - 1}")


@native
def _ranked_edges(place: _Ints, num_places: int, edges: Pairs) -> tuple[NDArray[np.int64], _Ints, NDArray[np.uint8]]:
    """Edges by their better ranked end: starts per place, then the other end's place and the distance of each edge."""
    starts = np.zeros(num_places + 2, np.int64)
    for edge in range(len(edges.i)):
        starts[min(place[edges.i[edge]], place[edges.j[edge]]) + 2] += 1
    for node in range(2, len(starts)):
        starts[node] += starts[node - 1]
    ends, distances = np.empty(len(edges.i), np.int32), np.empty(len(edges.i), np.uint8)
    for edge in range(len(edges.i)):
        one, other = place[edges.i[edge]], place[edges.j[edge]]
        slot = starts[min(one, other) + 1]
        starts[min(one, other) + 1] = slot + 1
        ends[slot], distances[slot] = max(one, other), edges.distance[edge]
    return starts, ends, distances


@native
def _decide(starts: NDArray[np.int64], ends: _Ints, distances: NDArray[np.uint8]) -> Assignment:
    num_nodes = len(starts) - 2
    canonical = np.arange(num_nodes).astype(np.int32)
    distance = np.zeros(num_nodes, np.uint8)
    for node in range(num_nodes):
        if canonical[node] != node:
            continue
        for edge in range(starts[node], starts[node + 1]):
            member = ends[edge]
            if canonical[member] == member or distances[edge] < distance[member]:
                canonical[member], distance[member] = node, distances[edge]
    return Assignment(canonical, distance)
