"""The page of refused inputs and low-quality images over a small archive on real Delta."""

import shutil
from pathlib import Path

import lxml.html
import pytest
from pyspark.sql import SparkSession

from conf.settings import LakeSettings
from jobs.quality_gallery import MEASURES, quality_page, worst_images
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.rejects import REJECTS
from tests.jobs.pages import notes, picture, rows, sections
from tests.jobs.rows import frame

pytestmark = pytest.mark.spark

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
QUALITIES = {
    "red": {"entropy_bits": 0.25, "background_share": 0.5, "sharpness": 9.0, "width_px": 400, "height_px": 300, "aspect": 4 / 3},
    "green": {"entropy_bits": 6.0, "background_share": 0.975, "sharpness": 8.0, "width_px": 900, "height_px": 20, "aspect": 45.0},
    "blue": {"entropy_bits": 5.0, "background_share": 0.1, "sharpness": 0.5, "width_px": 30, "height_px": 600, "aspect": 0.05},
}
COLOURS = {"red": RED, "green": GREEN, "blue": BLUE}


@pytest.fixture(scope="module")
def archive(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three images that are each worst by something, and three refused inputs."""
    lake = Lake(spark, LakeSettings(uri=str(shutil.copytree(empty_lake, tmp_path_factory.mktemp("quality") / "lake"))))
    refused = [
        {"stage": "build_pairs", "key": "PMC1.1/f1", "reason": "no_media", "detail": None},
        {"stage": "fetch_images", "key": "PMC2.1/b.jpg", "reason": "truncated", "detail": "ends <early>", "attempts": 3},
        {"stage": "fetch_images", "key": "PMC2.1/a.jpg", "reason": "truncated", "detail": "ends early"},
    ]
    images = [{"image_sha256": name, "image": picture(COLOURS[name])} | values for name, values in QUALITIES.items()]
    media = [{"accession": "PMC1.1", "media_name": f"{name}.png", "image_sha256": name} for name in QUALITIES]
    article = {"accession": "PMC1.1", "license_group": "other", "year": None}
    for table, listed in ((IMAGES, images), (MEDIA, media), (ARTICLES, [article]), (REJECTS, refused)):
        frame(spark, table, *listed).writeTo(lake.identifier(table)).append()
    return lake


@pytest.fixture(scope="module")
def page(archive: Lake) -> str:
    return quality_page(archive, 2, {"PMC2.1/b.jpg": picture(BLUE)}.get)


@pytest.mark.parametrize(
    ("title", "headings", "colours"),
    [
        ("Least information", ["0.25 bits", "5 bits"], [RED, BLUE]),
        ("Most background", ["97.5 % background", "50 % background"], [GREEN, RED]),
        ("Least sharp", ["0.5 squared grey levels", "8 squared grey levels"], [BLUE, GREEN]),
        ("Smallest", ["20 px", "30 px"], [GREEN, BLUE]),
        ("Most elongated", ["45 to 1", "20 to 1"], [GREEN, BLUE]),
    ],
)
def test_the_worst_images_by_each_measure_come_first(
    page: str, title: str, headings: list[str], colours: list[tuple[int, int, int]]
) -> None:
    cards = sections(page)[title]
    assert [card.heading for card in cards] == headings
    assert [card.colour for card in cards] == colours


def test_an_image_says_where_it_comes_from(page: str) -> None:
    assert "PMC1.1/blue.png (no licence code)" in sections(page)["Least sharp"][0].text


def test_refused_inputs_stand_by_stage_and_reason_with_their_details(page: str) -> None:
    contents, *headings = [heading for heading, cards in sections(page).items() if not cards]
    assert contents == "On this page"
    assert headings == ["fetch_images refused 2: truncated", "build_pairs refused 1: no_media"]
    assert rows(page, headings[0]) == [
        ["PMC2.1/a.jpg", "ends early", "1", "2026-11-01"],
        ["PMC2.1/b.jpg", "ends <early>", "3", "2026-11-01"],
    ]
    assert rows(page, headings[1]) == [["PMC1.1/f1", "", "1", "2026-11-01"]]


def test_refused_images_that_can_be_read_are_shown(page: str) -> None:
    [card] = sections(page)["truncated: as the source of this archive has them, as far as they can be read"]
    assert (card.heading, card.colour) == ("b.jpg", BLUE)
    assert "PMC2.1/b.jpg" in card.text


def test_more_refused_inputs_than_asked_for_are_counted_but_not_shown(archive: Lake) -> None:
    page = quality_page(archive, limit=1)
    assert [row[0] for row in rows(page, "fetch_images refused 2: truncated")] == ["PMC2.1/a.jpg"]
    assert "The first 1 by key, and 1 more: see --limit" in page
    assert "more: see --limit" not in quality_page(archive, limit=2)


def test_every_measure_is_computed_from_columns_that_images_have(archive: Lake) -> None:
    for measure in MEASURES:
        values = [row["value"] for row in worst_images(archive.read(IMAGES), measure, 3).collect()]
        assert values == sorted(values, reverse=not measure.worst_is_low)
        assert len(values) == 3


def test_an_empty_archive_gives_sections_without_pictures(spark: SparkSession, empty_lake: Path) -> None:
    shown = sections(quality_page(Lake(spark, LakeSettings(uri=str(empty_lake)))))
    assert shown == {title: [] for title in ("On this page", *(measure.title for measure in MEASURES))}


def test_the_page_begins_with_what_is_on_it_and_how_much_was_refused(page: str) -> None:
    root = lxml.html.fromstring(page)
    links = {link.text: link.get("href") for link in root.iter("a") if link.get("href").startswith("#")}
    assert list(links) == [title for title in sections(page) if title != "On this page" and " as the source" not in title]
    assert all(root.get_element_by_id(place[1:]).findtext("h2") == title for title, place in links.items())
    assert "3 inputs refused" in notes(page)[0]
