"""Whose a figure is: its own permissions, those around it, and the words of captions and attributions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.udfs.jats_articles import META, extract, fig
from udfs.jats.licences import spdx_code

CC_URL = "https://creativecommons.org/licenses/"


def permissions(statement: str = "", holder: str = "", licence: str = "") -> str:
    said = f"<copyright-statement>{statement}</copyright-statement>" if statement else ""
    held = f"<copyright-holder>{holder}</copyright-holder>" if holder else ""
    return f"<permissions>{said}{held}{licence}</permissions>"


def licence(terms: str, words: str = "") -> str:
    return f'<license xlink:href="{CC_URL}{terms}/4.0/"><license-p>{words}</license-p></license>'


GRAPHIC = '<graphic xlink:href="g1.jpg"/>'
OWN = permissions("© 2016 Abbas et al.", "Abbas et al.", licence("by"))


def rights(body: str, article: str = OWN, code: str | None = "CC BY") -> list[tuple[str, str | None]]:
    """(rights, SPDX code) of each figure in a body."""
    return [(one["rights"], one["license_spdx"]) for one in rows(body, article, code)]


def rows(body: str, article: str = OWN, code: str | None = "CC BY") -> list[dict[str, Any]]:
    metadata: dict[str, Any] = {"license_code": code}
    return extract(body, metadata, meta=META + article).figures


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (permissions("© 2012 Elsevier B.V. All rights reserved."), "third_party"),
        (permissions("", "Elsevier B.V."), "third_party"),
        (permissions("Copyright © 2015 Wiley Periodicals, Inc."), "third_party"),
        (permissions("© 2016 Abbas et al."), "article"),
        (permissions("Copyright: © 2016 Abbas et al.", "Abbas et al."), "article"),
        (permissions("© The Author(s) 2016"), "article"),
        (permissions("", "Abbas et al.", "<license><license-p>All rights reserved.</license-p></license>"), "third_party"),
        (permissions("© 2018 A. Other. All rights reserved.", "", licence("by-nc")), "own_license"),
        (permissions("© 2018 A. Other", "", licence("by", "Used with permission of Elsevier.")), "third_party"),
        (
            permissions("", "", licence("by-nc", "Uses are permitted without any further permission from the press.")),
            "own_license",
        ),
        (
            permissions("", "", licence("by", "If material is not included in the article's licence, permission is needed.")),
            "own_license",
        ),
        (permissions("", "", "<license><license-p>Terms of the museum.</license-p></license>"), "own_license"),
        ("<permissions/>", "article"),
    ],
)
def test_permissions_of_a_figure_are_others_unless_the_holder_is_the_articles(inside: str, expected: str) -> None:
    assert [found for found, _ in rights(fig("F1", inside=inside))] == [expected]


def test_a_holder_is_the_articles_only_where_the_article_names_it() -> None:
    figure = fig("F1", inside=permissions("© 2015 Wiley Periodicals, Inc."))
    told = "© 2015 The Authors. Journal of Research Published by Wiley Periodicals, Inc."
    assert rights(figure, permissions(told)) == [("third_party", None)]
    assert rights(figure, permissions("Copyright 2015 Wiley Periodicals, Inc.")) == [("article", None)]


@pytest.mark.parametrize(
    "words",
    [
        "© Getty Images",
        "© 2015 National Geographic, all rights reserved",
        "A map (© 2015 National Geographic, all rights reserved).",
        "Copyright (2008) National Academy of Sciences.",
        "A cell. Copyright 2022, Springer Nature.",
        "A, left. © The Authors. B, right. © Getty Images.",
        "This image is not included in the article’s Creative Commons licence.",
        "The photograph is not included in the article's Creative Commons license.",
        "This panel is excluded from the open access licence.",
        "Reproduced with permission from Smith et al. (2010).",
        "Reprinted with permission from [3].",
        "Adapted from Jones et al. with permission from Elsevier.",
        "Image used by permission of the museum.",
        "Reproduced from Smith et al. (2010).",
        "Reproduced from Fig. 2 of Smith et al. (2010).",
        "A grain (taken from Tosi et al., 2009).",
        "Photo courtesy: NASA.",
        "A ward. Shutterstock.",
    ],
)
@pytest.mark.parametrize("place", ["caption", "attrib", "notes"])
def test_words_around_a_figure_that_give_it_to_others(words: str, place: str) -> None:
    inside = {"caption": "", "attrib": f"<attrib>{words}</attrib>", "notes": f"<p>{words}</p>"}[place]
    (found,) = rows(fig("F1", caption=f"<p>{words if place == 'caption' else 'A caption.'}</p>", inside=inside))
    assert found["rights"] == "third_party"
    assert found["permission"] in words


@pytest.mark.parametrize(
    "words",
    [
        "Flow diagram. [Copyright: ©2016 Abbas et al.]",
        "Fluorescence of samples taken from three sites in 2012.",
        "Data reproduced from Fig 2 for clarity.",
        "The experiment was reproduced three times with similar results.",
        "Published with permission of the patient and her family.",
        "Written permission was obtained from the parents.",
        "An adapted version of the programme, modified from [15].",
        "Titres in licensed comparator groups.",
        "Source: FAOSTAT.",
        "Doses of 5 cc by mouth; data were not included in the analysis.",
        "© The Authors.",
    ],
)
def test_words_that_only_look_like_the_rights_of_others(words: str) -> None:
    assert rights(fig("F1", caption=f"<p>{words}</p>")) == [("article", None)]


@pytest.mark.parametrize(
    "around",
    [
        "<fig-group>{0}{1}</fig-group>",
        "<boxed-text>{0}{1}</boxed-text>",
        "<sec><sec-meta>{0}</sec-meta>{1}</sec>",
        '<fig id="F0">{0}{1}</fig>',
    ],
)
def test_permissions_hold_for_all_that_is_inside(around: str) -> None:
    body = around.format(permissions(licence=licence("by-nc-nd")), fig("F1"))
    (found,) = [one for one in rows(body) if one["xml_id"] == "F1"]
    assert (found["rights"], found["license_spdx"]) == ("own_license", "CC-BY-NC-ND-4.0")
    assert found["license_url"] == f"{CC_URL}by-nc-nd/4.0/"
    assert rights(fig("F2")) == [("article", None)]


def test_a_figures_own_permissions_go_before_those_around_it() -> None:
    inner = fig("F1", inside=permissions(licence=licence("by-sa")))
    assert rights(f"<fig-group>{permissions(licence=licence('by-nc'))}{inner}{fig('F2')}</fig-group>") == [
        ("own_license", "CC-BY-SA-4.0"),
        ("own_license", "CC-BY-NC-4.0"),
    ]


def test_the_caption_of_a_group_speaks_for_its_figures() -> None:
    group = f"<fig-group><caption><p>Reprinted with permission from Elsevier.</p></caption>{fig('F1')}{fig('F2')}</fig-group>"
    assert rights(group) == [("third_party", None)] * 2


def test_a_graphical_abstract_is_the_articles() -> None:
    abstract = f'<abstract abstract-type="graphical"><p>{fig("GA")}</p></abstract>'
    found = rows("", OWN + abstract)
    assert [(one["kind"], one["rights"]) for one in found] == [("graphical_abstract", "article")]


def test_permissions_of_one_graphic_are_not_those_of_the_next() -> None:
    inside = GRAPHIC.replace("/>", f">{permissions('© 2012 Elsevier B.V.')}</graphic>")
    assert rights(fig("F1", inside=inside)) == [("third_party", None), ("article", None)]


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("CC BY", "The villi are from an atlas. License: CC BY-SA 4.0.", ("own_license", "CC-BY-SA-4.0")),
        ("CC BY", "[Adapted from (37). CC BY 4.0.]", ("own_license", "CC-BY-4.0")),
        ("CC BY", "Used under the CC‐BY‐NC licence.", ("own_license", "CC-BY-NC")),
        ("CC BY-NC", "All data are under CC0.", ("article", None)),
        (None, "All data are under CC BY 4.0.", ("article", None)),
        ("CC BY", "Reproduced with permission under CC BY-NC 4.0 from [13].", ("third_party", None)),
    ],
)
def test_a_licence_named_in_words_holds_where_it_is_no_freer_than_the_articles(
    code: str | None, words: str, expected: tuple[str, str | None]
) -> None:
    assert rights(fig("F1", caption=f"<p>{words}</p>"), code=code) == [expected]


@pytest.mark.parametrize(
    ("url", "words", "expected"),
    [
        (f"{CC_URL}by/4.0/", "Creative Commons Attribution Non-Commercial License.", "CC-BY-NC"),
        (f"{CC_URL}by/4.0/", "CC BY 4.0; the CC0 waiver applies to the data.", "CC-BY-4.0"),
        (
            None,
            "Creative Commons Attribution License; CC0 (http://creativecommons.org/publicdomain/zero/1.0/) for data.",
            "CC-BY",
        ),
        (f"{CC_URL}by-nd-nc/1.0/", None, "CC-BY-NC-ND-1.0"),
        (None, "Creative Commons Attribution (Non\u2011Commercial) 3.0", "CC-BY-NC-3.0"),
        (None, "CC\u2010BY\u2010NC\u2010ND", "CC-BY-NC-ND"),
        (None, "5 cc by mouth", None),
    ],
)
def test_of_an_address_and_words_that_contradict_each_other_the_stricter_counts(
    url: str | None, words: str | None, expected: str | None
) -> None:
    assert spdx_code(url, words) == expected
