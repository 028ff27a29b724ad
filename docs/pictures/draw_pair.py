"""Draws one row of `pairs` as a picture: `python docs/pictures/draw_pair.py PAIR_ID docs/pictures/pair.png [key=value ...]`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont
from pyspark.sql import Row
from pyspark.sql import functions as F

from jobs.cli import open_lake
from jobs.galleries import images_by_sha256
from jobs.tables import Lake
from schemas.pairs import PAIRS

# Twice the size at which the page shows it, for screens with small pixels.
WIDTH_PX, MARGIN_PX, FIGURE_PX = 1640, 40, (740, 620)
INK, GREY, FRAME = "#1c2733", "#5b6875", "#c4ccd4"


@dataclass(frozen=True)
class Line:
    """Words in one style, with the space above them."""

    text: str
    size_px: int = 27
    colour: str = INK
    space_px: int = 0


def main(pair_id: str, file: str, *overrides: str) -> None:
    """Read the pair from the archive and write its picture."""
    lake, _ = open_lake("local", list(overrides))
    row = read_pair(lake, pair_id)
    image = images_by_sha256(lake, [row["image_sha256"]])[row["image_sha256"]]
    draw(row, bytes(image["image"])).convert("P", palette=Image.Palette.ADAPTIVE, colors=192).save(file, optimize=True)


def read_pair(lake: Lake, pair_id: str) -> Row:
    """The pair's row; ValueError when the archive has no such pair."""
    row = lake.read(PAIRS).where(F.col("pair_id") == pair_id).first()
    if row is None:
        raise ValueError(f"the archive has no pair {pair_id!r}")
    return row


def draw(row: Row, content: bytes) -> Image.Image:
    """Figure on the left, what the archive knows of it on the right, on a white card."""
    figure = Image.open(io.BytesIO(content)).convert("RGB")
    scale = min(FIGURE_PX[0] / figure.width, FIGURE_PX[1] / figure.height)
    figure = figure.resize((round(figure.width * scale), round(figure.height * scale)), Image.Resampling.LANCZOS)
    left = FIGURE_PX[0] + 2 * MARGIN_PX + 20
    lines = list(lines_of(row, WIDTH_PX - left - MARGIN_PX))
    height = max(figure.height, sum(line_height(line) for line in lines)) + 2 * MARGIN_PX
    card = Image.new("RGB", (WIDTH_PX, height), "white")
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, WIDTH_PX - 1, height - 1), outline=FRAME, width=2)
    card.paste(figure, (MARGIN_PX + (FIGURE_PX[0] - figure.width) // 2, (height - figure.height) // 2))
    top = MARGIN_PX
    for line in lines:
        pen.text((left, top + line.space_px), line.text, fill=line.colour, font=font(line.size_px))
        top += line_height(line)
    return card


def lines_of(row: Row, width_px: int) -> Iterator[Line]:
    """The pair in words, broken into lines of at most `width_px`."""
    mention = row["mentions"][0] if row["mentions"] else None
    parts = [
        Line("caption", 21, GREY),
        *(Line(part) for part in f"{row['label']}. {row['caption']}".splitlines()),
        *([Line(f"mention, {mention['section_path']}", 21, GREY, 22), Line(f"… {sentence_of(mention)}")] if mention else []),
        Line("licence and source", 21, GREY, 22),
        Line(f"{row['license_code']} ({row['license_group']}), {row['citation']}, doi:{row['doi']}"),
        Line("in the archive", 21, GREY, 22),
        Line(f"pair {row['pair_id']}, split {row['split']}, {cluster(row)}"),
    ]
    for part in parts:
        for number, text in enumerate(wrapped(part, width_px)):
            yield Line(text, part.size_px, part.colour, 0 if number else part.space_px)


def cluster(row: Row) -> str:
    """What the archive says of the pair's duplicates."""
    if row["cluster_id"] is None:
        return "no duplicate known"
    return f"duplicate cluster {row['cluster_id']}" + (" (this one is exported)" if row["is_canonical"] else "")


def sentence_of(mention: Row) -> str:
    """The words before the mention and the mention itself, to the end of its sentence."""
    paragraph: str = mention["paragraph"]
    end = paragraph.find(". ", mention["end"])
    start = paragraph.rfind(" ", 0, max(0, mention["start"] - 90)) + 1
    return paragraph[start : end + 1 if end >= 0 else len(paragraph)]


def wrapped(line: Line, width_px: int) -> Iterator[str]:
    """The words of a line, as many to a line as fit."""
    current = ""
    for word in line.text.split(" "):
        longer = f"{current} {word}".strip()
        if current and font(line.size_px).getlength(longer) > width_px:
            yield current
            longer = word
        current = longer
    yield current


def line_height(line: Line) -> int:
    """Height that a line takes, with the space before it (pixels)."""
    return round(line.size_px * 1.38) + line.space_px


def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font."""
    loaded = ImageFont.load_default(size_px)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return loaded


if __name__ == "__main__":
    main(*sys.argv[1:])
