"""Metadata JSON of an article version to a typed value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from schemas.licenses import license_group
from schemas.rejects import Reason, Rejected
from udfs.object_keys import ObjectRef, object_key

_HALF_PAIR = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can write and no table can hold."""


@dataclass(frozen=True)
class ArticleMetadata:
    """What the source says about an article version; `unsafe_media` are media URIs that must not be read."""

    accession: str
    pmcid: str
    version: int
    pmid: str | None
    doi: str | None
    title: str | None
    citation: str | None
    is_open_access: bool
    is_manuscript: bool
    is_retracted: bool
    license_code: str | None
    license_group: str
    xml: ObjectRef | None
    media: tuple[ObjectRef, ...]
    unsafe_media: tuple[str, ...]


def parse_metadata(data: bytes, accession: str, bucket: str) -> ArticleMetadata:
    """The metadata of `accession` whose URIs name objects of `bucket`; absent, null and empty values become None or False.

    Fields as NLM's README of the bucket names them. Rejected: metadata_invalid for what is not JSON, has a value of a wrong type
    or belongs to another accession; unsafe_uri for an XML outside the version's own prefix.
    """
    fields = _Fields(_json_object(data))
    pmcid, version = fields.text("pmcid"), fields.number("version")
    if f"{pmcid}.{version}" != accession:
        raise Rejected(Reason.METADATA_INVALID, f"metadata of {accession} says that it is of {pmcid}.{version}")
    xml_url, code = fields.text("xml_url"), fields.text("license_code")
    media, unsafe = _media(fields.texts("media_urls"), accession, bucket)
    return ArticleMetadata(
        accession=accession,
        pmcid=pmcid or "",
        version=version,
        pmid=fields.text("pmid"),
        doi=fields.text("doi"),
        title=fields.text("title"),
        citation=fields.text("citation"),
        is_open_access=fields.flag("is_pmc_openaccess"),
        is_manuscript=fields.flag("is_manuscript"),
        is_retracted=fields.flag("is_retracted"),
        license_code=code,
        license_group=license_group(code),
        xml=object_key(xml_url, accession, bucket) if xml_url else None,
        media=media,
        unsafe_media=unsafe,
    )


class _Fields:
    """Typed access to the JSON object; a value of another type is Rejected (metadata_invalid)."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str | None) or _HALF_PAIR.search(value or ""):
            raise _wrong_type(name, value, "a text")
        return (value or "").strip() or None

    def number(self, name: str) -> int:
        value = self._values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal():
            value = int(value[:10])
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(name, value, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool | None):
            raise _wrong_type(name, value, "true or false")
        return bool(value)

    def texts(self, name: str) -> list[str]:
        values = self._values.get(name)
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise _wrong_type(name, values, "a list of texts")
        return values


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.METADATA_INVALID, f"not JSON: {type(error).__name__}: {error}") from None
    if not isinstance(values, dict):
        raise Rejected(Reason.METADATA_INVALID, f"not a JSON object but {type(values).__name__}")
    return values


def _media(uris: list[str], accession: str, bucket: str) -> tuple[tuple[ObjectRef, ...], tuple[str, ...]]:
    safe: dict[str, ObjectRef] = {}
    unsafe = []
    for uri in uris:
        try:
            ref = object_key(uri, accession, bucket)
        except Rejected:
            unsafe.append(uri)
        else:
            safe.setdefault(ref.key, ref)
    return tuple(safe.values()), tuple(unsafe)


def _wrong_type(name: str, value: object, wanted: str) -> Rejected:
    return Rejected(Reason.METADATA_INVALID, f"{name} must be {wanted}, not {value!r:.80}")
