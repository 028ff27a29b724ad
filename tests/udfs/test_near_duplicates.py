"""The search finds every pair within the distance exactly once, whatever the data, its order and the division of the work."""

from collections.abc import Iterable
from pathlib import Path
from unittest import mock

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from udfs import near_duplicates
from udfs.hamming import Pairs, popcount
from udfs.image_options import ImageOptions
from udfs.images import process_image
from udfs.near_duplicates import candidate_pairs, load_hashes, plan_tasks, save_hashes

NUM_HASHES = 200_000
Hashes = NDArray[np.uint64]
Found = dict[tuple[int, int], int]


def _random(generator: np.random.Generator, size: int) -> Hashes:
    return generator.integers(0, 2**64, size=size, dtype=np.uint64)


def _flipped(generator: np.random.Generator, hashes: Hashes, num_bits: int) -> Hashes:
    """Each hash with exactly so many bits changed."""
    bits = generator.permuted(np.tile(np.arange(64, dtype=np.uint64), (len(hashes), 1)), axis=1)[:, :num_bits]
    return hashes ^ np.bitwise_or.reduce(np.uint64(1) << bits, axis=1)


def _skewed(generator: np.random.Generator, size: int, num_free_bits: int) -> Hashes:
    """Distinct hashes that share all but a few bits, as those of blank plots do."""
    centre = _random(generator, 1)[0]
    return centre ^ generator.choice(2**num_free_bits, size=size, replace=False).astype(np.uint64)


@numba.njit
def _compare_all(hashes: Hashes, max_distance: int) -> list[tuple[int, int, int]]:
    pairs = [(0, 0, 0) for _ in range(0)]
    for j in range(len(hashes)):
        num_near = 0
        for i in range(j):
            num_near += popcount(hashes[i] ^ hashes[j]) <= max_distance
        for i in range(j if num_near else 0):
            distance = np.int64(popcount(hashes[i] ^ hashes[j]))
            if distance <= max_distance:
                pairs.append((i, j, distance))
    return pairs


def _oracle(hashes: Hashes, max_distance: int) -> Found:
    return {(i, j): distance for i, j, distance in _compare_all(hashes, max_distance)}


def _found(blocks: Iterable[Pairs]) -> Found:
    """Pairs as a mapping; fails where a pair comes twice."""
    found: Found = {}
    for block in blocks:
        pairs = dict(zip(zip(block.i.tolist(), block.j.tolist(), strict=True), block.distance.tolist(), strict=True))
        assert len(pairs) == len(block.i)
        assert not found.keys() & pairs.keys()
        found |= pairs
    return found


@pytest.fixture(scope="module")
def hashes(shared_data: Path) -> Hashes:
    """Real figures, neighbours of them and of random hashes planted at each distance, a dense and a loose crowd, random ones."""
    generator = np.random.default_rng(6)
    pictures = sorted((shared_data / "pmc-mirror").rglob("*.jpg"))
    records = [process_image(picture.read_bytes(), ImageOptions(max_side_px=64)) for picture in pictures]
    real = np.array([record.phash_trimmed for record in records]).view(np.uint64)
    bases = np.concatenate([real, _random(generator, 2_000)])
    planted = [_flipped(generator, bases, distance) for distance in range(1, 9)]
    loose = _flipped(generator, np.repeat(real[:1], 20_000), 14)
    distinct = np.unique(np.concatenate([bases, *planted, loose, _skewed(generator, 1_000, 20)]))
    filled = np.unique(np.concatenate([distinct, _random(generator, NUM_HASHES - len(bases) - len(distinct))]))
    return generator.permutation(np.concatenate([filled, bases]))


@pytest.fixture(scope="module")
def pairs_within_8(hashes: Hashes) -> Found:
    return _oracle(hashes, 8)


@pytest.mark.parametrize("max_distance", range(9))
def test_every_pair_among_200_000_hashes_is_found_once(hashes: Hashes, pairs_within_8: Found, max_distance: int) -> None:
    expected = {pair: distance for pair, distance in pairs_within_8.items() if distance <= max_distance}
    assert len(hashes) == NUM_HASHES
    assert len(expected) >= 2_000 * (max_distance + 1)
    assert _found(candidate_pairs(hashes, max_distance)) == expected


def test_tasks_in_any_division_add_up_to_the_whole(hashes: Hashes, pairs_within_8: Found) -> None:
    tasks = plan_tasks(len(hashes), 6, hashes_per_task=70_000)
    assert {task.num_parts for task in tasks} == {3}
    blocks = (block for task in reversed(tasks) for block in candidate_pairs(hashes, 6, [task]))
    assert _found(blocks) == {pair: distance for pair, distance in pairs_within_8.items() if distance <= 6}


def test_many_parts_overlap_nowhere_and_leave_nothing_out() -> None:
    generator = np.random.default_rng(7)
    bases = _random(generator, 10_000)
    hashes = np.concatenate([bases, _flipped(generator, bases, 3)])
    tasks = plan_tasks(len(hashes), 6, hashes_per_task=100)
    assert {task.num_parts for task in tasks} == {200}
    blocks = (block for task in tasks for block in candidate_pairs(hashes, 6, [task]))
    assert _found(blocks) == _oracle(hashes, 6)


