"""Every pair of 64-bit hashes within a Hamming distance: grouped by the bands they agree on, then compared within groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udfs.bands import ALL_BITS, HASH_BITS, Agreement, agreements, cheapest_num_bands
from udfs.hamming import COLUMNS, Groups, Key, Members, Pairs, Rule, count_keys, place_by_key, scan_groups

MAX_DISTANCE = 8
MAX_HASHES = 2**31 - 1
HASHES_PER_TASK = 32_000_000
CHUNK_PAIRS = 2**20
# Larger groups (blank plots, logos) are split by further bands where that costs less than comparing all with all.
HOT_GROUP = 4096
_MAX_TABLE_BITS = 22
_SPARE_TABLE_BITS = 4


@dataclass(frozen=True)
class Task:
    """A share of the search that needs no other share: one agreement, or one of `num_parts` equal ranges of its keys."""

    agreement: Agreement
    part: int = 0
    num_parts: int = 1


@dataclass(frozen=True)
class _Search:
    max_distance: int
    first_new: int
    found: Pairs
    cursor: NDArray[np.int64]

    def scanned(self, members: Members, groups: Groups, agreement: Agreement) -> Iterator[Pairs]:
        """Full blocks of pairs; what does not fill a block stays in `found`."""
        differ = np.array(agreement.differ, dtype=np.uint64)
        rule = Rule(np.uint64(self.max_distance), np.uint64(agreement.equal), differ, self.first_new)
        self.cursor[:3] = 0
        while not scan_groups(members, groups, rule, self.cursor, self.found):
            yield self.taken()

    def taken(self) -> Pairs:
        """The pairs found so far, whose room is free again."""
        filled = int(self.cursor[3])
        self.cursor[3] = 0
        return self.found.selected(slice(filled))


class _Room:
    """Arrays for one grouping after the other: memory that is given back and taken anew costs more than the grouping."""

    def __init__(self) -> None:
        self._all = Members(np.empty(0, np.uint64), np.empty(0, np.int32))

    def of(self, size: int) -> Members:
        """Uninitialised members; what was given before is overwritten."""
        if size > len(self._all.hashes):
            self._all = Members(np.empty(size, np.uint64), np.empty(size, np.int32))
        return Members(self._all.hashes[:size], self._all.positions[:size])


def save_hashes(path: Path, hashes: NDArray[np.uint64]) -> None:
    """Write hashes as a .npy file of 8 bytes each, for `load_hashes`."""
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(hashes, dtype=np.uint64))


def load_hashes(path: Path) -> NDArray[np.uint64]:
    """Hashes of a .npy file as a read-only memory map, which all processes of a machine share; ValueError for another content."""
    hashes: NDArray[np.uint64] = np.load(path, mmap_mode="r", allow_pickle=False)
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ValueError(f"{path}: one row of uint64 expected, not {hashes.dtype} of shape {hashes.shape}")
    return hashes


def plan_tasks(num_hashes: int, max_distance: int, hashes_per_task: int = HASHES_PER_TASK) -> list[Task]:
    """Shares that together find every pair once, each holding about `hashes_per_task` hashes at a time (12 bytes each).

    The bands are chosen for the least work; ValueError for a distance outside 0..8 or more hashes than an int32 counts.
    """
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise ValueError(f"max_distance must be 0..{MAX_DISTANCE}, not {max_distance}")
    if num_hashes > MAX_HASHES:
        raise ValueError(f"num_hashes must be at most {MAX_HASHES}, not {num_hashes}")
    num_bands = cheapest_num_bands(num_hashes, HASH_BITS, max_distance)
    if num_bands is None:
        return [Task(Agreement())]
    num_parts = max(1, -(-num_hashes // hashes_per_task))
    ways = agreements(ALL_BITS, max_distance, num_bands)
    return [Task(way, part, num_parts) for way in ways for part in range(num_parts)]


def candidate_pairs(
    hashes: NDArray[np.uint64],
    max_distance: int,
    tasks: Sequence[Task] | None = None,
    first_new: int = 0,
    chunk_pairs: int = CHUNK_PAIRS,
) -> Iterator[Pairs]:
    """Every pair within `max_distance` bits (0..8) exactly once, in blocks of at most `chunk_pairs` (1,024 or more) pairs.

    `tasks` is any part of `plan_tasks(len(hashes), max_distance)`, None for all: the tasks' pairs add up to the whole.
    With `first_new` only pairs whose j stands at that position or later: old hashes come first, then the new ones.
    Equal hashes are pairs at distance 0; collapse them before, for n equal ones make n * (n - 1) / 2 pairs.
    ValueError for another distance or a smaller block.
    """
    if chunk_pairs < COLUMNS:
        raise ValueError(f"chunk_pairs must be at least {COLUMNS}, not {chunk_pairs}")
    planned = plan_tasks(len(hashes), max_distance) if tasks is None else tasks
    found = Pairs(np.empty(chunk_pairs, np.int32), np.empty(chunk_pairs, np.int32), np.empty(chunk_pairs, np.uint8))
    search = _Search(max_distance, first_new, found, np.zeros(4, np.int64))
    members = Members(hashes, np.empty(0, np.int32))
    yield from _grouped_pairs(members, planned, Agreement(), search)
    if search.cursor[3]:
        yield search.taken()


def _grouped_pairs(members: Members, tasks: Sequence[Task], outer: Agreement, search: _Search) -> Iterator[Pairs]:
    """Pairs that satisfy a task's agreement, among members whose pairs count only where they satisfy the outer one too."""
    room = _Room()
    for task in tasks:
        grouped, groups = _group(members, task, search.first_new, room)
        agreement = outer.and_also(task.agreement)
        hot = groups.ends - groups.begins > HOT_GROUP
        yield from search.scanned(grouped, Groups(groups.begins[~hot], groups.ends[~hot]), agreement)
        for begin, end in zip(groups.begins[hot], groups.ends[hot], strict=True):
            yield from _hot_pairs(Members(grouped.hashes[begin:end], grouped.positions[begin:end]), agreement, search)


