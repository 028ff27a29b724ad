"""Pairs of coarse hashes that fine ones confirm."""

import numpy as np
import pyarrow as pa

from udfs.hamming import Pairs
from udfs.looks import Looks, joined, looks_of, single_looks


def pair(i: int, j: int) -> Pairs:
    return Pairs(np.array([i], np.int32), np.array([j], np.int32), np.zeros(1, np.uint8))


def words(*values: int) -> np.ndarray:
    return np.array([[value, 0, 0, value] for value in values], np.uint64)


def test_a_pair_is_confirmed_by_any_look_of_both() -> None:
    looks = Looks(np.array([0, 2, 4, 5]), words(0, 0b11, 0b111100, 0b1011, 2**64 - 1))
    assert looks.confirmed(pair(0, 1), 2).tolist() == [True]  # 0b11 and 0b1011 differ in two words by one bit each
    assert looks.confirmed(pair(0, 1), 1).tolist() == [False]
    assert looks.confirmed(pair(0, 2), 123).tolist() == [False]
    assert looks.confirmed(pair(0, 2), 124).tolist() == [True]


def test_a_hash_without_looks_is_confirmed_with_all() -> None:
    looks = Looks(np.array([0, 0, 1]), words(5))
    assert looks.confirmed(pair(0, 1), 0).tolist() == [True]
    assert looks.confirmed(pair(1, 0), 0).tolist() == [True]


def test_packed_looks_of_a_slice_and_of_parts_put_together() -> None:
    packed = pa.array([words(1).tobytes(), b"", words(2, 3).tobytes(), words(4).tobytes()])
    part = looks_of(packed.slice(1, 2))
    assert (part.starts.tolist(), part.words.tolist()) == ([0, 0, 2], words(2, 3).tolist())
    both = joined([part, looks_of(packed.slice(3)), single_looks(words(5))])
    assert (both.starts.tolist(), both.words.tolist()) == ([0, 0, 2, 3, 4], words(2, 3, 4, 5).tolist())
