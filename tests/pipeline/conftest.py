"""One archive of the sample bucket, built once by the pipeline in this process and shared by every test that only looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from conf.load import load_settings
from conf.settings import Settings
from jobs.pipeline import run_pipeline
from jobs.sample import write_sample
from jobs.stage import StageResult
from tests.pipeline.lakes import MAX_ARTICLES_PER_IMAGE, overrides

SAMPLE_ARTICLES = 40


@dataclass(frozen=True)
class Archive:
    """A bucket, the archive built from it, and how its stages ended."""

    bucket: Path
    out: Path
    settings: Settings
    results: list[StageResult]

    @property
    def lake(self) -> Path:
        """Folder of the tables."""
        return self.out / "lake"

    @property
    def shards(self) -> Path:
        """Folder of the default export."""
        return self.out / "shards" / "default"


def build(spark: SparkSession, bucket: Path, out: Path) -> Archive:
    """The archive of a bucket below `out`."""
    settings = load_settings("local", overrides(bucket, out))
    return Archive(bucket, out, settings, run_pipeline(spark, settings, Console(quiet=True)))


@pytest.fixture(scope="session")
def sample_bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn bucket with its ground truth."""
    folder = tmp_path_factory.mktemp("bucket")
    write_sample(folder, SAMPLE_ARTICLES, seed=0, max_articles_per_image=MAX_ARTICLES_PER_IMAGE)
    return folder


@pytest.fixture(scope="session")
def sample_archive(spark: SparkSession, sample_bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """The archive of the sample bucket, built in one undisturbed run."""
    return build(spark, sample_bucket, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def mirror_archive(spark: SparkSession, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """The archive of the real articles."""
    return build(spark, shared_data / "pmc-mirror", tmp_path_factory.mktemp("mirror"))
