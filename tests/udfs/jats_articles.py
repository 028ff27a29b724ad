"""JATS articles built in code for the tests of the extractor."""

from __future__ import annotations

from typing import Any

from udfs.jats import Extraction, extract_article

ACCESSION = "PMC1.1"
NAMESPACES = 'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML"'
META = "<title-group><article-title>A title</article-title></title-group>"


def article(body: str = "", *, meta: str = META, back: str = "", floats: str = "", rest: str = "", attributes: str = "") -> bytes:
    """UTF-8 bytes of an article whose parts are given as XML."""
    front = f"<front><journal-meta/><article-meta>{meta}</article-meta></front>"
    group = f"<floats-group>{floats}</floats-group>" if floats else ""
    return f"<article {NAMESPACES} {attributes}>{front}<body>{body}</body><back>{back}</back>{group}{rest}</article>".encode()


def extract(body: str = "", metadata: dict[str, Any] | None = None, **parts: str) -> Extraction:
    """Extraction of an article built from its parts."""
    return extract_article(article(body, **parts), ACCESSION, metadata)


def figures(body: str = "", **parts: str) -> list[dict[str, Any]]:
    """Figure rows of an article built from its parts."""
    return extract(body, **parts).figures


def mentions(body: str = "", **parts: str) -> list[dict[str, Any]]:
    """Mention rows of an article built from its parts."""
    return extract(body, **parts).mentions


def caption_of(inside: str) -> str | None:
    """The caption that the extractor reads out of the XML inside a caption element."""
    rows = figures(fig("F1", caption=inside))
    captions: list[str | None] = [row["caption"] for row in rows if row["xml_id"] == "F1"]
    return captions[0]


def fig(
    xml_id: str, label: str = "Figure 1", caption: str = "<p>A caption.</p>", href: str | None = "f1.jpg", inside: str = ""
) -> str:
    """A fig element with one graphic, or none for href None."""
    graphic = "" if href is None else f'<graphic xlink:href="{href}"/>'
    return f'<fig id="{xml_id}"><label>{label}</label><caption>{caption}</caption>{inside}{graphic}</fig>'


def xref(rid: str, words: str) -> str:
    """A cross-reference typed as one to a figure."""
    return f'<xref ref-type="fig" rid="{rid}">{words}</xref>'
