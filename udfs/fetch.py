"""Fetches the files of an article version with their digests verified, one by one or many at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from schemas.documents import FILTERED, REFUSED, STORED
from schemas.rejects import Reason, Rejected
from udfs.metadata import ArticleMetadata, parse_metadata
from udfs.object_keys import ObjectRef, accession_of_metadata_key, metadata_key
from udfs.selection import Selection
from udfs.source.options import Source

Item = TypeVar("Item")
Result = TypeVar("Result")

_HEALED_BY_METADATA = frozenset({Reason.NOT_FOUND, Reason.CHECKSUM_MISMATCH})


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of what is read (bytes) and how often a digest that does not match is tried with fresh metadata."""

    max_metadata_bytes: int = 16 * 2**20
    max_xml_bytes: int = 64 * 2**20
    max_image_bytes: int = 256 * 2**20
    digest_attempts: int = 2


@dataclass(frozen=True)
class Document:
    """A row of `documents`, field by field."""

    accession: str
    etag: str
    state: str
    filter_reason: str | None
    metadata: str
    xml: bytes | None
    num_bytes: int
    xml_md5: str | None
    is_open_access: bool
    is_retracted: bool
    is_manuscript: bool
    license_code: str | None
    license_group: str


class RejectedDocument(Rejected):
    """An article version whose metadata were read and whose XML was refused: `document` is what the metadata say, without XML."""

    def __init__(self, rejected: Rejected, document: Document) -> None:
        super().__init__(rejected.reason, rejected.detail)
        self.document = document

    def __reduce__(self) -> tuple[type[Rejected], tuple[object, ...]]:
        """Pickle by the two arguments."""
        return type(self), (Rejected(self.reason, self.detail), self.document)


@dataclass(frozen=True)
class FetchedMedia:
    """A media object; `md5_expected` is None where the metadata gives no digest."""

    data: bytes
    md5_expected: str | None
    md5_actual: str

    @property
    def num_bytes(self) -> int:
        """Size of the object in memory."""
        return len(self.data)


def fetch_document(source: Source, accession: str, etag: str, selection: Selection, limits: FetchLimits) -> Document:
    """Metadata JSON, then the XML if the selection wants the article.

    Objects are replaced in place: an XML that is missing or differs from its digest is read again after the metadata. Rejected:
    metadata_invalid, unsafe_uri, and what Source.read raises for the metadata; RejectedDocument: xml_missing, checksum_mismatch
    (both digests in the detail), and what Source.read raises for the XML.
    """
    attempts = limits.digest_attempts
    while True:
        data, metadata = _read_metadata(source, metadata_key(accession), limits)
        reason = selection.filter_reason(metadata)
        if reason:
            return _document(metadata, etag, data, reason, None)
        try:
            return _document(metadata, etag, data, None, _read_xml(source, metadata, limits))
        except Rejected as rejected:
            attempts -= 1
            if attempts <= 0 or rejected.reason not in _HEALED_BY_METADATA:
                raise RejectedDocument(rejected, _document(metadata, etag, data, None, None)) from None


def fetch_media_object(source: Source, ref: ObjectRef, limits: FetchLimits, metadata_key: str) -> FetchedMedia:
    """The media object of a reference; if it is missing or differs from its digest, again as the current metadata name it.

    Rejected: checksum_mismatch (both digests in the detail), not_found (also when the metadata no longer names it), and what
    Source.read raises.
    """
    attempts = limits.digest_attempts
    while True:
        fetched = _read_verified(source, ref, limits.max_image_bytes)
        if isinstance(fetched, FetchedMedia):
            return fetched
        attempts -= 1
        if attempts <= 0:
            raise fetched
        ref = _current_ref(source, ref, limits, metadata_key)


