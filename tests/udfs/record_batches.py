"""Rows in and out of batch kernels."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa


def one_by_one(rows: Iterable[dict[str, Any]], schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """A record batch per row."""
    for row in rows:
        yield pa.RecordBatch.from_pylist([row], schema=schema)


def results(batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
    """The rows of all batches."""
    return [row for batch in batches for row in batch.to_pylist()]
