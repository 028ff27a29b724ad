"""What was refused, and the images that are worst by each measure of quality, as one page to look at.

Reads: rejects, images, media, articles; of refused images their files in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.entry import STAGES
from jobs.galleries import counted, first_of_each, images_by_sha256, size_line, sources_by_sha256
from jobs.gallery_html import Card, Source, cards, contents, page, table
from jobs.tables import Lake
from schemas.images import IMAGES
from schemas.rejects import REJECTS

ReadPicture = Callable[[str], bytes | None]
"""A refused medium as a small JPEG by its key, None where it cannot be shown."""

_OF_IMAGES = "fetch_images"
REJECT_WIDTHS = {"key": 28, "detail": 52, "attempts": 8, "last seen": 12}


@dataclass(frozen=True)
class Measure:
    """A property of images by which the worst are shown: a SQL expression, its unit, and which end is bad."""

    title: str
    note: str
    expression: str
    unit: str
    worst_is_low: bool = True


MEASURES = (
    Measure("Least information", "Entropy of the grey histogram: blank and nearly blank pictures.", "entropy_bits", "bits"),
    Measure("Most background", "Share of pixels near the commonest grey level.", "100 * background_share", "% background", False),
    Measure("Least sharp", "Variance of the Laplacian: blurred or smooth pictures.", "sharpness", "squared grey levels"),
    Measure("Smallest", "Length of the shorter side.", "least(width_px, height_px)", "px"),
    Measure("Most elongated", "Longer side over shorter side.", "greatest(aspect, 1 / aspect)", "to 1", False),
)


def quality_page(lake: Lake, limit: int = 12, read: ReadPicture = lambda _: None) -> str:
    """A whole HTML page: up to `limit` rejects of every stage and reason, and the `limit` worst images by each measure."""
    groups = refused_groups(lake, limit)
    num_refused = sum(rows[0]["num_in_group"] for rows in groups.values())
    titles = [*(reject_title(*name, rows) for name, rows in groups.items()), *(measure.title for measure in MEASURES)]
    head = contents(
        "On this page", titles, f"{counted(num_refused, 'input')} refused, and the images that are worst by a measure"
    )
    sections = [head, *reject_sections(groups, read), *quality_sections(lake, limit)]
    return page("Refused inputs and images of low quality", sections)


def refused_groups(lake: Lake, limit: int) -> dict[tuple[str, str], list[Row]]:
    """Up to `limit` rejects by stage and reason, in the order of the stages, each with the number of its group."""
    day = F.date_format("last_seen", "yyyy-MM-dd").alias("day")
    rows = lake.read(REJECTS).select("stage", "reason", "key", F.coalesce("detail", F.lit("")).alias("detail"), "attempts", day)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in first_of_each(rows, ("stage", "reason"), ("key",), limit).collect():
        groups.setdefault((row["stage"], row["reason"]), []).append(row)
    return {name: groups[name] for name in sorted(groups, key=lambda name: (STAGES.index(name[0]), name[1]))}


def reject_sections(groups: Mapping[tuple[str, str], Sequence[Row]], read: ReadPicture) -> list[str]:
    """A table per stage and reason; behind those of images what can be shown of them."""
    return [part for name, rows in groups.items() for part in (reject_section(*name, rows), refused_images(*name, rows, read))]


def reject_title(stage: str, reason: str, rows: Sequence[Row]) -> str:
    """The heading of a stage's rejects with a reason."""
    return f"{stage} refused {rows[0]['num_in_group']:,}: {reason}"


def refused_images(stage: str, reason: str, rows: Sequence[Row], read: ReadPicture) -> str:
    """The pictures of a group of refused media as a section; empty where there is none to show."""
    pictures = {row["key"]: read(row["key"]) for row in rows} if stage == _OF_IMAGES else {}
    shown = [Card(picture, key.rpartition("/")[2], sources=[Source(key)]) for key, picture in pictures.items() if picture]
    return cards(f"{reason}: as the source of this archive has them, as far as they can be read", shown) if shown else ""


def reject_section(stage: str, reason: str, rows: Sequence[Row]) -> str:
    """The table of one stage and reason."""
    cells = [(row["key"], row["detail"], str(row["attempts"]), row["day"]) for row in rows]
    num_more = rows[0]["num_in_group"] - len(rows)
    note = f"The first {len(rows):,} by key, and {num_more:,} more: see --limit, or the table rejects." if num_more else ""
    return table(reject_title(stage, reason, rows), REJECT_WIDTHS, cells, note)


def quality_sections(lake: Lake, limit: int) -> list[str]:
    """A section of pictures per measure."""
    images = lake.read(IMAGES)
    worst = {measure: worst_images(images, measure, limit).collect() for measure in MEASURES}
    wanted = sorted({row["image_sha256"] for rows in worst.values() for row in rows})
    known, sources = images_by_sha256(lake, wanted), sources_by_sha256(lake, wanted)
    sections = []
    for measure, rows in worst.items():
        here = [row for row in rows if row["image_sha256"] in known]  # a run may have taken others meanwhile
        shown = [quality_card(row, measure, known[row["image_sha256"]], sources.get(row["image_sha256"], ())) for row in here]
        sections.append(cards(measure.title, shown, measure.note))
    return sections


def worst_images(images: DataFrame, measure: Measure, limit: int) -> DataFrame:
    """Hash and `value` of the `limit` images that are worst by a measure, the worst first."""
    value = F.expr(measure.expression).cast("double").alias("value")
    order = F.asc("value") if measure.worst_is_low else F.desc("value")
    return images.select("image_sha256", value).orderBy(order, "image_sha256").limit(limit)


def quality_card(row: Row, measure: Measure, image: Row, sources: Sequence[Source]) -> Card:
    """One image as a card: its value, size, sources."""
    return Card(bytes(image["image"]), f"{row['value']:,.4g} {measure.unit}", (size_line(image),), sources)
