"""Galleries over a small archive on real Delta, read back as a browser shows them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.settings import LakeSettings
from jobs.galleries import (
    MAX_MEMBERS,
    MAX_SOURCES,
    duplicate_gallery,
    duplicates_by_kind,
    duplicates_in_words,
    duplicates_page,
    pair_gallery,
)
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.pairs import PAIRS
from tests.jobs.pages import notes, picture, sections
from tests.jobs.rows import frame

pytestmark = pytest.mark.spark

OPEN = {"license_group": "commercial"}
NUM_LARGE, NUM_COPIES = MAX_MEMBERS + 2, MAX_SOURCES + 2


def colour_of(name: str) -> tuple[int, int, int]:
    """A colour of its own for every image of these tests."""
    cluster, number = name[0], int(name[1:])
    return {"a": (20 * number, 0, 0), "b": (0, 40 + 40 * number, 0), "c": (0, 0, 200), "d": (9, 9, 9)}[cluster]


def member(name: str, kind: str, distance: int, num_media: int = 1) -> dict[str, Any]:
    about = {"cluster_id": f"cluster-{name[0]}", "canonical_sha256": f"{name[0]}0", "kind": kind}
    return {"image_sha256": name, "hamming_distance": distance, "num_media": num_media} | about


# Cluster a: a canonical image and nine near ones; b: two, farther by 256 bits; c: one file at several places; d: near a7 alone.
MEMBERS = [
    *[member(f"a{number}", "near" if number else "self", min(number, 4)) for number in range(NUM_LARGE)],
    *[member("b0", "self", 0), member("b1", "exact_pixels", 0), member("b2", "near", 3)],
    member("d0", "self", 0),
    member("c0", "exact_bytes", 0, NUM_COPIES),
]


@pytest.fixture(scope="module")
def archive(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """An archive with these clusters; c0 stands in several articles, of which the last is the oldest."""
    lake = Lake(spark, LakeSettings(uri=str(shutil.copytree(empty_lake, tmp_path_factory.mktemp("galleries") / "lake"))))
    names = [row["image_sha256"] for row in MEMBERS]
    sized = {"width_px": 1600, "height_px": 40, "num_bytes": 20_480, "format": "PNG"}
    places = [(f"PMC{number}.1", name) for number, name in enumerate([*names[:-1], *["c0"] * NUM_COPIES])]
    years = {accession: 2020 - number for number, (accession, _) in enumerate(places)}
    fine = {name: (0x1FF if name == "b2" else 0).to_bytes(32) for name in names}
    images = [{"image_sha256": name, "image": picture(colour_of(name)), "phash256_trimmed": fine[name]} | sized for name in names]
    media = [{"accession": accession, "media_name": "fig.jpg", "image_sha256": name} for accession, name in places]
    articles = [{"accession": a, "year": year, "license_code": "CC BY", "doi": f"10.1/{a}"} | OPEN for a, year in years.items()]
    pairs = [pair(accession, name) for accession, name in places]
    for table, listed in ((IMAGES, images), (DUPLICATES, MEMBERS), (MEDIA, media), (ARTICLES, articles), (PAIRS, pairs)):
        frame(spark, table, *listed).writeTo(lake.identifier(table)).append()
    return lake


@pytest.fixture(scope="module")
def gallery(archive: Lake) -> str:
    return duplicate_gallery(archive)


def pair(accession: str, name: str) -> dict[str, Any]:
    about = {"pair_id": f"{accession.replace('.', '_')}_f1", "caption": f"Shows <b>{name}</b>.", "label": f"Figure {name}"}
    rest = {"cluster_id": f"cluster-{name[0]}", "is_canonical": name == "a0", "split": "train", "license_code": None}
    return {"accession": accession, "image_sha256": name} | about | rest | OPEN


def test_the_cluster_whose_members_differ_most_by_the_finer_hash_comes_first_and_exact_ones_last(gallery: str) -> None:
    assert list(sections(gallery)) == ["Cluster cluster-b", "Cluster cluster-a", "Cluster cluster-c"]


def test_a_cluster_starts_with_its_canonical_image_and_goes_on_with_the_farthest(gallery: str) -> None:
    cards = sections(gallery)["Cluster cluster-b"]
    assert [card.heading for card in cards] == ["Canonical", "Near: 3 of 64 bits differ, 9 of 256", "Same pixels"]
    assert [card.colour for card in cards] == [colour_of(name) for name in ("b0", "b2", "b1")]


def test_a_large_cluster_is_cut_and_says_so(gallery: str) -> None:
    cards = sections(gallery)["Cluster cluster-a"]
    assert len(cards) == MAX_MEMBERS
    assert cards[0].heading == "Canonical"
    assert "10 images in 10 files, up to 4 bits of 64 and 0 of 256 from the canonical one; 2 images not shown" in notes(gallery)


def test_a_file_at_several_places_names_the_oldest_and_counts_the_rest(gallery: str) -> None:
    [card] = sections(gallery)["Cluster cluster-c"]
    assert card.heading == f"Canonical, the same file {NUM_COPIES} times"
    last = len(MEMBERS) - 1 + NUM_COPIES - 1
    oldest = [f"PMC{number}.1" for number in range(last, last - MAX_SOURCES, -1)]
    assert card.links == tuple(f"https://doi.org/10.1/{accession}" for accession in oldest)
    assert card.text.endswith("and 2 more")
    assert f"{oldest[0]}/fig.jpg (CC BY, {2020 - last})" in card.text


def test_a_card_tells_size_format_and_distance_of_the_original(gallery: str) -> None:
    assert "1,600 × 40 px, PNG, 20 KiB" in sections(gallery)["Cluster cluster-c"][0].text


def test_the_page_shows_as_many_clusters_as_asked_for(archive: Lake) -> None:
    text = duplicates_page(archive, limit=2)
    assert len(sections(text)) == 2
    assert "<h1>Duplicate clusters: 2 of 3, the most doubtful first</h1>" in text


def test_duplicates_are_counted_by_kind(archive: Lake) -> None:
    near = NUM_LARGE - 1 + 1
    assert [tuple(row) for row in duplicates_by_kind(archive)] == [
        ("exact_bytes", 1, NUM_COPIES, 1, 0),
        ("exact_pixels", 1, 1, 1, 0),
        ("near", near, near, 2, 4),
        ("self", 3, 3, 3, 0),
    ]


def test_clusters_of_several_files_are_told_in_words(archive: Lake) -> None:
    num_files = NUM_LARGE + 3 + NUM_COPIES
    assert (
        duplicates_in_words(archive)
        == f"3 clusters of several files: 14 images in {num_files} files, {num_files - 3} of them surplus"
    )


def test_pairs_are_shown_in_the_order_of_the_query_each_with_its_own_picture(archive: Lake) -> None:
    pairs = archive.read(PAIRS).where("label IN ('Figure b1', 'Figure a0', 'Figure a3')").orderBy("label", ascending=False)
    [(_, cards)] = sections(pair_gallery(archive, pairs, limit=2)).items()
    assert [card.heading for card in cards] == ["Figure b1", "Figure a3"]
    assert [card.colour for card in cards] == [colour_of("b1"), colour_of("a3")]
    assert cards[1].text == "Figure a3Shows <b>a3</b>.PMC3.1, no licence code, train, duplicate"


def test_one_picture_in_several_pairs_is_shown_with_each(archive: Lake) -> None:
    pairs = archive.read(PAIRS).where("label = 'Figure c0'")
    [(heading, cards)] = sections(pair_gallery(archive, pairs)).items()
    assert (heading, {card.colour for card in cards}) == (f"{NUM_COPIES} pairs", {colour_of("c0")})


def test_a_pair_whose_image_is_gone_is_counted_and_not_shown(archive: Lake) -> None:
    pairs = archive.read(PAIRS).where("label = 'Figure a3'")
    text = pair_gallery(archive, pairs.unionByName(frame(archive.spark, PAIRS, {"pair_id": "gone", "image_sha256": "gone"})))
    assert [(heading, len(cards)) for heading, cards in sections(text).items()] == [("1 pair", 1)]
    assert notes(text) == ["1 image gone until the next run"]


def test_an_empty_archive_gives_a_page_without_pictures(spark: SparkSession, empty_lake: Path) -> None:
    lake = Lake(spark, LakeSettings(uri=str(empty_lake)))
    assert sections(duplicates_page(lake)) == {}
    assert duplicates_in_words(lake) == "0 clusters of several files: 0 images in 0 files, 0 of them surplus"
    assert sections(pair_gallery(lake, lake.read(PAIRS))) == {"0 pairs": []}
