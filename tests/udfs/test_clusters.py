"""Clusters do not chain, follow the rank, and depend on nothing but ranks and edges."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from udfs.clusters import assign_canonical
from udfs.components import Components
from udfs.hamming import Pairs


@dataclass(frozen=True)
class Graph:
    rank: NDArray[np.int64]
    edges: Pairs

    def neighbours(self) -> list[dict[int, int]]:
        nodes: list[dict[int, int]] = [{} for _ in self.rank]
        for i, j, distance in zip(*(column.tolist() for column in self.edges), strict=True):
            nodes[i][j] = nodes[j][i] = distance
        return nodes


def _pairs(edges: list[tuple[int, int, int]]) -> Pairs:
    i, j, distance = np.array(edges, dtype=np.int64).reshape(-1, 3).T
    return Pairs(i.astype(np.int32), j.astype(np.int32), distance.astype(np.uint8))


def _random_graph(num_nodes: int, num_edges: int, seed: int) -> Graph:
    generator = np.random.default_rng(seed)
    ends = generator.integers(0, num_nodes, size=(num_edges, 2))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    i, j = ends.astype(np.int32).T
    return Graph(generator.permutation(num_nodes), Pairs(i, j, generator.integers(0, 7, len(i)).astype(np.uint8)))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    num_nodes = draw(st.integers(2, 60))
    return _random_graph(num_nodes, draw(st.integers(0, 2 * num_nodes)), draw(st.integers(0, 2**32)))


def _by_definition(graph: Graph) -> tuple[list[int], list[int]]:
    """The rule of the docstring, word for word."""
    neighbours = graph.neighbours()
    canonical: set[int] = set()
    for node in np.argsort(graph.rank).tolist():
        if not canonical & neighbours[node].keys():
            canonical.add(node)
    chosen, distances = list(range(len(graph.rank))), [0] * len(graph.rank)
    for node in set(chosen) - canonical:
        outranking = [other for other in canonical & neighbours[node].keys() if graph.rank[other] < graph.rank[node]]
        chosen[node] = min(outranking, key=lambda other: (neighbours[node][other], graph.rank[other]))
        distances[node] = neighbours[node][chosen[node]]
    return chosen, distances


@settings(deadline=None)
@given(graph=graphs())
def test_the_assignment_follows_its_definition(graph: Graph) -> None:
    assigned = assign_canonical(graph.rank, graph.edges)
    assert (assigned.canonical.tolist(), assigned.distance.tolist()) == _by_definition(graph)


@settings(deadline=None)
@given(graph=graphs())
def test_every_member_has_an_edge_to_its_canonical_node_and_is_outranked_by_it(graph: Graph) -> None:
    assigned = assign_canonical(graph.rank, graph.edges)
    neighbours = graph.neighbours()
    for node, canonical in enumerate(assigned.canonical.tolist()):
        assert assigned.canonical[canonical] == canonical
        if node != canonical:
            assert neighbours[node][canonical] == assigned.distance[node]
            assert graph.rank[canonical] < graph.rank[node]


def test_a_chain_of_neighbours_is_cut_where_the_threshold_is_passed() -> None:
    assigned = assign_canonical(np.array([0, 1, 2, 3]), _pairs([(0, 1, 6), (1, 2, 6), (2, 3, 6)]))
    assert assigned.canonical.tolist() == [0, 0, 2, 2]


def test_a_member_takes_the_nearest_of_its_canonical_nodes_and_the_better_ranked_of_two() -> None:
    nearest = assign_canonical(np.array([0, 1, 2]), _pairs([(0, 2, 5), (1, 2, 3)]))
    level = assign_canonical(np.array([1, 0, 2]), _pairs([(0, 2, 4), (1, 2, 4)]))
    assert nearest.canonical.tolist() == [0, 1, 1]
    assert level.canonical.tolist() == [0, 1, 1]


@settings(deadline=None)
@given(graph=graphs(), seed=st.integers(0, 2**32))
def test_neither_the_order_of_the_edges_nor_of_the_nodes_matters(graph: Graph, seed: int) -> None:
    generator = np.random.default_rng(seed)
    new_name = generator.permutation(len(graph.rank)).astype(np.int32)
    mixed = generator.permutation(len(graph.edges.i))
    j, i, distance = (column[mixed] for column in graph.edges)
    rank = np.empty_like(graph.rank)
    rank[new_name] = graph.rank
    renamed = assign_canonical(rank, Pairs(new_name[i], new_name[j], distance))
    assigned = assign_canonical(graph.rank, graph.edges)
    assert np.array_equal(renamed.canonical[new_name], new_name[assigned.canonical])
    assert np.array_equal(renamed.distance[new_name], assigned.distance)


@settings(deadline=None)
@given(graph=graphs(), num_old=st.integers(0, 60))
def test_deciding_only_the_touched_components_again_equals_a_full_run(graph: Graph, num_old: int) -> None:
    old = (graph.edges.i < num_old) & (graph.edges.j < num_old)
    before = assign_canonical(graph.rank, graph.edges.selected(old))
    again = touched(graph, num_old)
    after = assign_canonical(graph.rank, graph.edges.selected(again[graph.edges.i]))
    full = assign_canonical(graph.rank, graph.edges)
    assert np.array_equal(np.where(again, after.canonical, before.canonical), full.canonical)
    assert np.array_equal(np.where(again, after.distance, before.distance), full.distance)


def touched(graph: Graph, num_old: int) -> NDArray[np.bool_]:
    """Which nodes share a component with a new one, those from `num_old` on."""
    components = Components()
    components.connect(graph.edges.i.astype(np.int64), graph.edges.j.astype(np.int64))
    labels = np.arange(len(graph.rank))
    nodes, smallest = components.labels()
    labels[nodes] = smallest
    return np.isin(labels, labels[num_old:])


def test_equal_ranks_of_joined_nodes_are_refused() -> None:
    with pytest.raises(ValueError, match="ranks must differ"):
        assign_canonical(np.array([3, 3, 1]), _pairs([(0, 1, 2)]))
    assert assign_canonical(np.array([3, 3, 1]), _pairs([(0, 2, 2)])).canonical.tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("edge", "message"), [((1, 1, 0), "must join two nodes"), ((0, 3, 1), r"nodes 0\.\.2"), ((-1, 0, 1), r"nodes 0\.\.2")]
)
def test_edges_that_join_no_two_nodes_are_refused(edge: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assign_canonical(np.arange(3), _pairs([edge]))


def test_edges_with_one_end_are_refused() -> None:
    with pytest.raises(ValueError, match="two ends each, not 2 and 1"):
        assign_canonical(np.arange(3), Pairs(np.array([0, 1], np.int32), np.array([1], np.int32), np.array([0, 0], np.uint8)))
