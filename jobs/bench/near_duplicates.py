"""The search for near duplicates beside exact multi-index hashing of faiss, and its growth with the number of hashes."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from udfs.near_duplicates import Task, candidate_pairs, load_hashes, plan_tasks, save_hashes

MAX_DISTANCE = 6
NUM_HASHES = 1_500_000
NUM_QUERIES = 2_000
ROUNDS = 5
# Three words of 21 bits of which one differs in two bits at most: exact up to 8 bits, and the fastest of such settings here.
_FAISS_MAPS, _FAISS_BITS, _FAISS_FLIPS = 3, 21, 2


def skewed_hashes(num_hashes: int, seed: int = 0) -> NDArray[np.uint64]:
    """Distinct hashes in random order: random ones, 20 % within 6 bits of one of these, 5 % in crowds around 50 centres.

    In a crowd each bit differs from the centre with a chance of 3/16: its members share keys, but few are near each other.
    """
    generator = np.random.default_rng(seed)
    num_copies, num_hot = num_hashes // 5, num_hashes // 20
    originals = _random(generator, num_hashes - num_copies - num_hot)
    words = [_random(generator, num_hot) for _ in range(4)]
    hot = generator.choice(originals[:50], num_hot) ^ (words[0] & words[1] & (words[2] | words[3]))
    copies = generator.choice(originals, num_copies)
    num_bits = generator.integers(1, MAX_DISTANCE + 1, size=num_copies)
    for step in range(MAX_DISTANCE):
        bit = np.uint64(1) << generator.integers(0, 64, size=num_copies, dtype=np.uint64)
        copies ^= np.where(step < num_bits, bit, np.uint64(0))
    return generator.permutation(np.unique(np.concatenate([originals, copies, hot])))


def _random(generator: np.random.Generator, size: int) -> NDArray[np.uint64]:
    return generator.integers(0, 2**64, size=size, dtype=np.uint64)


def run(shared_data: Path, num_hashes: int = NUM_HASHES) -> dict[str, Any]:
    """Hashes searched per second on one core, ours and faiss in turns; faiss answers queries drawn at random.

    RuntimeError where the two do not find the same neighbours of the queries.
    """
    hashes = skewed_hashes(num_hashes)
    queries = np.random.default_rng(1).choice(len(hashes), NUM_QUERIES, replace=False)
    index = _faiss_index(hashes)
    found = _neighbours(hashes, queries)
    seconds, reference_seconds = [], []
    for share in np.array_split(queries, ROUNDS):
        started = time.perf_counter()
        for _ in candidate_pairs(hashes, MAX_DISTANCE):
            pass
        between = time.perf_counter()
        limits, _, neighbours = index.range_search(_bytes(hashes[share]), MAX_DISTANCE + 1)
        reference_seconds.append(time.perf_counter() - between)
        seconds.append(between - started)
        _check_same(share, np.repeat(share, np.diff(limits.astype(np.int64))), neighbours, found)
    value, reference_value = len(hashes) / median(seconds), NUM_QUERIES / ROUNDS / median(reference_seconds)
    return {
        "name": "near_duplicates",
        "value": value,
        "unit": "hashes/s",
        "reference": f"faiss IndexBinaryMultiHash, {NUM_QUERIES} random queries",
        "reference_value": reference_value,
        "ratio": value / reference_value,
        "n": len(hashes),
        "cores": 1,
    }


def _faiss_index(hashes: NDArray[np.uint64]) -> Any:
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryMultiHash(64, _FAISS_MAPS, _FAISS_BITS)
    index.nflip = _FAISS_FLIPS
    index.add(_bytes(hashes))
    return index


def _bytes(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8)


def _neighbours(hashes: NDArray[np.uint64], queries: NDArray[np.int64]) -> set[tuple[int, int]]:
    """The neighbours of each query that our search finds, the query itself included, as faiss does."""
    is_query = np.zeros(len(hashes), np.bool_)
    is_query[queries] = True
    found = {(query, query) for query in queries.tolist()}
    for pairs in candidate_pairs(hashes, MAX_DISTANCE):
        for one, other in ((pairs.i, pairs.j), (pairs.j, pairs.i)):
            found.update(zip(one[is_query[one]].tolist(), other[is_query[one]].tolist(), strict=True))
    return found


def _check_same(
    share: NDArray[np.int64], queries: NDArray[np.int64], neighbours: NDArray[np.int64], found: set[tuple[int, int]]
) -> None:
    asked = set(share.tolist())
    expected = {pair for pair in found if pair[0] in asked}
    if set(zip(queries.tolist(), neighbours.tolist(), strict=True)) != expected:
        raise RuntimeError("near_duplicates: faiss and the search do not find the same neighbours")


def growth(num_hashes: int, num_processes: int) -> dict[str, float]:
    """One search by processes that map one file of hashes: wall seconds, seconds of all, and the memory (MB) of the largest."""
    hashes = skewed_hashes(num_hashes)
    tasks = plan_tasks(len(hashes), MAX_DISTANCE)
    with TemporaryDirectory() as folder, _pool(num_processes) as pool:
        path = Path(folder) / "hashes.npy"
        save_hashes(path, hashes)
        list(pool.map(_search, [path] * num_processes, [tasks[:0]] * num_processes))
        started = time.perf_counter()
        results = list(pool.map(_search, [path] * len(tasks), [[task] for task in tasks]))
        seconds = time.perf_counter() - started
    num_pairs, cpu_seconds, memory = zip(*results, strict=True)
    return {
        "hashes": len(hashes),
        "pairs": sum(num_pairs),
        "seconds": seconds,
        "cpu_seconds": sum(cpu_seconds),
        "memory_mb": max(memory),
        "tasks": len(tasks),
    }


def _pool(num_processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(num_processes, mp_context=multiprocessing.get_context("spawn"))


def _search(path: Path, tasks: list[Task]) -> tuple[int, float, float]:
    """Pairs found, seconds of this process, and the most memory (MB) that it has held, the mapped file included; Linux only."""
    started = time.process_time()
    num_pairs = sum(len(pairs.i) for pairs in candidate_pairs(load_hashes(path), MAX_DISTANCE, tasks))
    # Not getrusage: its maximum counts the parent's memory before exec.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return num_pairs, time.process_time() - started, int(status["VmHWM"].split()[0]) / 1024
