"""Others' libraries read what the pipeline writes."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
import webdataset
from PIL import Image
from pyspark.sql import SparkSession

from jobs.tables import Lake
from schemas.catalog import TABLES
from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import rows


def test_delta_rs_sees_the_same_rows_as_spark(spark: SparkSession, sample_archive: Archive) -> None:
    lake = Lake(spark, sample_archive.settings.lake)
    for table in TABLES:
        mine = sorted(tuple(str(row[key]) for key in table.key) for row in lake.read(table).select(*table.key).collect())
        theirs = [tuple(str(row[key]) for key in table.key) for row in rows(sample_archive.lake, table.name)]
        assert sorted(theirs) == mine, table.name
    collected = {
        row["image_sha256"]: bytes(row["image"])
        for row in lake.spark.sql(f"SELECT * FROM delta.`{sample_archive.lake}/images`").collect()
    }
    assert collected == {row["image_sha256"]: row["image"] for row in rows(sample_archive.lake, "images")}


# webdataset leaves closing the tar files to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_every_sample_of_the_shards(sample_archive: Archive) -> None:
    manifest = json.loads((sample_archive.shards / "manifest.json").read_text())
    urls = [str(sample_archive.shards / shard["shard"]) for shard in manifest["shards"]]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))
    pairs = {row["pair_id"]: row for row in rows(sample_archive.lake, "pairs")}
    images = {row["image_sha256"]: row["image"] for row in rows(sample_archive.lake, "images")}
    assert len(samples) == sum(manifest["num_samples"].values()) > 50
    for sample in samples:
        pair, about = pairs[sample["__key__"]], json.loads(sample["json"])
        assert sample["txt"].decode() == pair["caption"]
        assert sample["jpg"] == images[pair["image_sha256"]]
        assert Image.open(io.BytesIO(sample["jpg"])).mode in {"RGB", "L"}
        assert {name: about[name] for name in ("accession", "license_code", "citation", "doi")} == {
            name: pair[name] for name in ("accession", "license_code", "citation", "doi")
        }


def test_the_manifest_names_every_shard_with_its_digest(sample_archive: Archive) -> None:
    manifest = json.loads((sample_archive.shards / "manifest.json").read_text())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sample_archive.shards.glob("*.tar")}
    assert {shard["shard"]: shard["sha256"] for shard in manifest["shards"]} == files
    assert {row["shard"]: row["sha256"] for row in rows(sample_archive.lake, "shards")} == files


@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
def test_an_export_holds_only_licences_of_its_recipe_and_no_duplicate(sample_archive: Archive) -> None:
    pairs = {row["pair_id"]: row for row in rows(sample_archive.lake, "pairs")}
    urls = [str(path) for path in sorted(sample_archive.shards.glob("*.tar"))]
    exported = [pairs[sample["__key__"]] for sample in webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)]
    assert {pair["license_group"] for pair in exported} <= {"commercial", "noncommercial"}
    clusters = [pair["cluster_id"] for pair in exported if pair["cluster_id"]]
    assert len(clusters) == len(set(clusters))
