"""What the metadata adds to an article row, and the full text by section."""

from __future__ import annotations

from typing import Any

import pytest

from tests.udfs.jats_articles import META, extract, fig


def row(meta: str = META, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return extract(metadata=metadata, meta=meta).article


def test_metadata_fills_what_the_xml_lacks_and_differences_are_recorded() -> None:
    told = {
        "pmid": 12,
        "doi": "10.1/told",
        "title": "Told",
        "license_code": "CC BY-NC",
        "is_pmc_openaccess": True,
        "citation": "J. 1",
    }
    filled = row("", told)
    assert (filled["pmid"], filled["doi"], filled["title"], filled["citation"]) == ("12", "10.1/told", "Told", "J. 1")
    assert (filled["license_code"], filled["license_group"], filled["is_open_access"]) == ("CC BY-NC", "noncommercial", True)
    assert filled["disagreements"] == []
    licence = '<permissions><license xlink:href="https://creativecommons.org/licenses/by/4.0/"/></permissions>'
    found = row(
        META + '<article-id pub-id-type="doi">10.1/xml</article-id><article-id pub-id-type="pmc">2</article-id>' + licence, told
    )
    assert {one["field"]: (one["xml"], one["metadata"]) for one in found["disagreements"]} == {
        "title": ("A title", "Told"),
        "doi": ("10.1/xml", "10.1/told"),
        "pmcid": ("PMC2", "PMC1"),
        "license_code": ("CC BY", "CC BY-NC"),
    }
    assert found["title"] == "A title"
    assert (found["license_in_force"], found["license_group"]) == ("CC BY-NC", "noncommercial")


@pytest.mark.parametrize(
    ("told", "written", "in_force", "group", "is_no_derivatives"),
    [
        ("CC BY", "by/4.0", "CC BY", "commercial", False),
        ("CC BY", "by-nc/4.0", "CC BY-NC", "noncommercial", False),
        ("CC BY-NC", "by/4.0", "CC BY-NC", "noncommercial", False),
        ("CC BY-ND", "by-nc/4.0", "CC BY-NC", "noncommercial", True),
        ("CC BY-NC", "by-nc-nd/4.0", "CC BY-NC-ND", "noncommercial", True),
        ("TDM", "by/4.0", "TDM", "other", False),
        (None, "by/4.0", None, "other", False),
        ("CC BY", "nc-sampling/1.0", "CC NC-SAMPLING", "other", False),
        ("CC0", "", "CC0", "commercial", False),
    ],
)
def test_the_stricter_of_xml_and_metadata_is_in_force(
    told: str | None, written: str, in_force: str | None, group: str, is_no_derivatives: bool
) -> None:
    licence = f'<license xlink:href="https://creativecommons.org/licenses/{written}"/>' if written else ""
    found = row(f"{META}<permissions>{licence}</permissions>", {"license_code": told})
    assert found["license_code"] == told
    assert (found["license_in_force"], found["license_group"]) == (in_force, group)
    assert found["is_no_derivatives"] == is_no_derivatives


@pytest.mark.parametrize("title", ["a TITLE!", "A  title", "A title: more"])
def test_spelling_alone_is_no_difference(title: str) -> None:
    meta = "<title-group><article-title>A title</article-title><subtitle>more</subtitle></title-group>"
    assert row(meta, {"title": title})["disagreements"] == []


@pytest.mark.parametrize(
    "metadata", [{"media_urls": None, "pmid": None}, {"media_urls": "s3://x", "title": ["list"], "doi": {}}, {"pmid": " "}]
)
def test_odd_metadata_is_no_metadata(metadata: dict[str, Any]) -> None:
    found = row("", metadata)
    assert (found["pmid"], found["doi"], found["title"]) == (None, None, None)


def test_sections_have_path_title_text_and_kind() -> None:
    body = (
        "<p>Opening.</p><sec sec-type='methods'><title>Methods</title><p>Done <bold>so</bold>.</p>"
        "<list><list-item><p>One</p></list-item>"
        f"</list>{fig('F1')}<sec><title>Part</title><disp-quote><p>Quoted.</p></disp-quote></sec></sec>"
    )
    back = "<ack><p>Thanks.</p></ack><ref-list><ref><mixed-citation>Not text.</mixed-citation></ref></ref-list>"
    stub = "<front-stub><title-group><article-title>Reply</article-title></title-group></front-stub>"
    sub = f"<sub-article>{stub}<body><p>Well.</p></body></sub-article>"
    sections = extract(body, back=back, rest=sub).article["sections"]
    assert [(one["path"], one["text"], one["type"], one["part"]) for one in sections] == [
        (None, "Opening.", None, "body"),
        ("Methods", "Done so.\nOne", "methods", "body"),
        ("Methods > Part", "Quoted.", None, "body"),
        ("Acknowledgements", "Thanks.", None, "back"),
        ("Reply", "Well.", None, "sub-article"),
    ]
