"""Bytes to an article: envelopes, encodings, bounds and damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs.jats_articles import ACCESSION, article, fig
from udfs.jats import Limits, extract_article

BODY = fig("F1", caption="<p>Étude of β cells</p>")
PLAIN = article(BODY).decode()


def caption(xml: bytes) -> str | None:
    (row,) = extract_article(xml, ACCESSION).figures
    text: str | None = row["caption"]
    return text


def reason_of(xml: bytes, limits: Limits = Limits()) -> Reason:  # noqa: B008  frozen
    with pytest.raises(Rejected) as refusal:
        extract_article(xml, ACCESSION, limits=limits)
    return refusal.value.reason


@pytest.mark.parametrize(
    "envelope",
    [
        "{}",
        "<pmc-articleset>{}</pmc-articleset>",
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><GetRecord><record><metadata>{}</metadata></record></GetRecord></OAI-PMH>',
    ],
)
def test_the_article_is_found_in_any_envelope(envelope: str) -> None:
    assert caption(envelope.format(PLAIN).encode()) == "Étude of β cells"


@pytest.mark.parametrize(
    "namespace", ["https://jats.nlm.nih.gov/ns/archiving/1.3/", "http://dtd.nlm.nih.gov/2.0/xsd/archivearticle"]
)
def test_a_default_namespace_changes_nothing(namespace: str) -> None:
    spaced = PLAIN.replace("<article ", f'<article xmlns="{namespace}" ', 1).encode()
    assert extract_article(spaced, ACCESSION) == extract_article(PLAIN.encode(), ACCESSION)


def test_of_several_articles_the_one_with_the_pmcid_is_read() -> None:
    def one(pmcid: str, title: str) -> str:
        ids = f'<article-id pub-id-type="pmc">{pmcid}</article-id>'
        return article(meta=f"{ids}<title-group><article-title>{title}</article-title></title-group>").decode()

    both = f"<pmc-articleset>{one('2', 'other')}{one('PMC1', 'wanted')}</pmc-articleset>".encode()
    assert extract_article(both, ACCESSION).article["title"] == "wanted"


@pytest.mark.parametrize(
    "xml",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{PLAIN}'.replace("β", "&#946;").encode("latin-1"),
        f'<?xml version="1.0" encoding="windows-1252"?>{PLAIN}'.replace("β", "&#946;").encode("cp1252"),
        f'<?xml version="1.0" encoding="UTF-16"?>{PLAIN}'.encode("utf-16-be"),
        f'<!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "https://example.org/none.dtd">{PLAIN}'.encode(),
        f"<!-- before --><?pi here?>{PLAIN}".encode(),
    ],
)
def test_encodings_and_prologues_read_the_same_and_are_no_damage(xml: bytes) -> None:
    extraction = extract_article(xml, ACCESSION)
    assert extraction.figures[0]["caption"] == "Étude of β cells"
    assert not extraction.article["is_damaged"]


def test_bytes_of_another_encoding_in_utf8_are_read_as_what_they_were_and_marked() -> None:
    extraction = extract_article(PLAIN.replace("β", "\x80").encode("latin-1").replace(b"\x80", b"\x93"), ACCESSION)
    assert extraction.figures[0]["caption"] == "Étude of “ cells"
    assert extraction.article["is_damaged"]
    assert [(key, reason) for key, reason, _ in extraction.partial_rejects] == [("xml", Reason.DAMAGED)]


def test_white_space_before_the_declaration_costs_nothing_but_a_mark() -> None:
    extraction = extract_article(f'\n <?xml version="1.0"?>{PLAIN}'.encode(), ACCESSION)
    assert extraction.figures[0]["caption"] == "Étude of β cells"


def test_a_truncated_article_keeps_what_stands_before_the_cut() -> None:
    xml = article(fig("F1") + fig("F2"))
    extraction = extract_article(xml[: xml.index(b"F2") - 9], ACCESSION)
    assert [row["xml_id"] for row in extraction.figures] == ["F1"]
    assert extraction.article["is_damaged"]


def test_an_unclosed_paragraph_costs_no_words_and_no_space() -> None:
    extraction = extract_article(PLAIN.replace("<body>", "<body><sec><p>one<p>two</p></sec>").encode(), ACCESSION)
    assert extraction.article["sections"][0]["text"] == "one\ntwo"


@pytest.mark.parametrize(
    ("written", "read"),
    [("a&nbsp;b", "a b"), ("&alpha;-actin", "α-actin"), ("&lt;5&#37;", "<5%"), ("&unknown;", "&unknown;")],
)
def test_named_entities_are_characters_without_loading_a_dtd(written: str, read: str) -> None:
    body = fig("F1", caption=f"<p>{written}</p>")
    assert caption(b'<!DOCTYPE article SYSTEM "none.dtd">' + article(body)) == read


def test_entities_of_the_document_are_never_expanded() -> None:
    doctype = '<!DOCTYPE article [<!ENTITY secret SYSTEM "file:///etc/passwd"><!ENTITY word "expanded">]>'
    body = fig("F1", caption="<p>&secret;&word;</p>")
    assert caption((doctype + article(body).decode()).encode()) == "&secret;&word;"


def test_a_dtd_beside_the_process_is_not_read(tmp_path: Path) -> None:
    dtd = tmp_path / "article.dtd"
    dtd.write_text('<!ENTITY word "read"><!ATTLIST article article-type CDATA "from-dtd">')
    doctype = f'<!DOCTYPE article SYSTEM "{dtd.as_uri()}">'
    extraction = extract_article(doctype.encode() + article(fig("F1", caption="<p>&word;</p>")), ACCESSION)
    assert (extraction.figures[0]["caption"], extraction.article["article_type"]) == ("&word;", None)


def test_an_entity_bomb_is_refused() -> None:
    entities = "".join(f'<!ENTITY x{level} "{f"&x{level - 1};" * 10}">' for level in range(1, 12))
    bomb = f'<!DOCTYPE article [<!ENTITY x0 "ha">{entities}]>' + article("<p>&x11;</p>").decode()
    assert reason_of(bomb.encode()) in (Reason.TOO_LARGE, Reason.NOT_XML)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", Reason.NOT_XML),
        (b"plain words", Reason.NOT_XML),
        (b"\x89PNG\r\n\x1a\n\x00\x00", Reason.NOT_XML),
        (b"%PDF-1.4 stream", Reason.NOT_XML),
        (b"<html><body>Not found</body></html>", Reason.NOT_AN_ARTICLE),
        (b"<OAI-PMH><error code='idDoesNotExist'/></OAI-PMH>", Reason.NOT_AN_ARTICLE),
        (b"<article><body><p>words</p></body></article>", Reason.NO_FRONT),
        (b"<article><front><journal-meta/></front></article>", Reason.NO_FRONT),
        (article("<sec>" * 300 + "</sec>" * 300), Reason.TOO_DEEP),
        (article("<sec>" * 300), Reason.TOO_DEEP),
        (article(f"<p>{'x' * 11_000_000}</p>"), Reason.TOO_LARGE),
    ],
)
def test_what_is_no_readable_article_is_refused_with_a_reason(xml: bytes, reason: Reason) -> None:
    assert reason_of(xml) == reason


def test_bytes_and_tags_are_bounded_before_any_parsing() -> None:
    assert reason_of(b"<a/>" * 100, Limits(max_bytes=399)) == Reason.TOO_LARGE
    assert reason_of(b"<a/>" * 100, Limits(max_tags=99)) == Reason.TOO_LARGE


@pytest.mark.parametrize("accession", ["", "PMC1", "1.1", "PMC1.x", "PMC1.1 "])
def test_an_accession_of_another_form_is_refused(accession: str) -> None:
    with pytest.raises(Rejected) as refusal:
        extract_article(article(), accession)
    assert refusal.value.reason == Reason.BAD_KEY