@pytest.mark.parametrize("first_new", [1, 150_000, NUM_HASHES - 1, NUM_HASHES])
def test_a_search_for_new_hashes_finds_the_pairs_that_have_one(hashes: Hashes, pairs_within_8: Found, first_new: int) -> None:
    expected = {pair: distance for pair, distance in pairs_within_8.items() if pair[1] >= first_new}
    assert _found(candidate_pairs(hashes, 8, first_new=first_new)) == expected


def test_the_pairs_do_not_depend_on_the_order_of_the_hashes(hashes: Hashes) -> None:
    assert _by_value(hashes) == _by_value(np.sort(hashes))


def _by_value(hashes: Hashes) -> set[frozenset[int]]:
    return {frozenset(hashes[list(pair)].tolist()) for pair in _found(candidate_pairs(hashes, 4))}


@pytest.mark.parametrize("first_new", [0, 11_000])
def test_a_hot_key_is_split_and_loses_no_pair(first_new: int) -> None:
    generator = np.random.default_rng(1)
    others, bases = _random(generator, 8_000), _random(generator, 6_000)
    shared_key = np.uint64(plan_tasks(20_000, 6)[0].agreement.equal)
    crowd = np.concatenate([bases, _flipped(generator, bases, 7)]) & ~shared_key
    hashes = generator.permutation(np.concatenate([crowd, others]))
    with mock.patch.object(near_duplicates, "_hot_pairs", wraps=near_duplicates._hot_pairs) as split:
        found = _found(candidate_pairs(hashes, 6, first_new=first_new))
    expected = _oracle(hashes, 6)
    assert split.called
    assert len(expected) > 2_000
    assert found == {pair: distance for pair, distance in expected.items() if pair[1] >= first_new}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), max_distance=st.integers(0, 8), num_bits=st.integers(1, 64))
def test_splits_down_to_the_smallest_group_lose_no_pair(data: st.DataObject, max_distance: int, num_bits: int) -> None:
    words = data.draw(st.lists(st.integers(0, 2**num_bits - 1), max_size=60))
    hashes = np.array(words, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15 if data.draw(st.booleans()) else 1)
    first_new = data.draw(st.integers(0, len(words)))
    expected = {
        (i, j): distance
        for j in range(first_new, len(words))
        for i in range(j)
        if (distance := (int(hashes[i]) ^ int(hashes[j])).bit_count()) <= max_distance
    }
    with mock.patch.multiple(near_duplicates, HOT_GROUP=3, cheapest_num_bands=_split_while_possible):
        assert _found(candidate_pairs(hashes, max_distance, first_new=first_new)) == expected


def _split_while_possible(num_hashes: int, num_bits: int, max_distance: int) -> int | None:
    num_bands = max_distance + 1 + num_hashes % 3
    return num_bands if num_bands <= num_bits else None


def test_pairs_come_in_blocks_of_bounded_length() -> None:
    hashes = _skewed(np.random.default_rng(2), 1_500, 14)
    blocks = list(candidate_pairs(hashes, 6, chunk_pairs=1_024))
    assert max(len(block.i) for block in blocks) <= 1_024
    assert len(blocks) > 300
    assert _found(blocks) == _oracle(hashes, 6)


def test_equal_hashes_are_pairs_at_distance_0() -> None:
    assert _found(candidate_pairs(np.array([7, 9, 7], dtype=np.uint64), 0)) == {(0, 2): 0}


@pytest.mark.parametrize("size", [0, 1])
def test_too_few_hashes_have_no_pairs(size: int) -> None:
    assert _found(candidate_pairs(np.zeros(size, np.uint64), 6)) == {}


@given(word=st.integers(0, 2**64 - 1))
def test_popcount_counts_set_bits(word: int) -> None:
    assert popcount(np.uint64(word)) == word.bit_count()


def test_a_search_in_mapped_hashes_equals_one_in_memory(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    bases = _random(generator, 5_000)
    hashes = np.concatenate([bases, _flipped(generator, bases, 5)])
    save_hashes(tmp_path / "hashes.npy", hashes)
    mapped = load_hashes(tmp_path / "hashes.npy")
    assert not mapped.flags.writeable
    assert _found(candidate_pairs(mapped, 6)) == _found(candidate_pairs(hashes, 6))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(ValueError, match="one row of uint64 expected, not float64"):
        load_hashes(tmp_path / "other.npy")


@pytest.mark.parametrize("max_distance", [-1, 9])
def test_a_distance_that_is_not_guaranteed_is_refused(max_distance: int) -> None:
    with pytest.raises(ValueError, match=r"max_distance must be 0\.\.8"):
        next(candidate_pairs(np.zeros(2, np.uint64), max_distance))


def test_more_hashes_than_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="num_hashes must be at most 2147483647"):
        plan_tasks(2**31, 6)


def test_a_block_smaller_than_one_row_of_comparisons_is_refused() -> None:
    with pytest.raises(ValueError, match="chunk_pairs must be at least 1024"):
        next(candidate_pairs(np.zeros(2, np.uint64), 6, chunk_pairs=100))
