"""Connected components against SciPy's, whatever the nodes are called and however the edges come."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array, csgraph

from udfs.components import Components

NUM_NODES = 200_000


def expected_labels(names: NDArray[np.int64], ends: NDArray[np.int64]) -> dict[int, int]:
    matrix = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    _, label = csgraph.connected_components(matrix, directed=False)
    smallest = np.full(label.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, label, names)
    joined = np.unique(ends)
    return dict(zip(names[joined].tolist(), smallest[label[joined]].tolist(), strict=True))


@pytest.mark.parametrize("num_blocks", [1, 7, 400])
def test_components_are_those_of_scipy_named_by_their_smallest_node(num_blocks: int) -> None:
    rng = np.random.default_rng(4)
    names = np.unique(rng.integers(-(2**63), 2**63 - 1, NUM_NODES))
    names[:3] = -(2**63), -1, 2**63 - 1
    ends = rng.integers(0, NUM_NODES, size=(120_000, 2))
    components = Components()
    for block in np.array_split(rng.permutation(ends), num_blocks):
        components.connect(names[block[:, 1]], names[block[:, 0]])
    nodes, smallest = components.labels()
    assert dict(zip(nodes.tolist(), smallest.tolist(), strict=True)) == expected_labels(names, ends)
    assert len(nodes) == len(np.unique(ends))


def test_names_that_share_their_low_or_high_bits_are_told_apart() -> None:
    names = np.concatenate([np.arange(5_000) << 40, np.arange(1, 5_000)])
    components = Components()
    components.connect(names, names)
    nodes, smallest = components.labels()
    assert np.array_equal(nodes, names)
    assert np.array_equal(smallest, names)


def test_a_chain_in_any_order_is_one_component() -> None:
    chain = np.random.default_rng(1).permutation(50_000)
    components = Components()
    components.connect(chain, np.maximum(chain - 1, 0))
    assert set(components.labels()[1].tolist()) == {0}


def test_without_edges_there_are_no_nodes() -> None:
    nodes, smallest = Components().labels()
    assert len(nodes) == len(smallest) == 0


def test_edges_with_one_end_are_refused() -> None:
    with pytest.raises(ValueError, match="two ends each, not 2 and 1"):
        Components().connect(np.array([0, 1]), np.array([1]))
