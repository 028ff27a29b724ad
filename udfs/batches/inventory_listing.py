"""Inventory parts to listed article versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from schemas.rejects import Rejected
from udfs.batches import nullable, rows_of
from udfs.inventory import ManifestPart
from udfs.inventory_rows import INVENTORY_ROWS, part_batches
from udfs.source import open_source
from udfs.source.options import Source, SourceOptions

PART = pa.schema([pa.field("key", pa.string()), pa.field("num_bytes", pa.int64()), pa.field("md5", pa.string())])
RESULT = pa.schema([*nullable(INVENTORY_ROWS), pa.field("problem", pa.string())])
"""Lines of the parts; `problem` says why a part, whose key the row then has, is not what its manifest says."""


@dataclass(frozen=True)
class InventoryRead:
    """Record batches of PART to record batches of RESULT; `columns` are those of the CSV, in order."""

    source: SourceOptions
    columns: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read and parse every part."""
        source = open_source(self.source)
        for part in rows_of(batches):
            yield from self._lines(source, ManifestPart(**part))

    def _lines(self, source: Source, part: ManifestPart) -> Iterator[pa.RecordBatch]:
        try:
            for batch in part_batches(source, part, self.columns):
                yield pa.RecordBatch.from_arrays([*batch.columns, pa.nulls(batch.num_rows, pa.string())], schema=RESULT)
        except Rejected as rejected:
            yield pa.RecordBatch.from_pylist([{"key": part.key, "problem": str(rejected)}], schema=RESULT)
