"""A second run changes nothing."""

from __future__ import annotations

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from schemas.catalog import TABLES
from tests.pipeline.conftest import Archive, build


def test_a_second_run_skips_every_stage_and_changes_no_table(spark: SparkSession, sample_archive: Archive) -> None:
    before = {table.name: DeltaTable(str(sample_archive.lake / table.name)).version() for table in TABLES}
    again = build(spark, sample_archive.bucket, sample_archive.out)
    assert [result.stage for result in again.results if result.counts is not None] == []
    assert {table.name: DeltaTable(str(sample_archive.lake / table.name)).version() for table in TABLES} == before
