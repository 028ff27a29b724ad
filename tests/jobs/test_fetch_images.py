"""Which media are fetched and which images are kept of them."""

import json
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from jobs import fetch_images
from jobs.arrow_frames import sql_columns
from jobs.entry import job_module
from jobs.fetch_images import begin, distinct_images, drop_orphans, media_to_fetch, named_media, write_images
from jobs.stage import stage_inputs
from jobs.tables import Lake
from schemas.documents import DOCUMENTS
from schemas.figures import FIGURES
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.jobs.rows import collected, frame, row
from udfs import image_options
from udfs.batches.media_images import RESULT

pytestmark = pytest.mark.spark


def figure(name: str, *media: str, kind: str = "figure", accession: str = "PMC1.1") -> dict[str, Any]:
    return {"accession": accession, "figure_id": name, "kind": kind, "media_names": list(media)}


def document(accession: str, *uris: str | None) -> dict[str, Any]:
    metadata = json.dumps({"title": "T", "media_urls": list(uris)})
    return {"accession": accession, "etag": f"mark of {accession}", "metadata": metadata}


def test_only_media_that_figures_to_be_paired_name_are_wanted(spark: SparkSession) -> None:
    figures = frame(
        spark,
        FIGURES,
        figure("f1", "a.jpg", "a.gif"),
        figure("f2", "a.jpg"),
        figure("f3", "missing.jpg"),
        figure("e1", "inline.gif", kind="inline"),
        figure("f1", "a.jpg", accession="PMC2.1"),
    )
    uris = ("a.jpg?md5=AB12", "a.gif?md5=cd", "inline.gif?md5=ee", "movie.mp4?md5=ff", "b.jpg")
    listed = [document("PMC1.1", *(f"s3://bucket/PMC1.1/{uri}" for uri in uris)), document("PMC2.1", "s3://bucket/PMC2.1/a.jpg")]
    named = named_media(figures, frame(spark, DOCUMENTS, *listed, document("PMC3.1")), "bucket")
    assert collected(named, "accession", "media_name", "uri", "etag", "fingerprint") == [
        ("PMC1.1", "a.gif", "s3://bucket/PMC1.1/a.gif?md5=cd", None, "cd"),
        ("PMC1.1", "a.jpg", "s3://bucket/PMC1.1/a.jpg?md5=AB12", None, "ab12"),
        ("PMC2.1", "a.jpg", "s3://bucket/PMC2.1/a.jpg", "mark of PMC2.1", "mark of PMC2.1"),
    ]


def test_metadata_without_media_names_none(spark: SparkSession) -> None:
    documents = frame(spark, DOCUMENTS, {"accession": "PMC1.1", "metadata": '{"media_urls": null}'}, {"metadata": "{}"})
    assert named_media(frame(spark, FIGURES, figure("f1", "a.jpg")), documents, "bucket").isEmpty()


def test_of_several_uris_the_one_of_the_version_itself_counts(spark: SparkSession) -> None:
    places = ("s3://other/PMC1.1/a#1.jpg", "s3://bucket/PMC1.1/a#1.jpg", "s3://bucket/PMC2.1/a#1.jpg", "s3://z/PMC1.1/a#1.jpg")
    named = named_media(
        frame(spark, FIGURES, figure("f1", "a#1.jpg")), frame(spark, DOCUMENTS, document("PMC1.1", *places)), "bucket"
    )
    assert collected(named, "uri") == [("s3://bucket/PMC1.1/a#1.jpg",)]


def test_objects_are_fetched_again_for_another_digest_or_other_image_settings(spark: SparkSession) -> None:
    here = ("here", "no digest", "no digest before", "replaced", "other settings")
    names = (*here, "refused", "refused under other settings", "new")
    marks = [("PMC1.1", name, f"uri of {name}", "2") for name in names]
    named = spark.createDataFrame(marks, "accession string, media_name string, uri string, fingerprint string")
    stored = {
        "here": {"md5_listed": "2"},
        "no digest": {"etag": "2"},
        "no digest before": {"etag": "1"},
        "replaced": {"md5_listed": "1"},
        "other settings": {"md5_listed": "2", "options_hash": "before"},
    }
    about = {"accession": "PMC1.1", "options_hash": "now"}
    media = frame(spark, MEDIA, *(about | {"media_name": name} | values for name, values in stored.items()))
    rejected = [("PMC1.1/refused", "2 now"), ("PMC1.1/refused under other settings", "2 before")]
    refused = spark.createDataFrame(rejected, "key string, fingerprint string")
    work = media_to_fetch(named, media, refused, "now")
    due = ["new", "no digest before", "other settings", "refused under other settings", "replaced"]
    assert [name for (name,) in collected(work, "media_name")] == due
    assert {row["options_hash"] for row in work.collect()} == {"now"}
    assert media_to_fetch(named, media, None, "now").count() == len(due) + 1


