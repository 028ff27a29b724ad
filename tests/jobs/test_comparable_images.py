"""Which images have hashes that the settings' own can be compared with."""

import pytest
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs.comparable_images import comparable_images, hash_version, incomparable_images
from jobs.entry import job_module
from schemas.images import IMAGES
from tests.jobs.rows import collected, frame
from udfs.phash import HASH_VERSION

WHOLE, SHRUNK = (load_settings("local", [f"images.shrink_on_load={value}"]) for value in ("false", "true"))


@pytest.mark.spark
def test_hashes_of_shrunk_and_of_whole_images_are_not_compared(spark: SparkSession) -> None:
    versions = {"whole": HASH_VERSION, "shrunk": hash_version(SHRUNK), "old": "phash-0"}
    images = frame(spark, IMAGES, *({"image_sha256": name, "hash_version": value} for name, value in versions.items()))
    for settings, own, others in ((WHOLE, "whole", ["old", "shrunk"]), (SHRUNK, "shrunk", ["old", "whole"])):
        assert collected(comparable_images(images, settings), "image_sha256") == [(own,)]
        assert collected(incomparable_images(images, settings)) == [(name,) for name in others]


@pytest.mark.parametrize("stage", ["fetch_images", "find_duplicates", "find_eval_overlap", "export_shards"])
def test_every_stage_that_reads_hashes_runs_again_for_others(stage: str) -> None:
    assert job_module(stage).mark(WHOLE) != job_module(stage).mark(SHRUNK)
