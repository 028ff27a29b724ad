"""Images in too many articles: by their cluster, or by what chains of near images connect."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from conf.settings import DuplicateSettings
from jobs.boilerplate import boilerplate_and_components, common_images
from jobs.tables import Lake
from schemas.duplicates import DUPLICATES
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.jobs.rows import collected, frame
from udfs.phash import HASH_VERSION

pytestmark = pytest.mark.spark
SAME = {"phash256_trimmed": bytes(32), "entropy_bits": 5.0, "hash_version": HASH_VERSION}


def medium(accession: str, name: str, image: str) -> dict[str, str]:
    return {"accession": accession, "media_name": name, "image_sha256": image}


def test_an_image_in_too_many_articles_is_boilerplate_with_all_its_group(spark: SparkSession) -> None:
    media = [medium(f"PMC{n}.1", "logo.gif", "logo") for n in (1, 2)]
    media += [medium("PMC3.1", "copy.gif", "logo copy"), medium("PMC4.1", "f.jpg", "figure")]
    media += [medium(f"PMC5.{version}", f"{copy}.jpg", "reused") for version in (1, 2) for copy in "ab"]
    groups = spark.createDataFrame([("logo", "logos"), ("logo copy", "logos")], "image_sha256 string, group string")
    found = frame(spark, MEDIA, *media)
    assert collected(common_images(found, groups, 2)) == [("logo copy",), ("logo",)]
    assert common_images(found, groups, 3).isEmpty()


@pytest.mark.parametrize(("max_articles", "boilerplate"), [(6, []), (5, ["0", "1", "2"])])
def test_many_small_clusters_of_one_chain_are_boilerplate_together(lake: Lake, max_articles: int, boilerplate: list[str]) -> None:
    """Three clusters in two articles each, that chains connect, and a figure and its copy in four."""
    names = ["0", "1", "2", "figure", "figure copy"]
    media = [medium(f"PMC{name}{article}.1", "a.jpg", name) for name in names for article in (1, 2)]
    clusters = {name: name.removesuffix(" copy") for name in names}
    components = {name: "chain" if name.isdigit() else "figure" for name in names}
    rows = [{"image_sha256": name, "cluster_id": clusters[name], "component_id": components[name]} for name in names]
    frames = frame(lake.spark, MEDIA, *media), frame(lake.spark, DUPLICATES, *rows), frame(lake.spark, IMAGES)
    settings = DuplicateSettings(max_articles_per_image=4, max_articles_per_component=max_articles)
    found, near = boilerplate_and_components(lake, *frames, settings, "test")
    assert collected(found) == [(name, "boilerplate_chain") for name in boilerplate]
    kept = {name: components[name] for name in names if name not in boilerplate}
    assert dict(collected(near, "image_sha256", "near_component")) == kept


def test_what_only_boilerplate_connects_is_not_counted_together(lake: Lake) -> None:
    """Two figures in three articles each are near a logo in six, and not near each other. The logo counts once."""
    articles, hashes = {"left": 3, "logo": 6, "right": 3}, {"left": 0, "logo": 0x3F, "right": 0xFFF}
    media = [medium(f"PMC{name}{number}.1", "a.jpg", name) for name in articles for number in range(articles[name])]
    rows = [{"image_sha256": n, "cluster_id": n, "component_id": "all", "hash_version": HASH_VERSION} for n in articles]
    images = [{"image_sha256": n, "pixels_sha256": n, "phash_trimmed": hashes[n]} | SAME for n in articles]
    frames = frame(lake.spark, MEDIA, *media), frame(lake.spark, DUPLICATES, *rows), frame(lake.spark, IMAGES, *images)
    settings = DuplicateSettings(max_articles_per_image=4, max_articles_per_component=5)
    found, near = boilerplate_and_components(lake, *frames, settings, "test")
    assert collected(found) == [("logo", "boilerplate")]
    assert dict(collected(near, "image_sha256", "near_component")) == {"left": "left", "right": "right"}
