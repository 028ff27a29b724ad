"""Both ways to search find every confirmed pair of hashes that has a new one in it, and each once."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from udfs.bands import ALL_BITS, agreements
from udfs.batches.hash_pairs import ALONE, HASH, KEYED, LEFT, RIGHT, TASK, HashFiles, PackHashes, SearchFiles, SearchKeys
from udfs.looks import Distances
from udfs.near_duplicates import plan_tasks

DISTANCES = Distances(6, 44)
Hashed = list[tuple[int, list[bytes]]]


@pytest.fixture(scope="module")
def hashed() -> Hashed:
    """Distinct hashes in a few crowds, in random order, each with the looks of none (too many) to three images."""
    rng = np.random.default_rng(3)
    centres = rng.integers(-(2**63), 2**63 - 1, 12)
    flips = np.left_shift(np.int64(1), rng.integers(0, 63, (600, 6)))
    hashes = np.unique(np.bitwise_xor.reduce(flips[:, : rng.integers(3, 7)], axis=1) ^ rng.choice(centres, 600))
    return [(int(value), [look(rng) for _ in range(rng.integers(0, 4))]) for value in rng.permutation(hashes)]


def look(rng: np.random.Generator) -> bytes:
    """Of two of these about half are within 44 bits."""
    return rng.bytes(11).ljust(32, b"\xff")


def pairs_by_definition(hashed: Hashed, num_old: int) -> Counter[tuple[int, int, int]]:
    near: Counter[tuple[int, int, int]] = Counter()
    for j, (right, right_looks) in enumerate(hashed):
        for left, left_looks in hashed[:j]:
            distance = ((left ^ right) & (2**64 - 1)).bit_count()
            is_known = left_looks and right_looks
            fine = [bits(one, other) for one in left_looks for other in right_looks]
            if j >= num_old and distance <= 6 and (not is_known or min(fine) <= 44):
                near[min(left, right), max(left, right), distance] += 1
    return near


def bits(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def found(batches: list[pa.RecordBatch]) -> Counter[tuple[int, int, int]]:
    return Counter(tuple(row.values()) for batch in batches for row in batch.to_pylist())


def files_of(hashed: Hashed) -> HashFiles:
    hashes, looks = (list(values) for values in zip(*hashed, strict=True))
    ends = np.cumsum([0, *(len(of_one) for of_one in looks)])
    words = np.frombuffer(b"".join(b"".join(of_one) for of_one in looks), np.uint64).reshape(-1, 4)
    return HashFiles(np.array(hashes, np.int64).view(np.uint64), ends, words)


@pytest.mark.parametrize("num_old", [0, 1, 400])
def test_tasks_over_the_same_files_find_every_pair_once(hashed: Hashed, num_old: int) -> None:
    tasks = plan_tasks(len(hashed), DISTANCES.coarse, 100)
    search = SearchFiles(lambda: files_of(hashed), DISTANCES, tasks, num_old)
    batches = [pa.RecordBatch.from_arrays([pa.array([number])], schema=TASK) for number in range(len(tasks))]
    expected = pairs_by_definition(hashed, num_old)
    assert len(expected) > 300
    assert found(list(search(iter(batches)))) == expected


@pytest.mark.parametrize("num_old", [0, 1, 400])
@pytest.mark.parametrize("num_blocks", [1, 3])
def test_tasks_by_key_and_share_find_every_pair_once(hashed: Hashed, num_old: int, num_blocks: int) -> None:
    ways = agreements(ALL_BITS, DISTANCES.coarse, 8)
    parts: dict[int, list[tuple[int, int, int, int, bool, bytes]]] = {}
    for place in np.random.default_rng(5).permutation(len(hashed)).tolist():
        value, looks = hashed[place]
        block = place % num_blocks
        for number, way in enumerate(ways):
            for other in range(num_blocks):
                share = max(block, other) * 10 + min(block, other)
                side = ALONE if block == other else LEFT if block < other else RIGHT
                row = (number, share, side, value, place >= num_old, b"".join(looks))
                parts.setdefault(hash((number, value & way.equal, share)) % 5, []).append(row)
    batches = []
    for rows in parts.values():
        columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), KEYED, strict=True)]
        batch = pa.RecordBatch.from_arrays(columns, schema=KEYED)
        batches += SearchKeys(DISTANCES, ways)(iter([batch.slice(0, 7), batch.slice(7, 0), batch.slice(7)]))
    assert found(batches) == pairs_by_definition(hashed, num_old)


def test_packed_hashes_are_the_hashes_and_their_looks() -> None:
    hashed: Hashed = [(1, [b"a" * 32]), (-1, []), (2**62, [b"b" * 32, b"c" * 32]), (-(2**63), [b"d" * 32])]
    columns = [pa.array([value for value, _ in hashed]), pa.array([b"".join(looks) for _, looks in hashed])]
    batch = pa.RecordBatch.from_arrays(columns, schema=HASH)
    rows = [row for packed in PackHashes()(iter([batch, batch.slice(0, 0), batch.slice(2)])) for row in packed.to_pylist()]
    assert [np.frombuffer(row["hashes"], np.int64).tolist() for row in rows] == [[1, -1, 2**62, -(2**63)], [2**62, -(2**63)]]
    assert [np.frombuffer(row["ends"], np.int64).tolist() for row in rows] == [[1, 1, 3, 4], [2, 3]]
    assert [row["looks"][::32] for row in rows] == [b"abcd", b"bcd"]
