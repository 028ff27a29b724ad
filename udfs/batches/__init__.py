"""Kernels over Arrow record batches, in the form that Spark's mapInArrow takes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

BatchFunction = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
REFUSAL = (pa.field("reason", pa.string()), pa.field("detail", pa.string()))
MAX_BATCH_BYTES = 32 * 2**20
MAX_BATCH_ROWS = 1_000


def nullable(fields: Iterable[pa.Field]) -> list[pa.Field]:
    """The same fields, all nullable: a refused input has a reason instead of values."""
    return [field.with_nullable(True) for field in fields]


def rows_of(batches: Iterator[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Rows of record batches as dictionaries, one batch in memory at a time."""
    for batch in batches:
        yield from batch.to_pylist()


@contextmanager
def no_cycle_search() -> Iterator[None]:
    """Let Python not look for reference cycles meanwhile: for work that makes none, but many objects to look through."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def batched(
    rows: Iterable[tuple[Mapping[str, Any], int]], schema: pa.Schema, max_bytes: int = MAX_BATCH_BYTES
) -> Iterator[pa.RecordBatch]:
    """Record batches of (row, size in bytes): closed at `max_bytes` or 1,000 rows, so that large values do not pile up."""
    held: list[Mapping[str, Any]] = []
    num_bytes = 0
    for row, size in rows:
        held.append(row)
        num_bytes += size
        if num_bytes >= max_bytes or len(held) >= MAX_BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(held, schema=schema)
            held, num_bytes = [], 0
    if held:
        yield pa.RecordBatch.from_pylist(held, schema=schema)
