"""Near images grouped with little memory as with much."""

import multiprocessing
import resource

import numpy as np
import pytest

from udfs.near_images import MAX_EDGES, HashedImages, group_near

CROWD = 12_000


def images(seed: int, num_images: int) -> HashedImages:
    """Images around a few centres of both hashes, so that they are near one another in many ways."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 6, num_images)
    flips = np.left_shift(np.uint64(1), rng.integers(0, 24, (2, 2, num_images), np.uint64))
    coarse = rng.integers(0, 2**63, 6, np.uint64)[centre] ^ np.bitwise_or.reduce(flips[0])
    fine = rng.integers(0, 2**63, (6, 4), np.uint64)[centre]
    fine[:, 0] ^= np.bitwise_or.reduce(flips[1])
    return HashedImages(coarse, fine, 3, 3)


@pytest.mark.parametrize("max_edges", [1, 30, 700])
@pytest.mark.parametrize("seed", range(3))
def test_blocks_decide_what_all_edges_at_once_do(seed: int, max_edges: int) -> None:
    drawn = images(seed, 800)
    whole, by_blocks = group_near(drawn), group_near(drawn, max_edges)
    assert sum(len(pairs.i) for pairs in drawn.near_pairs()) > 1000
    np.testing.assert_array_equal(whole.canonical, by_blocks.canonical)
    np.testing.assert_array_equal(whole.component, by_blocks.component)
    assert 6 <= len(np.unique(whole.component)) < len(np.unique(whole.canonical)) < 400


def test_images_without_others_are_their_own_group() -> None:
    none = group_near(HashedImages(np.empty(0, np.uint64), np.empty((0, 4), np.uint64), 6, 44))
    one = group_near(HashedImages(np.zeros(1, np.uint64), np.zeros((1, 4), np.uint64), 6, 44))
    assert [len(part) for part in none] == [0, 0]
    assert [part.tolist() for part in one] == [[0], [0]]


def grouped_crowd(num_images: int) -> tuple[int, int, int]:
    """Clusters and components of images that are all near each other, and by how many MB they made the process grow."""
    group_near(images(0, 100), 10)  # compiled before the memory is taken
    fine = np.zeros((num_images, 4), np.uint64)
    fine[:, 1] = np.arange(num_images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = group_near(HashedImages(np.zeros(num_images, np.uint64), fine, 6, 44))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return len(np.unique(found.canonical)), len(np.unique(found.component)), grown


def test_a_crowd_of_images_near_each_other_takes_bounded_memory() -> None:
    num_edges = CROWD * (CROWD - 1) // 2
    assert num_edges > 4 * MAX_EDGES
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        num_clusters, num_components, grown_mb = pool.apply(grouped_crowd, (CROWD,))
    assert (num_clusters, num_components) == (1, 1)
    assert grown_mb * 1e6 < num_edges * 9  # what all its edges would take, and half of what deciding them did