def test_another_definition_of_the_hashes_fetches_every_image_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    spark, settings = lake.spark, load_settings("local", [f"lake.uri={lake.settings.uri}"])
    named = spark.createDataFrame(
        [("PMC1.1", "a.jpg", "uri", "1")], "accession string, media_name string, uri string, fingerprint string"
    )
    here = {"accession": "PMC1.1", "media_name": "a.jpg", "md5_listed": "1", "options_hash": fetch_images.options_hash(settings)}
    media = frame(spark, MEDIA, here)
    inputs = stage_inputs(lake, settings, job_module("fetch_images"))
    assert media_to_fetch(named, media, None, fetch_images.options_hash(settings)).isEmpty()
    monkeypatch.setattr(image_options, "HASH_VERSION", "another")
    assert media_to_fetch(named, media, None, fetch_images.options_hash(settings)).count() == 1
    assert stage_inputs(lake, settings, job_module("fetch_images")) != inputs


def test_a_medium_goes_when_no_figure_names_it_as_it_is(lake: Lake) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])
    here = ("here", "replaced", "no digest", "no digest before")
    marks = [("PMC1.1", name, "u", "2") for name in here]
    named = lake.spark.createDataFrame(marks, "accession string, media_name string, uri string, fingerprint string")
    stored = {"here": ("2", None), "replaced": ("1", None), "no digest": (None, "2"), "no digest before": (None, "1")}
    stored["not named"] = ("2", None)
    about = {"accession": "PMC1.1", "image_sha256": "i"}
    rows = [about | {"media_name": name, "md5_listed": md5, "etag": etag} for name, (md5, etag) in stored.items()]
    lake.append(MEDIA, frame(lake.spark, MEDIA, *rows))
    drop_orphans(lake, settings, named)
    assert collected(lake.read(MEDIA), "media_name") == [("here",), ("no digest",)]


def fetched(spark: SparkSession, *contents: tuple[str, str | None]) -> DataFrame:
    """Fetched media (media_name, image_sha256); None: refused."""
    rows: list[dict[str, Any]] = []
    for name, sha256 in contents:
        place = {"accession": "PMC1.1", "media_name": name}
        if sha256 is None:
            rows.append(place | {"reason": "not_an_image", "detail": "text"})
        else:
            image = row(IMAGES, image_sha256=sha256, image=name.encode())
            rows.append(place | {"image_sha256": sha256, "image_row": image})
    table = pa.Table.from_batches([pa.RecordBatch.from_pylist(rows, schema=RESULT)])
    return spark.createDataFrame(table, sql_columns(RESULT))


def test_one_image_is_kept_of_equal_contents(spark: SparkSession) -> None:
    images = distinct_images(fetched(spark, ("c.jpg", "1"), ("a.jpg", "1"), ("b.jpg", "2"), ("d.jpg", None), ("e.jpg", "1")))
    assert images.columns == IMAGES.column_names
    assert collected(images, "image_sha256", "image") == [("1", b"a.jpg"), ("2", b"b.jpg")]


@pytest.mark.parametrize("old_medium", [None, "another image's", "its own"])
def test_no_image_of_other_settings_stays_for_a_medium_that_is_fetched_now(lake: Lake, old_medium: str | None) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])
    stale = frame(lake.spark, IMAGES, {"image_sha256": "1", "image": b"of before"})
    lake.append(IMAGES, stale)
    if old_medium is not None:
        digest = "1" if old_medium == "its own" else "2"
        about = {"accession": "PMC1.1", "media_name": "old.jpg", "image_sha256": digest, "options_hash": "before"}
        lake.append(MEDIA, frame(lake.spark, MEDIA, about))
    has_old = begin(lake, settings)
    if old_medium == "its own":  # an earlier wave may bring that medium another image
        lake.spark.sql(f"UPDATE {lake.identifier(MEDIA)} SET options_hash = '{fetch_images.options_hash(settings)}'")
    write_images(lake, settings, fetched(lake.spark, ("new.jpg", "1")), has_old)
    assert collected(lake.read(IMAGES), "image_sha256", "image") == [("1", b"new.jpg")]


def test_images_of_these_settings_are_not_written_again(lake: Lake) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])
    lake.append(IMAGES, frame(lake.spark, IMAGES, {"image_sha256": "1", "image": b"here"}))
    about = {"accession": "PMC1.1", "media_name": "a.jpg", "image_sha256": "1"}
    lake.append(MEDIA, frame(lake.spark, MEDIA, about | {"options_hash": fetch_images.options_hash(settings)}))
    write_images(lake, settings, fetched(lake.spark, ("b.jpg", "1")), begin(lake, settings))
    assert collected(lake.read(IMAGES), "image_sha256", "image") == [("1", b"here")]
