"""Documents to parsed articles, figures and mentions, or the reason why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.articles import ARTICLES
from schemas.figures import FIGURES
from schemas.mentions import MENTIONS
from schemas.rejects import Rejected
from udfs.batches import REFUSAL, batched, no_cycle_search, rows_of
from udfs.jats import Limits, extract_article

BATCH_BYTES = 8 * 2**20  # rows of many small objects: a larger batch outgrows the processor's caches before it becomes Arrow
DAMAGE = pa.struct([("key", pa.string()), ("reason", pa.string()), ("detail", pa.string())])
RESULT = pa.schema(
    [
        pa.field("accession", pa.string()),
        pa.field("etag", pa.string()),
        pa.field("article", ARTICLES.row_type),
        pa.field("figures", pa.list_(FIGURES.row_type)),
        pa.field("mentions", pa.list_(MENTIONS.row_type)),
        pa.field("damage", pa.list_(DAMAGE)),
        *REFUSAL,
    ]
)


@dataclass(frozen=True)
class Extract:
    """Record batches of (accession, etag, metadata, xml) to record batches of RESULT."""

    limits: Limits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Parse every document of the batches."""
        with no_cycle_search():
            yield from batched((self._result(row) for row in rows_of(batches)), RESULT, BATCH_BYTES)

    def _result(self, row: dict[str, Any]) -> tuple[dict[str, Any], int]:
        marks = {"accession": row["accession"], "etag": row["etag"]}
        try:
            extraction = extract_article(row["xml"], row["accession"], json.loads(row["metadata"]), self.limits)
        except Rejected as refusal:
            return {**marks, "reason": str(refusal.reason), "detail": refusal.detail}, 200
        damage = [{"key": key, "reason": str(reason), "detail": detail} for key, reason, detail in extraction.partial_rejects]
        article = {**extraction.article, "etag": row["etag"]}
        result = {**marks, "article": article, "figures": extraction.figures, "mentions": extraction.mentions, "damage": damage}
        return result, len(row["xml"]) + extraction.num_chars
