"""Rows of an inventory part, or of a listing, as record batches of one schema."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from schemas.rejects import Reason, Rejected
from schemas.table import TIMESTAMP
from udfs.inventory import ManifestPart
from udfs.source.options import ObjectInfo, Source

INVENTORY_ROWS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("accession", pa.string()),
        pa.field("pmcid", pa.string()),
        pa.field("version", pa.int32()),
        pa.field("etag", pa.string()),
        pa.field("last_modified", TIMESTAMP),
    ]
)
"""What an inventory says; accession, pmcid and version are NULL where the key is no metadata key of the bucket (bad_key).

A line of another bucket has its whole address as its key.
"""

MAX_PART_BYTES = 2 * 2**30
BLOCK_BYTES = 8 * 2**20
LISTING_ROWS = 10_000
_KEY = r"^metadata/(?P<pmcid>PMC[1-9][0-9]{0,11})\.(?P<version>[1-9][0-9]{0,4})\.json$"


def part_batches(source: Source, part: ManifestPart, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """The rows of one gzipped CSV part, in batches of INVENTORY_ROWS of some 8 MiB of text each.

    Rejected: checksum_mismatch for a part that differs from the manifest's digest, damaged for one that is no gzip or has other
    columns, and what Source.read raises. Superseded versions and delete markers, where the inventory has such columns, are left
    out.
    """
    data = source.read(part.key, MAX_PART_BYTES)
    actual = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if part.md5 and part.md5.lower() != actual:
        raise Rejected(Reason.CHECKSUM_MISMATCH, f"{part.key}: MD5 expected {part.md5}, actual {actual}")
    try:
        yield from _parsed_batches(data, columns, source.options.bucket)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        text = " ".join(str(error).split())
        raise Rejected(Reason.DAMAGED, f"{part.key} is no gzipped CSV of {', '.join(columns)}: {text}") from None


def _parsed_batches(data: bytes, columns: tuple[str, ...], bucket: str) -> Iterator[pa.RecordBatch]:
    if data and not gzip.GzipFile(fileobj=io.BytesIO(data)).read(1):
        return
    with pa.CompressedInputStream(pa.BufferReader(data), "gzip") as text, _open_csv(text, columns) as reader:
        for batch in reader:
            yield _inventory_rows(batch, bucket)


def listing_batches(infos: Iterable[ObjectInfo]) -> Iterator[pa.RecordBatch]:
    """The objects of a listing in batches of INVENTORY_ROWS."""
    remaining = iter(infos)
    while chunk := list(islice(remaining, LISTING_ROWS)):
        arrays = {
            "Key": pa.array([info.key for info in chunk], pa.string()),
            "ETag": pa.array([info.etag for info in chunk], pa.string()),
            "LastModifiedDate": pa.array([info.last_modified for info in chunk], TIMESTAMP),
        }
        yield _inventory_rows(pa.RecordBatch.from_pydict(arrays))


def _open_csv(text: pa.NativeFile, columns: tuple[str, ...]) -> csv.CSVStreamingReader:
    types = dict.fromkeys(columns, pa.string()) | {"LastModifiedDate": TIMESTAMP}
    return csv.open_csv(
        text,
        read_options=csv.ReadOptions(column_names=list(columns), block_size=BLOCK_BYTES, use_threads=False),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _inventory_rows(batch: pa.RecordBatch, bucket: str = "") -> pa.RecordBatch:
    batch = _current_objects(batch)
    # Keys in an inventory are URL-encoded.
    key = pc.replace_substring(batch["Key"], "%2F", "/")
    if "Bucket" in batch.schema.names:
        key = _addresses_elsewhere(key, batch["Bucket"], bucket)
    parts = pc.extract_regex(key, _KEY)
    pmcid, version = pc.struct_field(parts, "pmcid"), pc.struct_field(parts, "version")
    columns = [
        key,
        pc.binary_join_element_wise(pmcid, version, "."),
        pmcid,
        pc.cast(version, pa.int32()),
        batch["ETag"],
        batch["LastModifiedDate"],
    ]
    return pa.RecordBatch.from_arrays(columns, schema=INVENTORY_ROWS)


def _addresses_elsewhere(key: pa.Array, buckets: pa.Array, bucket: str) -> pa.Array:
    """The keys, those of other buckets as whole addresses, which no key of this one looks like."""
    elsewhere = pc.not_equal(buckets, bucket)
    if not pc.any(elsewhere).as_py():
        return key
    return pc.if_else(elsewhere, pc.binary_join_element_wise("s3:/", buckets, key, "/"), key)


def _current_objects(batch: pa.RecordBatch) -> pa.RecordBatch:
    for name, kept in (("IsLatest", "true"), ("IsDeleteMarker", "false")):
        if name in batch.schema.names:
            batch = batch.filter(pc.equal(batch[name], kept))
    return batch
