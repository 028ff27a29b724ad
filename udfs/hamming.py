"""Compiled loops over 64-bit hashes: counting and grouping by key, and the population-count scan of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

HASH_BITS = 64
# Columns of one row that are counted before they are looked at: the loop without a branch is ten times as fast.
COLUMNS = 1024
# 2**64 / golden ratio: multiplying spreads the bits of a mask over the high bits of the product.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

_Function = TypeVar("_Function", bound=Callable[..., object])


class Pairs(NamedTuple):
    """Pairs as parallel arrays: positions i < j (int32) in the searched hashes and their Hamming distance in bits (uint8)."""

    i: NDArray[np.int32]
    j: NDArray[np.int32]
    distance: NDArray[np.uint8]

    def selected(self, chosen: NDArray[np.bool_] | slice) -> Pairs:
        """The pairs that a mask or a slice chooses, as a copy."""
        return Pairs(self.i[chosen].copy(), self.j[chosen].copy(), self.distance[chosen].copy())


class Members(NamedTuple):
    """Hashes and their positions (int32, ascending) among all that are searched."""

    hashes: NDArray[np.uint64]
    positions: NDArray[np.int32]


class Key(NamedTuple):
    """A hash table of keys: hashes that are equal on `mask` have equal keys, 0 .. 2 ** (64 - shift) - 1."""

    mask: np.uint64
    shift: np.uint64

    @property
    def num_keys(self) -> int:
        """Size of the table."""
        return 1 << (HASH_BITS - int(self.shift))


class Groups(NamedTuple):
    """Members that share a key: begin and end (int64) of each group."""

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]


class Rule(NamedTuple):
    """Which pairs count: near enough, equal on one mask, different on each of the others, j at `first_new` or later."""

    max_distance: np.uint64
    equal: np.uint64
    differ: NDArray[np.uint64]
    first_new: int


def native(function: _Function) -> _Function:
    """Compiled on first use; not cached on disk, for an executor may have no folder to write to."""
    return cast(_Function, numba.njit(nogil=True)(function))


@native
def popcount(word: np.uint64) -> np.uint64:
    """Number of set bits, in the form that LLVM turns into one (vectorised) population count."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@native
def count_keys(hashes: NDArray[np.uint64], key: Key, counts: NDArray[np.int32]) -> None:
    """Add the number of hashes of each key to `counts`."""
    for row in range(len(hashes)):
        counts[((hashes[row] & key.mask) * _GOLDEN) >> key.shift] += 1


@native
def place_by_key(members: Members, key: Key, places: NDArray[np.int64], grouped: Members) -> None:
    """Copy members to the next place of their key, in the order given; a place below 0 leaves the key out.

    Members without positions are numbered by their position.
    """
    for row in range(len(members.hashes)):
        slot = ((members.hashes[row] & key.mask) * _GOLDEN) >> key.shift
        place = places[slot]
        if place >= 0:
            places[slot] = place + 1
            grouped.hashes[place] = members.hashes[row]
            grouped.positions[place] = members.positions[row] if len(members.positions) else row


@native
def scan_groups(members: Members, groups: Groups, rule: Rule, cursor: NDArray[np.int64], found: Pairs) -> bool:
    """Append the pairs of each group that the rule admits to `found`, from the cursor on: group, row, column, pairs filled.

    True when no group is left; False when `found` has no room for the next COLUMNS pairs and has to be emptied.
    """
    hashes, positions = members.hashes, members.positions
    first_row = cursor[1]
    for group in range(cursor[0], len(groups.begins)):
        begin = groups.begins[group]
        for row in range(max(first_row, begin), groups.ends[group]):
            if positions[row] >= rule.first_new and _least_distance(hashes[begin:row], hashes[row]) <= rule.max_distance:
                cursor[2] = max(cursor[2], begin)
                if not _scan_row(members, row, rule, cursor, found):
                    cursor[0], cursor[1] = group, row
                    return False
    return True


@native
def _scan_row(members: Members, row: int, rule: Rule, cursor: NDArray[np.int64], found: Pairs) -> bool:
    word, column, filled = members.hashes[row], cursor[2], cursor[3]
    while column < row and filled + COLUMNS <= len(found.i):
        stop = min(row, column + COLUMNS)
        for other in range(column, stop):
            difference = word ^ members.hashes[other]
            distance = popcount(difference)
            if distance <= rule.max_distance and _admits(rule, difference):
                found.i[filled], found.j[filled] = members.positions[other], members.positions[row]
                found.distance[filled] = distance
                filled += 1
        column = stop
    complete = bool(column >= row)
    cursor[2], cursor[3] = 0 if complete else column, filled
    return complete


@native
def _least_distance(hashes: NDArray[np.uint64], word: np.uint64) -> np.uint64:
    """Branch-free, so that it runs on whole vectors: most rows have no near column and need no second look."""
    least = np.uint64(HASH_BITS)
    for column in range(len(hashes)):
        least = min(least, popcount(word ^ hashes[column]))
    return least


@native
def _admits(rule: Rule, difference: np.uint64) -> bool:
    if difference & rule.equal != 0:
        return False
    for band in range(len(rule.differ)):  # noqa: SIM110 (a generator does not compile)
        if difference & rule.differ[band] == 0:
            return False
    return True
