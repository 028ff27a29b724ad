"""The benchmark of extraction puts every article through the stage and through the extractor."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.bench.jats_spark import extract_all, numbered, stage_rate, unwritten_rate
from jobs.bench.real_articles import written_articles
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.figures import FIGURES


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "articles"
    folder.mkdir()
    return written_articles(folder, None)[:4]


def test_files_come_again_under_other_accessions(paths: list[Path]) -> None:
    documents = numbered(paths, 10)
    assert len({name for name, _ in documents}) == 10
    assert [path for _, path in documents] == [*paths, *paths, *paths[:2]]


@pytest.mark.spark
def test_the_stage_finds_what_the_extractor_alone_finds(spark: SparkSession, lake: Lake, paths: list[Path]) -> None:
    documents = numbered(paths, 6)
    assert stage_rate(spark, Path(lake.settings.uri), [], documents) > 0
    assert lake.read(ARTICLES).count() == len(documents)
    assert lake.read(FIGURES).count() == extract_all(documents) > 0
    assert unwritten_rate(spark, Path(lake.settings.uri), [], len(documents)) > 0
