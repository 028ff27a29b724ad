"""The XML of an article: JATS in the dialects that the source holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from jobs.sample import contents, damage
from jobs.sample.contents import VersionPlan
from jobs.sample.markup import Node, Part, element
from jobs.sample.prose import ArticleText, FigureText, Paragraph

XLINK = "http://www.w3.org/1999/xlink"
NAMESPACE = b"https://jats.nlm.nih.gov/ns/archiving/1.4/"
DOCTYPE = (
    b'<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.3 20210610//EN"'
    b' "JATS-archivearticle1-3.dtd">\n'
)
DIALECTS = ("doctype", "plain", "namespaced", "doctype", "iso-8859-1", "envelope", "bom", "doctype", "utf-16", "plain")
LICENSE_URLS = {
    "CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC BY": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-SA": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC BY-ND": "https://creativecommons.org/licenses/by-nd/4.0/",
    "CC BY-NC": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC BY-NC-SA": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CC BY-NC-ND": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
}


def article_xml(version: VersionPlan, text: ArticleText) -> bytes:
    """The XML file of an article version, in the dialect of its place in the bucket."""
    root = etree.Element("article", {"article-type": "research-article"}, nsmap={"xlink": XLINK})
    if version.damage != damage.NO_FRONT:
        root.append(_front(version, text))
    root.append(_body(text))
    root.append(_back(text))
    floats = [_figure(figure) for figure in _at(text, contents.FLOATS)]
    if floats:
        root.append(element("floats-group", *floats))
    return _written(root, DIALECTS[version.index % len(DIALECTS)])


def plain_text(xml: bytes) -> bytes:
    """The text file that stands beside the XML: its text without markup (UTF-8)."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    return " ".join(" ".join(str(piece) for piece in root.itertext()).split()).encode()


def _written(root: Node, dialect: str) -> bytes:
    if dialect == "envelope":
        root = element("pmc-articleset", root)
    encoding = dialect if dialect in ("iso-8859-1", "utf-16") else "UTF-8"
    data = bytes(etree.tostring(root, encoding=encoding, xml_declaration=True, pretty_print=True))  # type: ignore[arg-type]
    if dialect == "doctype":
        data = data.replace(b"<article ", DOCTYPE + b"<article ", 1)
    if dialect == "namespaced":
        data = data.replace(b"<article ", b'<article xmlns="' + NAMESPACE + b'" ', 1)
    return b"\xef\xbb\xbf" + data if dialect == "bom" else data


def _front(version: VersionPlan, text: ArticleText) -> Node:
    journal = element(
        "journal-meta",
        element("journal-title-group", element("journal-title", text.journal)),
        element("issn", "0000-0000"),
        element("publisher", element("publisher-name", "Open Sample Press")),
    )
    id_type, number = [("pmc", version.pmcid[3:]), ("pmcid", version.pmcid), ("pmcaid", version.pmcid[3:])][version.index % 3]
    authors = [
        element(
            "contrib", element("name", element("surname", surname), element("given-names", given)), {"contrib-type": "author"}
        )
        for surname, given in text.authors
    ]
    meta = element(
        "article-meta",
        element("article-id", number, {"pub-id-type": id_type}),
        element("article-id", doi(version), {"pub-id-type": "doi"}),
        element("title-group", element("article-title", text.title)),
        element("contrib-group", *authors),
        element("pub-date", element("day", "3"), element("month", "5"), element("year", str(text.year)), {"pub-type": "epub"}),
        element("volume", str(text.year - 2000)),
        element("permissions", *_license(version.license_code)),
        element("abstract", element("p", text.abstract)),
        element("kwd-group", element("kwd", "drawn figures"), element("kwd", "sample")),
    )
    return element("front", journal, meta)


def doi(version: VersionPlan) -> str:
    """A DOI below the prefix that is kept for examples."""
    return f"10.5555/sample.{version.index:05d}"


