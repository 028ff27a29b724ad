"""What obstore alone reaches on a bucket: the ceiling of every fetch through the adapters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import obstore

from udfs.source.bucket import direct_options, open_store
from udfs.source.options import SourceOptions


def ceiling(options: SourceOptions, keys: Sequence[str], concurrency: int) -> tuple[float, float]:
    """Objects/s and MB/s (10^6 bytes) of reading every key once, `concurrency` at a time, without any check of what is read.

    The store is opened and its first connection made before the clock starts. ValueError for a source that is no bucket or for
    no keys; any failed read is raised.
    """
    if not keys:
        raise ValueError("a ceiling needs at least one key to read")
    store = open_store(options, direct_options(options))
    obstore.get(store, keys[0]).bytes()

    def read(key: str) -> int:
        return len(obstore.get(store, key).bytes())

    with ThreadPoolExecutor(concurrency) as pool:
        start = time.perf_counter()
        num_bytes = sum(pool.map(read, keys))
        seconds = time.perf_counter() - start
    return len(keys) / seconds, num_bytes / seconds / 1e6
