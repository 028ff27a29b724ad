"""Images of evaluation sets to the hashes that archive images are compared by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.rejects import Reason, Rejected
from udfs.batches import REFUSAL, batched, rows_of
from udfs.images import ImageOptions, process_image
from udfs.storage import reader

NAMED = pa.schema(
    [
        pa.field("eval_set", pa.string()),
        pa.field("name", pa.string()),
        pa.field("content", pa.binary()),
        pa.field("is_file", pa.bool_()),
    ]
)
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
TEXT = "text"  # stands as reason for a file that may lie beside images: it is no reject
_TEXT_NAMES = re.compile(
    r"(^|.*/)(readme|licen[cs]e|copying|notice|citation|changelog|authors|manifest|[^/]*\.(txt|md|rst|csv|tsv|jsonl?|ya?ml|xml|bib|cff))",
    re.IGNORECASE,
)
_IN_NO_TEXT = bytes(set(range(32)) - set(b"\t\n\f\r"))
_IMAGES_IN_TEXT = re.compile(rb"/9j/|iVBORw0KGgo|R0lGOD|UklGR|data:image/")  # in base64, how JPEG, PNG, GIF and WebP begin
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
    """Record batches of NAMED to RESULT: hashes by the image kernel, or why there are none; TEXT for texts beside images.

    What takes too long is tried again, on a faster machine maybe: here an image that is left alone lets its copies into train.
    """

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
            reason = Reason.FETCH_FAILED if refusal.reason is Reason.TIMEOUT else refusal.reason
            is_beside = reason is Reason.NOT_AN_IMAGE and row["is_file"] and is_text_beside_images(row["name"], data)
            return named | {"reason": TEXT if is_beside else str(reason), "detail": refusal.detail}
        return named | {name: getattr(record, name) for name in _HASHES}


def is_text_beside_images(name: str, data: bytes) -> bool:
    """Whether a file is a text by its name and content (UTF-8), as labels and licences are, and holds no image in base64.

    Anything else that is no image may hold some (Parquet, zip, HDF5), stand for some (a pointer of Git LFS), or be what a failed
    download left of one.
    """
    if not _TEXT_NAMES.fullmatch(name) or len(data.translate(None, _IN_NO_TEXT)) < max(1, len(data)):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _IMAGES_IN_TEXT.search(data) is None
