"""Inventories of the bucket: the newest complete one, its rows, and a listing where there is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from schemas.rejects import Reason, Rejected
from udfs.object_keys import check_key
from udfs.source.options import ObjectInfo, Source

MAX_MANIFEST_BYTES = 64 * 2**20
NEEDED_COLUMNS = ("Key", "ETag", "LastModifiedDate")
_MANIFEST = "manifest.json"
_CHECKSUM = "manifest.checksum"
_FOLDER_TIME = "%Y-%m-%dT%H-%MZ"


@dataclass(frozen=True)
class ManifestPart:
    """A part of an inventory: a gzipped CSV without header."""

    key: str
    num_bytes: int
    md5: str | None


@dataclass(frozen=True)
class Manifest:
    """A complete inventory; `columns` are the CSV's columns in order, `checksum` is the MD5 of the manifest (hex).

    `passed_over`: newer manifests that are not complete, each with the reason in brackets.
    """

    key: str
    created: datetime
    columns: tuple[str, ...]
    parts: tuple[ManifestPart, ...]
    checksum: str
    passed_over: tuple[str, ...] = ()


def newest_manifest(source: Source) -> Manifest:
    """The inventory of `find_manifest`; ValueError, saying what to change, also where the source has no inventory at all."""
    manifest = find_manifest(source)
    if manifest is None:
        raise ValueError(f"{source.options.uri} has no inventory below {_prefix(source)}: check source.uri and source.bucket")
    return manifest


def find_manifest(source: Source) -> Manifest | None:
    """The newest inventory whose manifest matches its checksum and whose parts are there: a newer one may still be being written.

    None for a source without inventories; ValueError for one that has some, but none of them complete, and for a bucket that does
    not exist. Rejected (fetch_failed) where the newest cannot be read.
    """
    sizes = _sizes(source)
    manifests = [key for key in sizes if key.endswith(f"/{_MANIFEST}") and _is_dated(key)]
    passed_over: list[str] = []
    for key in sorted(manifests, reverse=True):
        try:
            return replace(_complete_manifest(source, key, sizes), passed_over=tuple(passed_over))
        except _IncompleteError as why:
            passed_over.append(f"{key} ({why})")
    if sizes:
        told = f": {passed_over[0]}" if passed_over else ""
        raise ValueError(
            f"{source.options.uri}: no inventory below {_prefix(source)} is complete (manifest, its checksum, all parts){told}"
        )
    return None


def folder_time(key: str) -> datetime:
    """The time (UTC) in the folder's name of a manifest's key; ValueError for another key."""
    return datetime.strptime(key.split("/")[-2], _FOLDER_TIME).replace(tzinfo=UTC)


def list_versions(source: Source) -> Iterator[ObjectInfo]:
    """Every metadata object of a source without inventory; the ETag of its listing is the change mark."""
    return (info for info in source.list_keys("metadata/") if info.key.endswith(".json"))


def _sizes(source: Source) -> dict[str, int]:
    """Size of every object of the inventories, by key."""
    try:
        return {info.key: info.num_bytes for info in source.list_keys(_prefix(source))}
    except Rejected as rejected:
        if rejected.reason is Reason.NOT_FOUND:
            raise ValueError(f"source.uri: there is no bucket {source.options.uri}") from None
        raise


class _IncompleteError(Exception):
    """A manifest that is still being written, or was written badly; the message says what is amiss."""


def _complete_manifest(source: Source, key: str, sizes: dict[str, int]) -> Manifest:
    if key.replace(_MANIFEST, _CHECKSUM) not in sizes:
        raise _IncompleteError(f"has no {_CHECKSUM}")
    try:
        data = source.read(key, MAX_MANIFEST_BYTES)
        expected = source.read(key.replace(_MANIFEST, _CHECKSUM), 1024)
    except Rejected as rejected:
        # What is not there yet is being written; what cannot be read must not bring back an older listing.
        if rejected.reason is not Reason.NOT_FOUND:
            raise
        raise _IncompleteError(rejected.detail) from None
    checksum = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if expected.decode("ascii", "replace").strip().lower() != checksum:
        raise _IncompleteError("differs from its checksum")
    manifest = _parse_manifest(data, key, checksum, source.options.bucket)
    for part in manifest.parts:
        _check_there(part, sizes, _prefix(source))
    return manifest


def _parse_manifest(data: bytes, key: str, checksum: str, bucket: str) -> Manifest:
    try:
        values = json.loads(data)
        parts = tuple(_part(item) for item in values["files"])
        columns = tuple(name.strip() for name in values["fileSchema"].split(","))
        created = datetime.fromtimestamp(int(values["creationTimestamp"]) / 1000, UTC)
        file_format, listed = values["fileFormat"], values.get("sourceBucket", bucket)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, Rejected) as error:
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"{key} is no inventory manifest: {told}; check source.uri, or wait for the next inventory") from None
    if listed != bucket:
        raise ValueError(
            f"{key} lists the bucket {listed!r}, but source.bucket is {bucket!r}: set source.bucket to that of the source"
        )
    missing = [name for name in NEEDED_COLUMNS if name not in columns]
    if file_format != "CSV" or missing:
        raise ValueError(
            f"{key}: the inventory must be CSV with {NEEDED_COLUMNS}, not {file_format} with {columns}; check source.uri"
        )
    return Manifest(key, created, columns, parts, checksum)


def _part(item: dict[str, Any]) -> ManifestPart:
    check_key(item["key"])
    return ManifestPart(item["key"], int(item["size"]), item.get("MD5checksum"))


def _prefix(source: Source) -> str:
    return f"inventory-reports/{source.options.bucket}/metadata/"


def _check_there(part: ManifestPart, sizes: dict[str, int], prefix: str) -> None:
    if not part.key.startswith(prefix):
        return
    if part.key not in sizes:
        raise _IncompleteError(f"lacks {part.key}")
    if sizes[part.key] != part.num_bytes:
        raise _IncompleteError(f"announces {part.num_bytes} bytes of {part.key}, which has {sizes[part.key]}")


def _is_dated(key: str) -> bool:
    try:
        return bool(folder_time(key))
    except ValueError:
        return False