def fetch_concurrently(
    function: Callable[[Item], Result], items: Iterable[Item], concurrency: int, max_waiting_bytes: int = 256 * 2**20
) -> Iterator[tuple[Item, Result | Rejected]]:
    """Each item with what `function` returned or the Rejected it raised, in input order.

    At most `concurrency` calls run. Items are taken from the input only while fewer than twice as many, and finished results of
    less than `max_waiting_bytes` (their `num_bytes`), wait to be taken. Any other error ends the iteration; when it ends, early
    or not, no thread is left.
    """
    pending: deque[tuple[Item, Future[Result | Rejected]]] = deque()
    waiting = _Waiting()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="fetch") as pool:
        try:
            for item in items:
                pending.append((item, pool.submit(_result_or_rejected, function, item, waiting)))
                while len(pending) >= 2 * concurrency or waiting.num_bytes >= max_waiting_bytes:
                    yield _finished(pending, waiting)
            while pending:
                yield _finished(pending, waiting)
        finally:
            for _, future in pending:
                future.cancel()


class _Waiting:
    """Size of the results that are finished and not taken yet."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.num_bytes = 0

    def add(self, result: object, sign: int) -> None:
        with self._lock:
            self.num_bytes += sign * getattr(result, "num_bytes", 0)


def _finished(pending: deque[tuple[Item, Future[Result | Rejected]]], waiting: _Waiting) -> tuple[Item, Result | Rejected]:
    item, future = pending.popleft()
    result = future.result()
    waiting.add(result, -1)
    return item, result


def _result_or_rejected(function: Callable[[Item], Result], item: Item, waiting: _Waiting) -> Result | Rejected:
    try:
        result = function(item)
    except Rejected as rejected:
        return rejected
    waiting.add(result, 1)
    return result


def _current_ref(source: Source, ref: ObjectRef, limits: FetchLimits, metadata_key: str) -> ObjectRef:
    _, metadata = _read_metadata(source, metadata_key, limits)
    for media in metadata.media:
        if media.key == ref.key:
            return media
    raise Rejected(Reason.NOT_FOUND, f"{metadata_key} no longer names {ref.key}")


def _read_metadata(source: Source, key: str, limits: FetchLimits) -> tuple[bytes, ArticleMetadata]:
    data = source.read(key, limits.max_metadata_bytes)
    return data, parse_metadata(data, str(accession_of_metadata_key(key)), source.options.bucket)


def _read_xml(source: Source, metadata: ArticleMetadata, limits: FetchLimits) -> FetchedMedia:
    if not metadata.xml:
        raise Rejected(Reason.XML_MISSING, f"metadata of {metadata.accession} names no XML")
    fetched = _read_verified(source, metadata.xml, limits.max_xml_bytes)
    if isinstance(fetched, Rejected):
        raise fetched
    return fetched


def _read_verified(source: Source, ref: ObjectRef, max_bytes: int) -> FetchedMedia | Rejected:
    """The object, or the rejection that fresh metadata may heal: missing, or not what its digest says."""
    try:
        data = source.read(ref.key, max_bytes)
    except Rejected as rejected:
        if rejected.reason is not Reason.NOT_FOUND:
            raise
        return rejected
    actual = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if ref.md5 and ref.md5 != actual:
        return Rejected(Reason.CHECKSUM_MISMATCH, f"{ref.key}: MD5 expected {ref.md5}, actual {actual}")
    return FetchedMedia(data, ref.md5, actual)


def _document(metadata: ArticleMetadata, etag: str, data: bytes, reason: str | None, xml: FetchedMedia | None) -> Document:
    return Document(
        accession=metadata.accession,
        etag=etag,
        state=FILTERED if reason else STORED if xml else REFUSED,
        filter_reason=reason,
        metadata=data.decode("utf-8-sig"),
        xml=xml.data if xml else None,
        num_bytes=len(data) + (xml.num_bytes if xml else 0),
        xml_md5=xml.md5_actual if xml else None,
        is_open_access=metadata.is_open_access,
        is_retracted=metadata.is_retracted,
        is_manuscript=metadata.is_manuscript,
        license_code=metadata.license_code,
        license_group=metadata.license_group,
    )
