"""HTML galleries taken apart as a browser would: sections, cards, pictures."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import lxml.html
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class ShownCard:
    """A card as it is seen: words, and the colour in the middle of its picture."""

    heading: str
    text: str
    colour: tuple[int, int, int]
    links: tuple[str, ...]


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (60, 40)) -> bytes:
    """A JPEG with a white margin around one colour."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((5, 5, size[0] - 6, size[1] - 6), fill=colour)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def sections(text: str) -> dict[str, list[ShownCard]]:
    """Cards by the heading of their section, in the page's order."""
    root = lxml.html.fromstring(text)
    return {section.findtext("h2"): [_card(figure) for figure in section.iter("figure")] for section in root.iter("section")}


def notes(text: str) -> list[str]:
    """What stands below the headings of the sections."""
    return [note.text_content() for note in lxml.html.fromstring(text).find_class("note")]


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table below a heading, its head left out."""
    root = lxml.html.fromstring(text)
    [section] = [section for section in root.iter("section") if section.findtext("h2") == heading]
    return [[cell.text_content() for cell in row] for row in section.iter("tr")][1:]


def decoded(uri: str) -> Image.Image:
    """The picture in a data URI."""
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def _card(figure: lxml.html.HtmlElement) -> ShownCard:
    [image] = figure.iter("img")
    shown = decoded(image.get("src"))
    red, green, blue = shown.getpixel((shown.width // 2, shown.height // 2))
    return ShownCard(
        heading=figure.find(".//b").text_content(),
        text=figure.find("figcaption").text_content(),
        # JPEG gives colours back to within a few steps.
        colour=(round(red, -1), round(green, -1), round(blue, -1)),
        links=tuple(link.get("href") for link in figure.iter("a")),
    )