def _license(code: str | None) -> list[Node]:
    statement = element("copyright-statement", "© The Authors")
    url = LICENSE_URLS.get(code or "")
    if url is None:
        return [statement, element("license", element("license-p", "All rights reserved; reading and text mining are allowed."))]
    said = element("license-p", f"This article is distributed under {code}, version 4.0 where it has one.")
    return [statement, element("license", said, {"license-type": "open-access", f"{{{XLINK}}}href": url})]


def _body(text: ArticleText) -> Node:
    results = element("sec", element("title", "Results"), {"id": "s3"})
    for paragraph, figure in text.results:
        results.extend(_result(paragraph, figure))
    group = [_figure(figure) for figure in _at(text, contents.GROUP)]
    if group:
        results.append(
            element("fig-group", element("caption", element("p", "Figures that belong together.")), *group, {"id": "group1"})
        )
    return element(
        "body",
        element("sec", element("title", "Introduction"), *map(_paragraph, text.introduction), {"id": "s1"}),
        element(
            "sec",
            element("title", "Methods"),
            element("sec", element("title", "Drawing"), element("p", "Figures were drawn by a program."), {"id": "s2a"}),
            {"id": "s2"},
        ),
        results,
        element("sec", element("title", "Discussion"), *map(_paragraph, text.discussion), {"id": "s4"}),
    )


def _result(paragraph: Paragraph, figure: FigureText) -> Iterable[Node]:
    if paragraph:
        yield _paragraph(paragraph)
    if figure.plan.element == contents.FORMULA:
        yield element(
            "p",
            "The model is ",
            element("disp-formula", _graphic(figure.plan.hrefs[0]), {"id": str(figure.plan.xml_id)}),
            " as before.",
        )
    elif figure.plan.element == contents.INLINE:
        yield element("p", "Points marked ", _graphic(figure.plan.hrefs[0], "inline-graphic"), " were left out.")
    elif figure.plan.place in (contents.SECTION, contents.ALTERNATIVES):
        yield _figure(figure)


def _back(text: ArticleText) -> Node:
    back = element("back", element("ack", element("p", "We thank the reader.")))
    appendix = [_figure(figure) for figure in _at(text, contents.APPENDIX)]
    if appendix:
        back.append(element("app-group", element("app", element("title", "Appendix"), *appendix, {"id": "app1"})))
    citation = element(
        "mixed-citation", element("article-title", "On the drawing of figures"), ". 2001.", {"publication-type": "journal"}
    )
    back.append(element("ref-list", element("title", "References"), element("ref", citation, {"id": "r1"})))
    return back


def _at(text: ArticleText, place: str) -> list[FigureText]:
    return [figure for _, figure in text.results if figure.plan.place == place]


def _figure(figure: FigureText) -> Node:
    node = element("fig", {"id": figure.plan.xml_id} if figure.plan.xml_id else {}, {"position": "float"})
    if figure.label:
        node.append(element("label", figure.label))
    if figure.plain_caption:
        title = [element("title", *_rich(figure.title))] if figure.title else []
        node.append(element("caption", *title, *(element("p", *_rich(paragraph)) for paragraph in figure.paragraphs)))
    graphics = [_graphic(href) for href in figure.plan.hrefs]
    if figure.plan.place == contents.ALTERNATIVES:
        node.append(element("alternatives", *graphics))
    else:
        node.extend(graphics)
    return node


def _graphic(href: str, tag: str = "graphic") -> Node:
    return element(tag, {f"{{{XLINK}}}href": href})


def _paragraph(paragraph: Paragraph) -> Node:
    parts: list[Part] = []
    for part in paragraph:
        if isinstance(part, str):
            parts.append(part)
            continue
        mark = element("xref", part.text, {"ref-type": "fig", "rid": " ".join(part.xml_ids)})
        parts.append(element("bold", mark) if part.is_bold else mark)
    return element("p", *parts)


def _rich(words: str) -> list[Part]:
    parts: list[Part] = []
    for piece in re.split(r"(\*\*[^*]+\*\*|\*[^*]+\*)", words):
        if piece.startswith("**"):
            parts.append(element("bold", piece[2:-2]))
        elif piece.startswith("*"):
            parts.append(element("italic", piece[1:-1]))
        elif piece:
            parts.append(piece)
    return parts
