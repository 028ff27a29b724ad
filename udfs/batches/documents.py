"""Article versions to fetched documents: metadata JSON and XML, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.documents import DOCUMENTS
from schemas.rejects import Rejected
from udfs.batches import REFUSAL, batched, nullable, rows_of
from udfs.fetch import Document, FetchLimits, RejectedDocument, document_steps
from udfs.reads import Steps, fetch_concurrently
from udfs.selection import Selection
from udfs.source import open_source
from udfs.source.options import SourceOptions

RESULT = pa.schema([*nullable(DOCUMENTS.arrow_schema), *REFUSAL])


@dataclass(frozen=True)
class DocumentFetch:
    """Record batches of (accession, etag) to record batches of RESULT."""

    source: SourceOptions
    selection: Selection
    limits: FetchLimits
    concurrency: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Fetch every article version of the batches, `concurrency` at a time."""
        source = open_source(self.source)

        def fetch(row: dict[str, Any]) -> Steps[Document]:
            return document_steps(self.source.bucket, row["accession"], row["etag"], self.selection, self.limits)

        fetched = fetch_concurrently(source.read, fetch, rows_of(batches), self.concurrency, self.limits.max_held_bytes)
        yield from batched((_result(row, document) for row, document in fetched), RESULT)


def _result(row: dict[str, Any], document: Document | Rejected) -> tuple[dict[str, Any], int]:
    if not isinstance(document, Rejected):
        return vars(document), document.num_bytes
    refusal = {"reason": str(document.reason), "detail": document.detail}
    if isinstance(document, RejectedDocument):
        return vars(document.document) | refusal, document.document.num_bytes
    return row | refusal, 200
