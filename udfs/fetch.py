"""Fetches the files of an article version with their digests verified: what to read next, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.documents import FILTERED, REFUSED, STORED
from schemas.rejects import Reason, Rejected
from udfs.held_bytes import MAX_HELD_BYTES
from udfs.metadata import ArticleMetadata, parse_metadata
from udfs.object_keys import ObjectRef, accession_of_metadata_key, metadata_key
from udfs.reads import Read, Steps, fetch_alone
from udfs.selection import Selection
from udfs.source.options import Source

_HEALED_BY_METADATA = frozenset({Reason.NOT_FOUND, Reason.CHECKSUM_MISMATCH})


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of what is read (bytes) and how often a digest that does not match is tried with fresh metadata.

    `max_held_bytes`: of all objects together that are being read or wait to be processed.
    """

    max_metadata_bytes: int = 16 * 2**20
    max_xml_bytes: int = 64 * 2**20
    max_image_bytes: int = 256 * 2**20
    digest_attempts: int = 2
    max_held_bytes: int = MAX_HELD_BYTES


class DigestMismatch(NamedTuple):
    """MD5 (hex) that the metadata gave for an object, and that of what was read."""

    expected: str
    actual: str


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
    digest_mismatches: tuple[DigestMismatch, ...]
    is_open_access: bool
    is_retracted: bool
    is_relicensed: bool
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
    """A media object; `md5_expected` is None where the metadata gives no digest, `digest_mismatches` are of earlier reads."""

    data: bytes
    md5_expected: str | None
    md5_actual: str
    digest_mismatches: tuple[DigestMismatch, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Size of the object in memory."""
        return len(self.data)


def fetch_document(source: Source, accession: str, etag: str, selection: Selection, limits: FetchLimits) -> Document:
    """See document_steps; one read after the other."""
    return fetch_alone(source.read, document_steps(source.options.bucket, accession, etag, selection, limits))


def fetch_media_object(source: Source, ref: ObjectRef, limits: FetchLimits, metadata_key: str) -> FetchedMedia:
    """See media_steps; one read after the other."""
    return fetch_alone(source.read, media_steps(source.options.bucket, ref, limits, metadata_key))


def document_steps(bucket: str, accession: str, etag: str, selection: Selection, limits: FetchLimits) -> Steps[Document]:
    """Metadata JSON, then the XML if the selection wants the article.

    Objects are replaced in place: an XML that is missing or differs from its digest is read again after the metadata, and so are
    metadata that cannot be understood, which have no digest. Rejected: metadata_invalid, unsafe_uri, and what Source.read raises
    for the metadata; RejectedDocument: xml_missing, checksum_mismatch (both digests in the detail), and what Source.read raises
    for the XML.
    """
    attempts, mismatches = limits.digest_attempts, list[DigestMismatch]()
    while True:
        try:
            data, metadata = yield from _read_metadata(bucket, metadata_key(accession), limits)
        except Rejected as rejected:
            attempts -= 1
            if attempts <= 0 or rejected.reason is not Reason.METADATA_INVALID:
                raise _with_digests(rejected, mismatches) from None
            continue
        reason = selection.filter_reason(metadata)
        if reason:
            return _document(metadata, etag, data, reason, None, mismatches)
        try:
            xml = yield from _read_xml(metadata, limits, mismatches)
            return _document(metadata, etag, data, None, xml, mismatches)
        except Rejected as rejected:
            attempts -= 1
            if attempts <= 0 or rejected.reason not in _HEALED_BY_METADATA:
                raise RejectedDocument(
                    _with_digests(rejected, mismatches), _document(metadata, etag, data, None, None, mismatches)
                ) from None


def media_steps(bucket: str, ref: ObjectRef, limits: FetchLimits, metadata_key: str) -> Steps[FetchedMedia]:
    """The media object of a reference; if it is missing or differs from its digest, again as the current metadata name it.

    Rejected: checksum_mismatch (both digests in the detail), not_found (also when the metadata no longer names it), and what
    Source.read raises; with the digests of a mismatch that came before.
    """
    attempts, mismatches = limits.digest_attempts, list[DigestMismatch]()
    while True:
        try:
            fetched = yield from _read_verified(ref, limits.max_image_bytes, mismatches)
            if isinstance(fetched, FetchedMedia):
                return fetched
            attempts -= 1
            if attempts <= 0:
                raise fetched
            ref = yield from _current_ref(bucket, ref, limits, metadata_key)
        except Rejected as rejected:
            raise _with_digests(rejected, mismatches) from None


def _with_digests(rejected: Rejected, mismatches: Sequence[DigestMismatch]) -> Rejected:
    """The rejection of a later read, with both digests of what had been read before."""
    if not mismatches or rejected.reason is Reason.CHECKSUM_MISMATCH:
        return rejected
    expected, actual = mismatches[-1]
    return Rejected(rejected.reason, f"{rejected.detail[:400]}; before: MD5 expected {expected}, actual {actual}")


def _current_ref(bucket: str, ref: ObjectRef, limits: FetchLimits, metadata_key: str) -> Steps[ObjectRef]:
    _, metadata = yield from _read_metadata(bucket, metadata_key, limits)
    for media in metadata.media:
        if media.key == ref.key:
            return media
    raise Rejected(Reason.NOT_FOUND, f"{metadata_key} no longer names {ref.key}")


def _read_metadata(bucket: str, key: str, limits: FetchLimits) -> Steps[tuple[bytes, ArticleMetadata]]:
    read = yield Read(key, limits.max_metadata_bytes)
    return read.data, parse_metadata(read.data, str(accession_of_metadata_key(key)), bucket)


def _read_xml(metadata: ArticleMetadata, limits: FetchLimits, mismatches: list[DigestMismatch]) -> Steps[FetchedMedia]:
    if not metadata.xml:
        raise Rejected(Reason.XML_MISSING, f"metadata of {metadata.accession} names no XML")
    fetched = yield from _read_verified(metadata.xml, limits.max_xml_bytes, mismatches)
    if isinstance(fetched, Rejected):
        raise fetched
    return fetched


def _read_verified(ref: ObjectRef, max_bytes: int, mismatches: list[DigestMismatch]) -> Steps[FetchedMedia | Rejected]:
    """The object with the `mismatches` before it, or the rejection that fresh metadata may heal.

    Missing, or not what its digest says: then one more of the mismatches.
    """
    try:
        read = yield Read(ref.key, max_bytes, with_md5=True)
    except Rejected as rejected:
        if rejected.reason is not Reason.NOT_FOUND:
            raise
        return rejected
    if ref.md5 and ref.md5 != read.md5:
        mismatches.append(DigestMismatch(ref.md5, read.md5))
        return Rejected(Reason.CHECKSUM_MISMATCH, f"{ref.key}: MD5 expected {ref.md5}, actual {read.md5}")
    return FetchedMedia(read.data, ref.md5, read.md5, tuple(mismatches))


def _document(
    metadata: ArticleMetadata,
    etag: str,
    data: bytes,
    reason: str | None,
    xml: FetchedMedia | None,
    mismatches: list[DigestMismatch],
) -> Document:
    return Document(
        accession=metadata.accession,
        etag=etag,
        state=FILTERED if reason else STORED if xml else REFUSED,
        filter_reason=reason,
        metadata=data.decode("utf-8-sig"),
        xml=xml.data if xml else None,
        num_bytes=len(data) + (xml.num_bytes if xml else 0),
        xml_md5=xml.md5_actual if xml else None,
        digest_mismatches=tuple(mismatches),
        is_open_access=metadata.is_open_access,
        is_retracted=metadata.is_retracted,
        is_relicensed=False,
        is_manuscript=metadata.is_manuscript,
        license_code=metadata.license_code,
        license_group=metadata.license_group,
    )
