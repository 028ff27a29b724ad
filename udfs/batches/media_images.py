"""Media objects to normalised, hashed images: fetch, check and process in one pass, bytes only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.originals import ORIGINALS
from schemas.rejects import Rejected
from udfs.batches import REFUSAL, batched, nullable, rows_of
from udfs.fetch import FetchedMedia, FetchLimits, media_steps
from udfs.images import ImageOptions, process_image
from udfs.object_keys import metadata_key, object_key
from udfs.reads import Steps, fetch_concurrently
from udfs.source import open_source
from udfs.source.options import SourceOptions

RESULT = pa.schema(
    [
        *nullable(MEDIA.arrow_schema),
        pa.field("image_row", IMAGES.row_type),
        pa.field("original_row", ORIGINALS.row_type),
        *REFUSAL,
    ]
)


@dataclass(frozen=True)
class MediaFetch:
    """Record batches of (accession, media_name, uri, etag, options_hash) to record batches of RESULT; `uri` carries its digest.

    With `keep_bytes` accepted images also bring their original bytes.
    """

    source: SourceOptions
    limits: FetchLimits
    images: ImageOptions
    concurrency: int
    keep_bytes: bool = False

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Fetch `concurrency` objects at a time; decode them one by one in this thread, where the processor is the limit."""
        source = open_source(self.source)

        def fetch(row: dict[str, Any]) -> Steps[FetchedMedia]:
            ref = object_key(row["uri"], row["accession"], self.source.bucket)
            return (yield from media_steps(self.source.bucket, ref, self.limits, metadata_key(row["accession"])))

        fetched = fetch_concurrently(source.read, fetch, rows_of(batches), self.concurrency, self.limits.max_held_bytes)
        yield from batched((self._result(row, media) for row, media in fetched), RESULT)

    def _result(self, row: dict[str, Any], media: FetchedMedia | Rejected) -> tuple[dict[str, Any], int]:
        uri, _, listed = row["uri"].partition("?md5=")
        values = {**row, "uri": uri, "md5_listed": listed.lower() or None}
        if isinstance(media, Rejected):
            return {**values, "reason": str(media.reason), "detail": media.detail}, 200
        names = ("num_bytes", "md5_expected", "md5_actual", "digest_mismatches")
        values |= {name: getattr(media, name) for name in names}
        try:
            record = process_image(media.data, self.images)
        except Rejected as refusal:
            digest = hashlib.sha256(media.data).hexdigest()
            return {**values, "image_sha256": digest, "reason": str(refusal.reason), "detail": refusal.detail}, 200
        digest = values["image_sha256"] = record.image_sha256
        original = {"image_sha256": digest, "num_bytes": media.num_bytes, "data": media.data} if self.keep_bytes else None
        num_bytes = len(record.image) + (media.num_bytes if original else 0)
        return {**values, "image_row": asdict(record), "original_row": original}, num_bytes
