"""Inventories of any size in the bucket's layout, and the same a day later."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from jobs.sample.bucket import FIRST_DAY, INVENTORY_PREFIX, manifest_objects
from jobs.sample.damage import BUCKET

ROWS_PER_PART = 400_000
_MODIFIED = "2026-10-31T11:47:59.000Z"


Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class DailyChange:
    """How many versions a day adds, changes and removes."""

    num_added: int
    num_changed: int
    num_removed: int


def write_inventory(folder: Path, num_rows: int, day: int, change: DailyChange) -> None:
    """The inventory of day 1 or 2 of a bucket that had `num_rows` versions on day 1; the days differ by `change`."""
    numbers, salts = np.arange(1, num_rows + 1, dtype=np.uint64), np.zeros(num_rows, dtype=np.uint64)
    if day == 2:
        salts[: change.num_changed] = 1
        kept = slice(0, num_rows - change.num_removed)
        added = np.arange(num_rows + 1, num_rows + change.num_added + 1, dtype=np.uint64)
        numbers = np.concatenate([numbers[kept], added])
        salts = np.concatenate([salts[kept], np.zeros(change.num_added, dtype=np.uint64)])
    data = {
        f"{INVENTORY_PREFIX}/data/{day}-{start // ROWS_PER_PART:06d}.csv.gz": _part(numbers, salts, start)
        for start in range(0, len(numbers), ROWS_PER_PART)
    }
    for key, content in (data | manifest_objects(FIRST_DAY + timedelta(days=day - 1), data)).items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _part(numbers: Numbers, salts: Numbers, start: int) -> bytes:
    chosen = slice(start, start + ROWS_PER_PART)
    keys = [f"metadata/PMC{number}.1.json" for number in numbers[chosen].tolist()]
    num_rows = len(keys)
    columns = {
        "Bucket": pa.repeat(pa.scalar(BUCKET), num_rows),
        "Key": pa.array(keys),
        "LastModifiedDate": pa.repeat(pa.scalar(_MODIFIED), num_rows),
        "ETag": _etags(numbers[chosen], salts[chosen]),
    }
    text = io.BytesIO()
    csv.write_csv(pa.table(columns), text, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return gzip.compress(text.getvalue(), compresslevel=1, mtime=0)


def _etags(numbers: Numbers, salts: Numbers) -> pa.Array:
    """32 hex digits for each number and salt, as hard to compress as digests."""
    seed = numbers * np.uint64(2) + salts
    halves = np.stack([_mixed(seed * np.uint64(2)), _mixed(seed * np.uint64(2) + np.uint64(1))], axis=1)
    digits = pa.py_buffer(halves.tobytes().hex().encode())
    return pa.Array.from_buffers(pa.binary(32), len(numbers), [None, digits]).cast(pa.binary()).cast(pa.string())


def _mixed(values: Numbers) -> Numbers:
    """SplitMix64 (Steele, Lea, Flood 2014) of each value."""
    values = values * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Numbers = values ^ (values >> np.uint64(31))
    return mixed
