"""Bytes to one JATS article: a hardened, bounded parse that is blind to envelopes and safe against wrong encodings."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from schemas.rejects import Reason, Rejected
from udfs.jats.names import NAMES, Element

MAX_DEPTH = 256  # libxml2's own bound, which holds while huge_tree is off

_CP1252 = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}


@dataclass(frozen=True)
class Limits:
    """What one article may cost: bytes of XML, number of tags, characters in its rows; MAX_DEPTH bounds the depth."""

    max_bytes: int = 64 * 2**20
    max_tags: int = 4_000_000
    max_row_chars: int = 256 * 2**20


@dataclass(frozen=True)
class Parsed:
    """The article element and what was wrong with the bytes (None: well-formed XML)."""

    article: Element
    damage: str | None


def parse_article(xml: bytes, pmcid: str, limits: Limits) -> Parsed:
    """The JATS article in the bytes, in whatever envelope; of several the one with the PMCID, else the first.

    Rejected: too_large, too_deep, not_xml, not_an_article.
    """
    if len(xml) > limits.max_bytes:
        raise Rejected(Reason.TOO_LARGE, f"{len(xml)} bytes of XML, limit {limits.max_bytes}")
    num_tags = xml.count(b"<") if len(xml) > limits.max_tags else 0
    if num_tags > limits.max_tags:
        raise Rejected(Reason.TOO_LARGE, f"{num_tags} tags, limit {limits.max_tags}")
    root, damage = _parse(xml)
    return Parsed(_find_article(root, pmcid), damage)


def _parser(recover: bool = False, encoding: str | None = None) -> etree.XMLParser:
    return etree.XMLParser(
        encoding=encoding,
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        # collect_ids stays on: without it libxml2 asks for the external DTD, whose refusal would look like damage.
    )


_STRICT = _parser()


def _parse(xml: bytes) -> tuple[Element, str | None]:
    try:
        return etree.fromstring(xml, _STRICT), None
    except etree.XMLSyntaxError as error:
        _refuse_excess(error)
        return _repair(xml, error), f"{error.msg}"[:300]


def _refuse_excess(error: etree.XMLSyntaxError) -> None:
    if getattr(error, "code", None) != etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return
    reason = Reason.TOO_DEEP if "depth" in (error.msg or "") else Reason.TOO_LARGE
    raise Rejected(reason, str(error.msg))


def _repair(xml: bytes, error: etree.XMLSyntaxError) -> Element:
    """The tree of damaged bytes: right encoding first, then the parser's recovery; not_xml when nothing is left."""
    text = _decoded(xml)
    if text is None:
        source, encoding = xml.strip(), None
    else:
        source, encoding = text.strip().encode("utf-8", "replace"), "utf-8"
    parser = _parser(recover=True, encoding=encoding)
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as second:
        _refuse_excess(second)
        root = None
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT and "depth" in entry.message for entry in parser.error_log):
        raise Rejected(Reason.TOO_DEEP, f"more than {MAX_DEPTH} levels")
    if root is None:
        raise Rejected(Reason.NOT_XML, str(error.msg))
    return root


def _decoded(xml: bytes) -> str | None:
    """UTF-8 text in which stray bytes stand for their Windows-1252 characters; None for what is not meant as UTF-8."""
    head = xml[:200].lower()
    if b"\x00" in head or (b"encoding=" in head and b"utf-8" not in head and b"utf-16" not in head):
        return None
    try:
        return xml.decode("utf-8")
    except UnicodeDecodeError:
        return xml.decode("utf-8", "surrogateescape").translate(_CP1252)


def _find_article(root: Element, pmcid: str) -> Element:
    if NAMES[root.tag] == "article":
        return root
    articles = list(root.iterdescendants("{*}article"))
    if not articles:
        raise Rejected(Reason.NOT_AN_ARTICLE, f"root element {NAMES[root.tag][:80]} holds no article")
    if len(articles) == 1:
        return articles[0]
    digits = pmcid.removeprefix("PMC")
    return next((article for article in articles if _has_id(article, digits)), articles[0])


def _has_id(article: Element, digits: str) -> bool:
    ids = article.iterfind("{*}front/{*}article-meta/{*}article-id")
    return any((one.text or "").strip().removeprefix("PMC") == digits for one in ids)
