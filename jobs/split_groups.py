"""Articles that duplicate images connect: they must fall into one split."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.arrow_frames import map_batches
from udfs.clusters import connected_components

RESULT = pa.schema([pa.field("pmcid", pa.string()), pa.field("split_group", pa.string())])


def split_groups(uses: DataFrame) -> DataFrame:
    """pmcid and split_group, the smallest PMCID of its connected component, for (pmcid, cluster) rows: who uses which image.

    Only clusters that several articles share are edges, so that one task can hold them; articles without any stand alone.
    """
    uses = uses.distinct()
    shared = (
        uses.groupBy("cluster").agg(F.min("pmcid").alias("first"), F.count("*").alias("num_articles")).where("num_articles > 1")
    )
    edges = uses.join(shared, "cluster").select("first", "pmcid").where("first <> pmcid").distinct()
    connected = map_batches(edges.coalesce(1), partial(_components, fields=("first", "pmcid")), RESULT)
    articles = uses.select("pmcid").distinct()
    return articles.join(connected, "pmcid", "left").select("pmcid", F.coalesce("split_group", "pmcid").alias("split_group"))


def _components(batches: Iterator[pa.RecordBatch], fields: tuple[str, str]) -> Iterator[pa.RecordBatch]:
    received = [batch for batch in batches if batch.num_rows]
    if not received:  # no image connects two articles
        return
    table = pa.Table.from_batches(received)
    ends = [np.asarray(table[field].to_pylist(), dtype=str) for field in fields]
    names, codes = np.unique(np.concatenate(ends), return_inverse=True)
    first, second = np.split(codes.astype(np.int32), 2)
    # Names are sorted, so the smallest node of a component is its smallest PMCID.
    smallest = names[connected_components(len(names), first, second)]
    yield pa.RecordBatch.from_arrays(
        [pa.array(names.tolist(), pa.string()), pa.array(smallest.tolist(), pa.string())], schema=RESULT
    )
