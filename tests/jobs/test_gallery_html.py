import io

import lxml.html
import pytest
from PIL import Image

from jobs.gallery_html import MAX_TEXT, THUMBNAIL_SIDE_PX, Card, Source, cards, data_uri, fragment, page, shortened, table
from tests.jobs.pages import decoded, picture, rows, sections

RED = (200, 0, 0)
HOSTILE = "\"><script>alert('x')</script><img src=x onerror=alert(1)> & 5 < 6"


def test_a_card_shows_its_picture_and_its_words() -> None:
    card = Card(picture(RED), "Figure 1", ["Cells in red.", "40 × 60 px"], [Source("PMC1.1/a.jpg (CC BY)", "10.1/a")])
    [shown] = sections(page("Pairs", [cards("Some pairs", [card])]))["Some pairs"]
    assert shown.heading == "Figure 1"
    assert shown.colour == RED
    assert "Cells in red.40 × 60 pxPMC1.1/a.jpg (CC BY) doi" in shown.text
    assert shown.links == ("https://doi.org/10.1/a",)


def test_text_from_articles_stays_text_wherever_it_stands() -> None:
    card = Card(picture(RED), HOSTILE, [HOSTILE], [Source(HOSTILE, HOSTILE)])
    text = page(HOSTILE, [cards(HOSTILE, [card], HOSTILE), table(HOSTILE, {HOSTILE: 100}, [[HOSTILE]], HOSTILE)])
    root = lxml.html.fromstring(text)
    assert not list(root.iter("script"))
    assert [image.get("alt") for image in root.iter("img")] == [HOSTILE]
    assert not root.xpath("//@onerror")
    assert rows(fragment([table("t", {HOSTILE: 100}, [[HOSTILE]])]), "t") == [[HOSTILE]]
    assert root.findtext(".//h1") == HOSTILE


def test_a_doi_cannot_leave_its_link() -> None:
    card = Card(picture(RED), "a", [], [Source("b", "10.1/x\" onclick='y' <SICI>2-#?")])
    [shown] = sections(fragment([cards("t", [card])]))["t"]
    assert shown.links == ("https://doi.org/10.1/x%22%20onclick%3D%27y%27%20%3CSICI%3E2-%23%3F",)


def test_a_page_loads_nothing_from_elsewhere() -> None:
    text = page("Pairs", [cards("t", [Card(picture(RED), "a")])])
    root = lxml.html.fromstring(text)
    assert all(source.startswith("data:image/jpeg;base64,") for source in root.xpath("//@src"))
    assert not list(root.iter("link", "iframe", "object"))
    [policy] = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; img-src data:")


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "PNG"])
def test_a_picture_is_shrunk_to_a_thumbnail_with_its_aspect(image_format: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (3000, 1500), RED).save(stream, image_format)
    shown = decoded(data_uri(stream.getvalue()))
    assert shown.size == (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX // 2)
    assert [round(value, -1) for value in shown.getpixel((9, 9))] == list(RED)  # type: ignore[arg-type]


def test_a_small_picture_keeps_its_size_and_a_grey_one_its_grey() -> None:
    stream = io.BytesIO()
    Image.new("L", (30, 20), 90).save(stream, "JPEG")
    shown = decoded(data_uri(stream.getvalue()))
    assert (shown.size, shown.getpixel((5, 5))) == ((30, 20), (90, 90, 90))


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert shortened("a" * MAX_TEXT) == "a" * MAX_TEXT
    cut = shortened("a" * (MAX_TEXT + 1))
    assert (len(cut), cut[-1]) == (MAX_TEXT, "…")


def test_a_table_has_its_columns_in_order() -> None:
    text = fragment([table("t", {"key": 30, "detail": 70}, [["k", "d"], ["k2", ""]])])
    assert rows(text, "t") == [["k", "d"], ["k2", ""]]
    assert [head.text for head in lxml.html.fromstring(text).iter("th")] == ["key", "detail"]
