"""Damage as it is met in the source: files cut short, files that are something else, files that are not there."""

from __future__ import annotations

from dataclasses import dataclass

BUCKET = "pmc-oa-opendata"
TRUNCATED, TEXT, EMPTY, WRONG_DIGEST, FOREIGN_URI = "truncated", "text", "empty", "wrong_digest", "foreign_uri"
NOT_XML, NO_FRONT, XML_WRONG_DIGEST, XML_ABSENT, METADATA_CUT = (
    "not_xml",
    "no_front",
    "xml_wrong_digest",
    "xml_absent",
    "metadata_cut",
)


@dataclass(frozen=True)
class Refusal:
    """Where an input is refused and with which reason."""

    stage: str
    reason: str


ARTICLE_REFUSALS = {
    METADATA_CUT: Refusal("fetch_articles", "metadata_invalid"),
    XML_ABSENT: Refusal("fetch_articles", "not_found"),
    XML_WRONG_DIGEST: Refusal("fetch_articles", "checksum_mismatch"),
    NOT_XML: Refusal("extract_figures", "not_xml"),
    NO_FRONT: Refusal("extract_figures", "no_front"),
}
MEDIA_REFUSALS = {
    TRUNCATED: Refusal("fetch_images", "truncated"),
    TEXT: Refusal("fetch_images", "not_an_image"),
    EMPTY: Refusal("fetch_images", "not_an_image"),
    WRONG_DIGEST: Refusal("fetch_images", "checksum_mismatch"),
    FOREIGN_URI: Refusal("fetch_images", "unsafe_uri"),
}
_PAGE = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>The figure was not found.</body></html>\n"


def damaged_image(data: bytes, damage: str | None) -> bytes:
    """The bytes that stand in the bucket instead of the image; the image itself without damage."""
    if damage == TRUNCATED:
        return data[: len(data) * 2 // 5]
    if damage == TEXT:
        return _PAGE
    return b"" if damage == EMPTY else data


def damaged_xml(xml: bytes, damage: str | None) -> bytes:
    """The bytes that stand in the bucket instead of the XML; an article without front matter is made as such, not cut here."""
    if damage == NOT_XML:
        return b"%PDF-1.4\n% the publisher delivered a PDF under the name of the XML\n" + xml[:200].replace(b"<", b"(")
    return xml


def damaged_metadata(data: bytes, damage: str | None) -> bytes:
    """The bytes of the metadata JSON, cut in the middle if that is its damage."""
    return data[: len(data) // 2] if damage == METADATA_CUT else data


def stated_uri(key: str, digest: str, damage: str | None) -> str:
    """The URI that the metadata gives for a key and its MD5 (hex); a wrong digest or a foreign bucket is a damage."""
    if damage in (WRONG_DIGEST, XML_WRONG_DIGEST):
        digest = digest[::-1]
    return f"s3://{'somebody-elses-bucket' if damage == FOREIGN_URI else BUCKET}/{key}?md5={digest}"
