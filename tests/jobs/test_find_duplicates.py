"""Which image stands for a cluster and what is said of its members."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.settings import DuplicateSettings
from jobs.arrow_frames import map_batches, sql_columns
from jobs.find_duplicates import duplicate_rows, image_uses, ranked_images
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.jobs.rows import collected, frame
from udfs.batches.duplicate_clusters import NODE, RESULT, FindClusters

pytestmark = pytest.mark.spark
SETTINGS = DuplicateSettings()


def media(spark: SparkSession, uses: dict[str, str]) -> DataFrame:
    """Media of the images (keys) in the articles PMC1.1, PMC2.1, ... whose numbers the values list."""
    rows = [
        {"accession": f"PMC{number}.1", "media_name": f"{image}.jpg", "image_sha256": image}
        for image, numbers in uses.items()
        for number in numbers
    ]
    return frame(spark, MEDIA, *rows)


def articles(spark: SparkSession) -> DataFrame:
    """PMC1.1 is free and young, PMC2.1 not free and old, PMC3.1 not free and of unknown year."""
    about = {1: ("commercial", 2024), 2: ("noncommercial", 2001), 3: ("noncommercial", None)}
    rows = [{"accession": f"PMC{n}.1", "license_group": group, "year": year} for n, (group, year) in about.items()]
    return frame(spark, ARTICLES, *rows)


def images(spark: SparkSession, **sizes: int) -> DataFrame:
    rows = [{"image_sha256": name, "pixels_sha256": name, "width_px": side, "height_px": side} for name, side in sizes.items()]
    return frame(spark, IMAGES, *({**values, "entropy_bits": 5.0} for values in rows)).drop("image")


def test_uses_tell_the_freest_licence_and_the_oldest_article(spark: SparkSession) -> None:
    uses = image_uses(media(spark, {"a": "123", "b": "23", "c": "3", "elsewhere": "9"}), articles(spark))
    found = {row["image_sha256"]: (row["num_media"], row["license_rank"], *row["oldest"]) for row in uses.collect()}
    assert found == {
        "a": (3, 1, 2001, "PMC2.1", "a.jpg"),
        "b": (2, 2, 2001, "PMC2.1", "b.jpg"),
        "c": (1, 2, 9999, "PMC3.1", "c.jpg"),
    }


def test_images_are_ranked_by_pixels_then_licence_then_age_then_name(spark: SparkSession) -> None:
    places = {"large": "3", "free": "1", "old": "2", "unknown_year": "3", "z_unknown_year": "3"}
    sizes = dict.fromkeys(places, 100) | {"large": 50_000}
    ranked = ranked_images(images(spark, **sizes), image_uses(media(spark, places), articles(spark)), SETTINGS)
    assert ranked.columns == NODE.names
    assert ranked.rdd.getNumPartitions() == 1
    assert [row["image_sha256"] for row in ranked.collect()] == list(places)


def test_images_with_little_entropy_are_marked_featureless(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [{"image_sha256": "flat", "entropy_bits": 0.49}, {"image_sha256": "rich", "entropy_bits": 0.5}]
    uses = image_uses(media(spark, {"flat": "1", "rich": "1"}), articles(spark))
    ranked = ranked_images(frame(spark, IMAGES, *rows), uses, DuplicateSettings(min_entropy_bits=0.5))
    assert collected(ranked, "image_sha256", "is_featureless") == [("flat", True), ("rich", False)]


def test_every_member_has_a_row_that_says_why_and_lone_images_only_when_their_file_is_repeated(spark: SparkSession) -> None:
    names = dict.fromkeys(("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64, "f" * 64, "g" * 64), 100)
    a, b, c, d, e, f, g = names
    clusters = [(a, a, True, 0), (b, a, True, 0), (c, a, False, 3), (f, f, True, 0), (g, f, False, 1)]
    found = spark.createDataFrame(clusters, sql_columns(RESULT))
    uses = image_uses(media(spark, {a: "12", b: "1", c: "1", d: "123", e: "1", f: "1", g: "12"}), articles(spark))
    rows = duplicate_rows(found, images(spark, **names), uses, SETTINGS)
    assert set(rows.columns) == set(DUPLICATES.column_names)
    assert collected(rows, "image_sha256", "cluster_id", "canonical_sha256", "kind", "hamming_distance", "num_media") == [
        (a, "a" * 16, a, "exact_bytes", 0, 2),
        (b, "a" * 16, a, "exact_pixels", 0, 1),
        (c, "a" * 16, a, "near", 3, 1),
        (d, "d" * 16, d, "exact_bytes", 0, 3),
        (f, "f" * 16, f, "self", 0, 1),
        (g, "f" * 16, f, "near", 1, 2),
    ]


def test_the_kernel_runs_over_ranked_images(spark: SparkSession) -> None:
    """Equal hashes of `images` make one cluster around the largest, but for the featureless one."""
    sized = images(spark, small=100, large=300, middle=200).unionByName(
        frame(spark, IMAGES, {"image_sha256": "flat", "pixels_sha256": "flat", "entropy_bits": 0.0}).drop("image")
    )
    named = sized.selectExpr("* EXCEPT (phash256_trimmed)", "unhex(repeat('0f', 32)) AS phash256_trimmed")
    uses = image_uses(media(spark, dict.fromkeys(("small", "large", "middle", "flat"), "1")), articles(spark))
    clusters = map_batches(ranked_images(named, uses, SETTINGS), FindClusters(6, 32), RESULT)
    assert collected(clusters, "image_sha256", "canonical_sha256") == [("large",) * 2, ("middle", "large"), ("small", "large")]