def _hot_pairs(members: Members, agreement: Agreement, search: _Search) -> Iterator[Pairs]:
    """Pairs of one large group, split by bands of the bits in which its members vary."""
    varying = int(np.bitwise_or.reduce(members.hashes ^ members.hashes[0]))
    if any(varying & mask == 0 for mask in agreement.differ):
        return
    free = varying & ~agreement.equal
    num_bands = cheapest_num_bands(len(members.hashes), free.bit_count(), search.max_distance)
    if num_bands is None:
        whole = Groups(np.zeros(1, np.int64), np.full(1, len(members.hashes), np.int64))
        yield from search.scanned(members, whole, agreement)
        return
    tasks = [Task(inner) for inner in agreements(free, search.max_distance, num_bands)]
    yield from _grouped_pairs(members, tasks, agreement, search)


def _group(members: Members, task: Task, first_new: int, room: _Room) -> tuple[Members, Groups]:
    """Members side by side by key, in the order given; keys of a single member, or of no new one, are left out."""
    key = _key(task.agreement, len(members.hashes))
    counts = _key_counts(members.hashes, key)
    kept = counts > 1
    kept[: key.num_keys * task.part // task.num_parts] = False
    kept[key.num_keys * (task.part + 1) // task.num_parts :] = False
    if first_new:
        start = int(np.searchsorted(members.positions, first_new)) if len(members.positions) else first_new
        kept &= _key_counts(members.hashes[start:], key) > 0
    ends = np.cumsum(counts[kept], dtype=np.int64)
    begins = ends - counts[kept]
    places = np.full(key.num_keys, -1, np.int64)
    places[kept] = begins
    num_kept = int(counts[kept].sum(dtype=np.int64))
    grouped = room.of(num_kept)
    place_by_key(members, key, places, grouped)
    return grouped, Groups(begins, ends)


def _key(agreement: Agreement, num_hashes: int) -> Key:
    bits = min(agreement.equal.bit_count() + _SPARE_TABLE_BITS, num_hashes.bit_length() + 1, _MAX_TABLE_BITS)
    return Key(np.uint64(agreement.equal), np.uint64(HASH_BITS - bits))


def _key_counts(hashes: NDArray[np.uint64], key: Key) -> NDArray[np.int32]:
    counts = np.zeros(key.num_keys, np.int32)
    count_keys(hashes, key, counts)
    return counts
