"""Inventory parts to listed article versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from udfs.batches import rows_of
from udfs.inventory import ManifestPart
from udfs.inventory_rows import INVENTORY_ROWS, part_batches
from udfs.source import open_source
from udfs.source.options import SourceOptions

PART = pa.schema([pa.field("key", pa.string()), pa.field("num_bytes", pa.int64()), pa.field("md5", pa.string())])
RESULT = INVENTORY_ROWS


@dataclass(frozen=True)
class InventoryRead:
    """Record batches of PART to record batches of RESULT; `columns` are those of the CSV, in order."""

    source: SourceOptions
    columns: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read and parse every part; Rejected, which ends the job, for a part that is not what its manifest says."""
        source = open_source(self.source)
        for part in rows_of(batches):
            yield from part_batches(source, ManifestPart(**part), self.columns)
