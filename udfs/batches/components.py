"""Edges between nodes to the connected component of each node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from udfs.components import Components

EDGE = pa.schema([pa.field("left", pa.int64()), pa.field("right", pa.int64())])
RESULT = pa.schema([pa.field("node", pa.int64()), pa.field("component", pa.int64())])
BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class JoinComponents:
    """Record batches of EDGE, all in one task, to RESULT: each node once, with the smallest node of its component."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Join batch by batch: memory grows with the nodes, not with the edges."""
        components = Components()
        for batch in batches:
            components.connect(batch.column("left").to_numpy(), batch.column("right").to_numpy())
        nodes, smallest = components.labels()
        for start in range(0, len(nodes), BATCH_ROWS):
            part = slice(start, start + BATCH_ROWS)
            yield pa.RecordBatch.from_arrays([pa.array(nodes[part]), pa.array(smallest[part])], schema=RESULT)
