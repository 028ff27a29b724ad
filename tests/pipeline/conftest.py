"""Archives built once by the pipeline and shared by every test, and every process of tests, that only looks."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
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
SMALL_ARTICLES = 12


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
    """The archive of a bucket below `out`, brought up to date if it is there."""
    settings = load_settings("local", overrides(bucket, out))
    return Archive(bucket, out, settings, run_pipeline(spark, settings, Console(quiet=True)))


def built_once(name: str, tmp_path_factory: pytest.TempPathFactory, make: Callable[[Path], Archive]) -> Archive:
    """The archive that the first process to ask makes in an empty folder; others wait for it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "archive.pickle"
        if not kept.exists():
            shutil.rmtree(folder / "made", ignore_errors=True)
            written = folder / "written"
            written.write_bytes(pickle.dumps(make(folder / "made")))
            written.rename(kept)
        archive: Archive = pickle.loads(kept.read_bytes())
    return archive


def of_sample(spark: SparkSession, num_articles: int, folder: Path) -> Archive:
    """The archive of a drawn bucket with its ground truth, built from nothing in one undisturbed run."""
    write_sample(folder / "bucket", num_articles, seed=0, max_articles_per_image=MAX_ARTICLES_PER_IMAGE)
    return build(spark, folder / "bucket", folder)


@pytest.fixture(scope="session")
def sample_archive(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive of the sample bucket."""
    return built_once("sample_archive", tmp_path_factory, lambda folder: of_sample(spark, SAMPLE_ARTICLES, folder))


@pytest.fixture(scope="session")
def small_archive(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive of a few articles."""
    return built_once("small_archive", tmp_path_factory, lambda folder: of_sample(spark, SMALL_ARTICLES, folder))


@pytest.fixture(scope="session")
def mirror_archive(spark: SparkSession, shared_data: Path, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive of the real articles."""

    def make(folder: Path) -> Archive:
        shutil.copytree(empty_lake, folder / "lake")
        return build(spark, shared_data / "pmc-mirror", folder)

    return built_once("mirror_archive", tmp_path_factory, make)
