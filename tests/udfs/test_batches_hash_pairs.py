"""Both ways to search find every pair of hashes within the distance that has a new one in it, and each once."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from udfs.bands import ALL_BITS, agreements
from udfs.batches.hash_pairs import HASH, KEYED, TASK, PackHashes, SearchFile, SearchKeys
from udfs.near_duplicates import plan_tasks, save_hashes

DISTANCE = 6


@pytest.fixture(scope="module")
def hashes() -> NDArray[np.int64]:
    """Distinct hashes in a few crowds, in random order."""
    rng = np.random.default_rng(3)
    centres = rng.integers(-(2**63), 2**63 - 1, 12)
    flips = np.left_shift(np.int64(1), rng.integers(0, 63, (600, 6)))
    return rng.permutation(np.unique(np.bitwise_xor.reduce(flips[:, : rng.integers(3, 7)], axis=1) ^ rng.choice(centres, 600)))


def pairs_by_definition(hashes: NDArray[np.int64], num_old: int) -> Counter[tuple[int, int, int]]:
    distance = np.bitwise_count(hashes[:, None].view(np.uint64) ^ hashes.view(np.uint64))
    near = np.argwhere(np.triu(distance <= DISTANCE, 1))
    kept = [(int(i), int(j)) for i, j in near if max(i, j) >= num_old]
    return Counter((*sorted((int(hashes[i]), int(hashes[j]))), int(distance[i, j])) for i, j in kept)


def found(batches: list[pa.RecordBatch]) -> Counter[tuple[int, int, int]]:
    return Counter(tuple(row.values()) for batch in batches for row in batch.to_pylist())


@pytest.mark.parametrize("num_old", [0, 1, 400])
def test_tasks_over_one_file_find_every_pair_once(hashes: NDArray[np.int64], num_old: int, tmp_path: Path) -> None:
    save_hashes(tmp_path / "hashes.npy", hashes.view(np.uint64))
    tasks = plan_tasks(len(hashes), DISTANCE, 100)
    search = SearchFile(lambda: tmp_path / "hashes.npy", DISTANCE, tasks, num_old)
    batches = [pa.RecordBatch.from_arrays([pa.array([number])], schema=TASK) for number in range(len(tasks))]
    expected = pairs_by_definition(hashes, num_old)
    assert len(expected) > 300
    assert found(list(search(iter(batches)))) == expected


@pytest.mark.parametrize("num_old", [0, 1, 400])
def test_tasks_by_key_find_every_pair_once(hashes: NDArray[np.int64], num_old: int) -> None:
    ways = agreements(ALL_BITS, DISTANCE, 8)
    parts: dict[int, list[tuple[int, int, bool]]] = {}
    for _place, value in enumerate(np.random.default_rng(5).permutation(hashes).tolist()):
        is_new = bool(np.flatnonzero(hashes == value)[0] >= num_old)
        for number, way in enumerate(ways):
            key = value & way.equal
            parts.setdefault(hash((number, key)) % 5, []).append((number, value, is_new))
    batches = []
    for rows in parts.values():
        columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), KEYED, strict=True)]
        batch = pa.RecordBatch.from_arrays(columns, schema=KEYED)
        batches += SearchKeys(DISTANCE, ways)(iter([batch.slice(0, 7), batch.slice(7)]))
    assert found(batches) == pairs_by_definition(hashes, num_old)


def test_packed_hashes_are_the_hashes() -> None:
    values = [1, -1, 2**62, -(2**63)]
    batch = pa.RecordBatch.from_arrays([pa.array(values)], schema=HASH)
    rows = [row for packed in PackHashes()(iter([batch, batch])) for row in packed.to_pylist()]
    assert [np.frombuffer(row["packed"], np.int64).tolist() for row in rows] == [values, values]
