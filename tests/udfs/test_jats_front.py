"""Article rows: bibliography, licence, dates, people, references, and what the metadata adds."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.articles import ARTICLES
from tests.udfs.jats_articles import META, article, extract, fig
from udfs.jats import EXTRACTOR_VERSION, extract_article


def row(meta: str = META, metadata: dict[str, Any] | None = None, **parts: str) -> dict[str, Any]:
    return extract(metadata=metadata, meta=meta, **parts).article


def test_an_empty_article_has_nulls_and_empty_lists_but_no_word_none() -> None:
    empty = row("")
    filled = {name for name, value in empty.items() if value not in (None, [])}
    assert filled == {
        *(
            "accession",
            "pmcid",
            "version",
            "license_group",
            "is_no_derivatives",
            "is_open_access",
            "is_retracted",
            "is_manuscript",
            "is_damaged",
        ),
        *("num_figures", "num_mentions", "num_tables", "num_references", "extractor_version"),
    }
    assert set(empty) == set(ARTICLES.column_names) - {"etag"}
    assert ARTICLES.batch([{**empty, "etag": "e"}]).num_rows == 1


def test_the_row_names_version_and_extractor() -> None:
    found = extract_article(article(fig("F1")), "PMC13901.12").article
    assert (found["pmcid"], found["version"], found["num_figures"]) == ("PMC13901", 12, 1)
    assert found["extractor_version"] == EXTRACTOR_VERSION


@pytest.mark.parametrize(
    ("kind", "written", "pmcid"),
    [
        ("pmc", "123", "PMC123"),
        ("pmcid", "PMC123", "PMC123"),
        ("pmcaid", "123", "PMC123"),
        ("pmcid", "PMC123.2", "PMC123"),
        ("pii", "1", None),
    ],
)
def test_ids_are_read_in_every_spelling(kind: str, written: str, pmcid: str | None) -> None:
    ids = f'<article-id pub-id-type="{kind}">{written}</article-id><article-id pub-id-type="pmcaiid">9</article-id>'
    assert row(ids)["xml_pmcid"] == pmcid


def test_a_doi_is_stripped_of_its_resolver() -> None:
    assert row('<article-id pub-id-type="doi"> https://doi.org/10.1/a.b </article-id>')["doi"] == "10.1/a.b"


def test_titles_keep_their_inline_text_on_one_line() -> None:
    meta = (
        "<title-group><article-title>Role of <italic>BRCA1</italic> in cancer <sup>2</sup></article-title>"
        "<subtitle>A trial</subtitle>"
        '<trans-title-group xml:lang="fr"><trans-title>Rôle de BRCA1</trans-title></trans-title-group></title-group>'
    )
    found = row(meta)
    assert (found["title"], found["subtitle"]) == ("Role of BRCA1 in cancer 2", "A trial")
    assert found["trans_titles"] == [{"language": "fr", "text": "Rôle de BRCA1"}]


def date(kind: str, inside: str, **attributes: str) -> str:
    written = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<pub-date pub-type="{kind}"{written}>{inside}</pub-date>'


@pytest.mark.parametrize(
    ("inside", "text", "precision"),
    [
        ("<day>17</day><month>5</month><year>2018</year>", "2018-05-17", "day"),
        ("<month>May</month><year>2018</year>", "2018-05", "month"),
        ("<season>Spring</season><year>2018</year>", "2018", "season"),
        ("<year>2018</year>", "2018", "year"),
        ("<day>17</day><year>2018</year>", "2018", "year"),
        ("<string-date>Fall of 2018</string-date>", "2018", "year"),
        ("<day>32</day><month>13</month><year>2018</year>", "2018", "year"),
        ("<year>n.d.</year>", None, None),
        ("<day>31</day><month>2</month><year>2018</year>", "2018-02", "month"),
        ("<day>29</day><month>Feb.</month><year>2020</year>", "2020-02-29", "day"),
        ("<month>Jan-Feb</month><year>2018</year>", "2018", "season"),
    ],
)
def test_a_date_keeps_its_precision(inside: str, text: str | None, precision: str | None) -> None:
    found = row(date("epub", inside))
    assert (found["publication_date"], found["date_precision"]) == (text, precision)


def test_an_iso_date_stands_in_for_parts() -> None:
    assert row(date("epub", "", iso_8601_date="2018-05-17"))["publication_date"] == "2018-05-17"


def test_the_earliest_publication_is_the_year_and_other_dates_are_kept() -> None:
    dates = date("ppub", "<year>2019</year>") + date("epub", "<month>12</month><year>2018</year>")
    history = '<history><date date-type="received"><day>1</day><month>2</month><year>2017</year></date></history>'
    found = row(dates + history)
    assert (found["year"], found["publication_date"]) == (2018, "2018-12")
    assert [(one["event"], one["kind"], one["date"]) for one in found["dates"]] == [
        ("publication", "ppub", "2019"),
        ("publication", "epub", "2018-12"),
        ("history", "received", "2017-02-01"),
    ]


def test_authors_have_names_orcids_and_affiliations() -> None:
    meta = (
        '<contrib-group><contrib contrib-type="author" corresp="yes"><contrib-id>https://orcid.org/0000-0002-1825-0097</contrib-id>'
        '<name><surname>Müller</surname><given-names>A. B.</given-names></name><xref ref-type="aff" rid="a1 a2"/></contrib>'
        '<contrib contrib-type="author"><collab>The Group<contrib-group><contrib><name><surname>Member</surname></name></contrib>'
        "</contrib-group></collab></contrib>"
        '<contrib contrib-type="editor"><name><surname>Editor</surname></name></contrib></contrib-group>'
        '<aff id="a1"><label>1</label>Institute, Town</aff><aff id="a2"><sup>2</sup> Clinic</aff>'
    )
    first, second = row(meta)["authors"]
    assert first == {
        "name": "A. B. Müller",
        "surname": "Müller",
        "given_names": "A. B.",
        "orcid": "0000-0002-1825-0097",
        "is_corresponding": True,
        "affiliations": ["Institute, Town", "Clinic"],
    }
    assert (second["name"], second["surname"]) == ("The Group", None)


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<sup>1</sup><institution>Clinic</institution><addr-line>Town</addr-line> <country>USA</country>", "Clinic, Town, USA"),
        ("<label>a</label> <institution>Clinic</institution>; <city>Town</city>.", "Clinic; Town"),
        (
            "<institution-wrap><institution-id>https://ror.org/1</institution-id><institution>Clinic</institution>"
            "</institution-wrap>, Town",
            "Clinic, Town",
        ),
        ("Clinic of the 2<sup>nd</sup> <italic>degree</italic>", "Clinic of the 2nd degree"),
        ("<label>a</label>", None),
    ],
)
def test_the_parts_of_an_affiliation_stay_apart_and_its_label_goes(inside: str, text: str | None) -> None:
    meta = f"<contrib-group><contrib><name><surname>A</surname></name></contrib><aff>{inside}</aff></contrib-group>"
    assert row(meta)["authors"][0]["affiliations"] == ([text] if text else [])


def test_an_affiliation_without_links_is_everybodys() -> None:
    meta = "<contrib-group><contrib><name><surname>A</surname></name></contrib><aff>Only institute</aff></contrib-group>"
    assert row(meta)["authors"][0]["affiliations"] == ["Only institute"]


def test_the_main_abstract_is_told_from_the_others() -> None:
    meta = (
        '<abstract abstract-type="author-highlights"><p>• Point</p></abstract>'
        "<abstract><title>Abstract</title><sec><title>Aim</title><p>To see.</p></sec>"
        "<sec><title>Result</title><p>Seen.</p></sec></abstract>"
        '<trans-abstract xml:lang="es"><p>Ver.</p></trans-abstract>'
    )
    found = row(meta)
    assert found["abstract"] == "Aim\nTo see.\nResult\nSeen."
    assert found["abstracts"][1]["sections"] == [{"title": "Aim", "text": "To see."}, {"title": "Result", "text": "Seen."}]
    assert [(one["type"], one["is_translation"]) for one in found["abstracts"]] == [
        ("author-highlights", False),
        (None, False),
        (None, True),
    ]


def test_an_article_with_nothing_but_side_abstracts_has_no_main_one() -> None:
    found = row('<abstract abstract-type="teaser"><p>Short.</p></abstract>')
    assert (found["abstract"], found["abstracts"][0]["text"]) == (None, "Short.")


def test_keywords_stay_in_their_groups_and_mesh_is_told() -> None:
    meta = (
        "<article-categories><subj-group><subject>Biology</subject><subj-group><subject>Cells</subject></subj-group></subj-group>"
        "</article-categories>"
        '<kwd-group kwd-group-type="author"><title>Keywords</title><kwd><italic>E. coli</italic> growth</kwd></kwd-group>'
        '<kwd-group kwd-group-type="MeSH" xml:lang="en"><kwd>Humans</kwd></kwd-group>'
    )
    found = row(meta)
    assert [(one["type"], one["title"], one["keywords"]) for one in found["keywords"]] == [
        ("author", "Keywords", ["E. coli growth"]),
        ("MeSH", None, ["Humans"]),
    ]
    assert (found["subjects"], found["mesh_terms"]) == (["Biology", "Cells"], ["Humans"])


@pytest.mark.parametrize(
    ("licence", "url", "spdx"),
    [
        (
            '<license xlink:href="https://creativecommons.org/licenses/by/4.0/"/>',
            "https://creativecommons.org/licenses/by/4.0/",
            "CC-BY-4.0",
        ),
        (
            '<license><ali:license_ref xmlns:ali="http://www.niso.org/schemas/ali/1.0/">http://creativecommons.org/licenses/by-nc-nd/3.0</ali:license_ref></license>',
            "http://creativecommons.org/licenses/by-nc-nd/3.0",
            "CC-BY-NC-ND-3.0",
        ),
        (
            '<license><license-p>Under <ext-link xlink:href="http://creativecommons.org/publicdomain/zero/1.0/">CC0</ext-link>.</license-p></license>',
            "http://creativecommons.org/publicdomain/zero/1.0/",
            "CC0-1.0",
        ),
        (
            "<license><license-p>Creative Commons Attribution Non-Commercial License 4.0</license-p></license>",
            None,
            "CC-BY-NC-4.0",
        ),
        ("<license><license-p>Published under CC BY-SA 4.0.</license-p></license>", None, "CC-BY-SA-4.0"),
        ("<license><license-p>All rights reserved.</license-p></license>", None, None),
    ],
)
def test_the_licence_is_read_from_address_or_words(licence: str, url: str | None, spdx: str | None) -> None:
    found = row(f"<permissions><copyright-statement>© 2018</copyright-statement>{licence}</permissions>")
    assert (found["license_url"], found["license_spdx"], found["copyright"]) == (url, spdx, "© 2018")


def test_journal_and_numbers_have_columns() -> None:
    meta = "<volume>3</volume><issue>2</issue><fpage>10</fpage><lpage>12</lpage><elocation-id>e7</elocation-id>"
    xml = article(meta=meta).replace(
        b"<journal-meta/>",
        b"<journal-meta><journal-title-group><journal-title>J. Cell</journal-title></journal-title-group>"
        b'<issn pub-type="ppub">1</issn>'
        b'<issn pub-type="epub">2</issn><publisher><publisher-name>House</publisher-name></publisher></journal-meta>',
    )
    found = extract_article(xml, "PMC1.1").article
    names = ("journal", "issn", "publisher", "volume", "issue", "first_page", "last_page", "elocation_id")
    assert [found[name] for name in names] == ["J. Cell", "2", "House", "3", "2", "10", "12", "e7"]


def test_keywords_of_every_form_are_read() -> None:
    parts = "<compound-kwd-part>ATP</compound-kwd-part><compound-kwd-part>a nucleotide</compound-kwd-part>"
    groups = (
        f"<kwd-group><compound-kwd>{parts}</compound-kwd></kwd-group>"
        "<kwd-group><unstructured-kwd-group>mice, rats</unstructured-kwd-group></kwd-group>"
        '<kwd-group vocab="MeSH"><kwd>Animals</kwd></kwd-group>'
    )
    found = row(groups)
    assert [one["keywords"] for one in found["keywords"]] == [["ATP a nucleotide"], ["mice, rats"], ["Animals"]]
    assert found["mesh_terms"] == ["Animals"]


def test_every_source_of_an_award_is_kept() -> None:
    sources = "<funding-source>One</funding-source><funding-source>Two</funding-source><award-id>7</award-id>"
    found = row(f"<funding-group><award-group>{sources}</award-group></funding-group>")["funding"]
    assert [(one["source"], one["award_ids"]) for one in found] == [("One", ["7"]), ("Two", ["7"])]


def test_sponsors_and_contracts_of_older_dtds_are_funding() -> None:
    numbers = '<contract-num rid="c1">R01</contract-num><contract-num>X2</contract-num>'
    found = row(f'{numbers}<contract-sponsor id="c1">Agency</contract-sponsor>')["funding"]
    assert [(one["source"], one["award_ids"]) for one in found] == [("Agency", ["R01"]), (None, ["X2"])]


def test_copyright_and_licence_of_older_dtds_stand_in_article_meta() -> None:
    licence = (
        '<license license-type="open-access" xlink:href="http://creativecommons.org/licenses/by-nc/2.0/"><p>Free.</p></license>'
    )
    found = row(f"<copyright-statement>© 2004 A</copyright-statement>{licence}", {"license_code": "CC BY"})
    assert (found["copyright"], found["license_spdx"], found["license_statement"]) == ("© 2004 A", "CC-BY-NC-2.0", "Free.")
    assert found["license_in_force"] == "CC BY-NC"


def test_a_licence_within_the_copyright_statement_is_read() -> None:
    words = "© A (http://www.jmir.org), 2004. Under the Creative Commons Attribution License"
    address = "http://www.creativecommons.org/licenses/by/2.0/"
    found = row(f"<permissions><copyright-statement>{words} ({address}).</copyright-statement></permissions>")
    assert (found["license_url"], found["license_spdx"]) == (address, "CC-BY-2.0")
    assert row("<permissions><copyright-statement>© A</copyright-statement></permissions>")["license_spdx"] is None


def test_funding_has_source_identifier_and_awards() -> None:
    meta = (
        "<funding-group><award-group><funding-source><institution-wrap><institution-id>10.13039/1</institution-id>"
        "<institution>Agency</institution></institution-wrap></funding-source><award-id>A-1</award-id></award-group>"
        "<funding-statement>Paid by Agency.</funding-statement></funding-group>"
    )
    found = row(meta)
    assert found["funding"] == [{"source": "Agency", "source_id": "10.13039/1", "award_ids": ["A-1"]}]
    assert found["funding_statement"] == "Paid by Agency."


def test_references_have_ids_from_elements_or_links() -> None:
    back = (
        '<ref-list><ref id="r1"><element-citation><pub-id pub-id-type="pmid">7</pub-id><pub-id pub-id-type="doi">10.1/x</pub-id>'
        "</element-citation>"
        '</ref><ref id="r2"><mixed-citation><ext-link ext-link-type="doi" xlink:href="https://doi.org/10.1/y">link</ext-link></mixed-citation></ref>'
        '</ref-list><sec><p><ext-link ext-link-type="doi" xlink:href="10.1/not-cited">x</ext-link></p></sec>'
    )
    found = row(back=back + "<ref-list><ref id='r3'/></ref-list>")
    assert [tuple(one.values()) for one in found["references"]] == [
        ("r1", "7", "10.1/x", None),
        ("r2", None, "10.1/y", None),
        ("r3", None, None, None),
    ]
    assert found["num_references"] == 3


@pytest.mark.parametrize(
    ("attributes", "meta", "metadata", "retracted"),
    [
        ("", '<related-article related-article-type="retraction-forward" xlink:href="10.1/r"/>', {}, True),
        (
            'article-type="retraction"',
            '<related-article related-article-type="retracted-article" xlink:href="10.1/o"/>',
            {},
            False,
        ),
        ("", "<title-group><article-title>RETRACTED: A title</article-title></title-group>", {}, True),
        ("", META, {"is_retracted": True}, True),
        ("", META, {"is_retracted": "false"}, False),
    ],
)
def test_a_retracted_article_is_told_from_the_notice(
    attributes: str, meta: str, metadata: dict[str, Any], retracted: bool
) -> None:
    found = row(meta, metadata, attributes=attributes)
    assert found["is_retracted"] is retracted
    if "related" in meta:
        assert found["related_articles"][0]["id"].startswith("10.1/")


def test_links_to_other_articles_are_read_wherever_they_stand_but_in_sub_articles() -> None:
    def link(kind: str, doi: str) -> str:
        return f'<related-article related-article-type="{kind}" ext-link-type="doi" xlink:href="{doi}">it</related-article>'

    body = f"<p>This corrects {link('corrected-article', '10.1/a')} and {link('corrected-article', '10.1/a')}.</p>"
    back = f"<fn-group><fn><p>{link('retraction-forward', '10.1/b')}</p></fn></fn-group>"
    reply = f"<sub-article><body><p>{link('retraction-forward', '10.1/c')}</p></body></sub-article>"
    found = extract(body, back=back, rest=reply).article
    assert [one["id"] for one in found["related_articles"]] == ["10.1/a", "10.1/b"]
    assert found["is_retracted"]
    assert not extract(body, rest=reply).article["is_retracted"]
