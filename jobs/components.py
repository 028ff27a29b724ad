"""Connected components of a frame of edges."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.arrow_frames import map_batches
from udfs.batches.components import EDGE, RESULT, JoinComponents


def components(edges: DataFrame) -> DataFrame:
    """node and component, the smallest node it is connected to, of every node of the edges (left, right), all of them long.

    One task streams the edges and holds 36 to 72 bytes a node.
    """
    return map_batches(edges.select(*EDGE.names).coalesce(1), JoinComponents(), RESULT)
