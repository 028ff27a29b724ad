"""Images of evaluation sets to the hashes that archive images are compared by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.rejects import Rejected
from udfs.batches import REFUSAL, batched, rows_of
from udfs.images import ImageOptions, process_image
from udfs.storage import reader

NAMED = pa.schema([pa.field("eval_set", pa.string()), pa.field("name", pa.string()), pa.field("content", pa.binary())])
RESULT = pa.schema(
    [
        pa.field("eval_set", pa.string()),
        pa.field("name", pa.string()),
        pa.field("eval_image", pa.string()),
        pa.field("pixels_sha256", pa.string()),
        pa.field("phash_trimmed", pa.int64()),
        pa.field("phash256_trimmed", pa.binary()),
        *REFUSAL,
    ]
)
LISTED = pa.schema([pa.field("name", pa.string()), pa.field("num_bytes", pa.int64())])
FILE = pa.schema([pa.field("name", pa.string()), pa.field("content", pa.binary())])
_HASHES = ("pixels_sha256", "phash_trimmed", "phash256_trimmed")


@dataclass(frozen=True)
class ReadFiles:
    """Record batches of LISTED, files below a folder or prefix, to FILE."""

    uri: str
    max_bytes: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every file whole, of one that is too large what is just too much; FileNotFoundError for one that has gone since."""
        read = reader(self.uri)
        yield from batched((self._read(read, row) for row in rows_of(batches)), FILE)

    def _read(self, read: Callable[[str, int], bytes], row: dict[str, Any]) -> tuple[dict[str, Any], int]:
        num_bytes = min(row["num_bytes"], self.max_bytes + 1)
        return {"name": row["name"], "content": read(row["name"], num_bytes)}, num_bytes


@dataclass(frozen=True)
class HashEvalImages:
    """Record batches of NAMED to RESULT: hashes by the image kernel, or why there are none."""

    options: ImageOptions

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One row for each image."""
        yield from batched(((self._hashed(row), 400) for row in rows_of(batches)), RESULT)

    def _hashed(self, row: dict[str, Any]) -> dict[str, Any]:
        data = row["content"]
        named = {"eval_set": row["eval_set"], "name": row["name"], "eval_image": hashlib.sha256(data).hexdigest()}
        try:
            record = process_image(data, self.options)
        except Rejected as refusal:
            return named | {"reason": str(refusal.reason), "detail": refusal.detail}
        return named | {name: getattr(record, name) for name in _HASHES}
