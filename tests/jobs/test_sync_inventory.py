"""What the inventory makes of a listing."""

from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from conf.settings import Settings, UnusableSettings
from jobs.arrow_frames import sql_columns
from jobs.sync_inventory import inventory_changes, newest_lines, read_listing, refused_lines, source_manifest
from jobs.tables import CHANGE, INSERT, UPSERT
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from tests.jobs.rows import DAY_1, DAY_2, collected, frame
from udfs.inventory import Manifest, ManifestPart
from udfs.inventory_rows import INVENTORY_ROWS

pytestmark = pytest.mark.spark


def listing(spark: SparkSession, *lines: tuple[int | None, str, datetime]) -> DataFrame:
    """Lines of (PMCID number or None for a key that names no version, ETag, time)."""
    rows: list[tuple[Any, ...]] = []
    for number, etag, time in lines:
        if number is None:
            rows.append((f"metadata/{etag}", None, None, None, etag, time))
        else:
            rows.append((f"metadata/PMC{number}.1.json", f"PMC{number}.1", f"PMC{number}", 1, etag, time))
    return spark.createDataFrame(rows, sql_columns(INVENTORY_ROWS))


def test_only_what_differs_from_the_listing_is_changed(spark: SparkSession) -> None:
    listed = newest_lines(listing(spark, *((number, etag, DAY_2) for number, etag in ((1, "a"), (2, "b"), (3, "a"), (4, "a")))))
    states = {1: PRESENT, 2: PRESENT, 3: REMOVED, 5: PRESENT, 6: REMOVED}
    old = [{"accession": f"PMC{n}.1", "pmcid": f"PMC{n}", "etag": "a", "state": state} for n, state in states.items()]
    changes = inventory_changes(listed, frame(spark, INVENTORY, *old), DAY_2, None)
    assert set(changes.columns) == {*INVENTORY.column_names, CHANGE}
    days = {DAY_1.replace(tzinfo=None): 1, DAY_2.replace(tzinfo=None): 2}
    found = collected(changes, "accession", "etag", "state", "first_seen", "last_seen", CHANGE)
    assert [(name, etag, state, days[first], days[last], change) for name, etag, state, first, last, change in found] == [
        ("PMC2.1", "b", PRESENT, 1, 2, UPSERT),
        ("PMC3.1", "a", PRESENT, 1, 2, UPSERT),
        ("PMC4.1", "a", PRESENT, 2, 2, INSERT),
        ("PMC5.1", "a", REMOVED, 1, 1, UPSERT),
    ]


def test_a_version_that_went_was_last_seen_by_the_inventory_before(spark: SparkSession) -> None:
    here = [{"accession": f"PMC{n}.1", "pmcid": f"PMC{n}", "etag": "a", "state": PRESENT} for n in (1, 2, 3)]
    listed = newest_lines(listing(spark, (1, "a", DAY_1), (2, "b", DAY_1)))
    before = DAY_1 + (DAY_2 - DAY_1) / 2
    changes = inventory_changes(listed, frame(spark, INVENTORY, *here), DAY_2, before)
    assert collected(changes, "accession", "state", "last_seen") == [
        ("PMC2.1", PRESENT, DAY_2.replace(tzinfo=None)),
        ("PMC3.1", REMOVED, before.replace(tzinfo=None)),
    ]


def test_of_a_key_listed_twice_the_line_written_last_counts(spark: SparkSession) -> None:
    lines = newest_lines(listing(spark, (1, "new", DAY_2), (1, "old", DAY_1), (None, "readme.txt", DAY_2), (2, "a", DAY_1)))
    assert collected(lines, "accession", "etag") == [("PMC1.1", "new"), ("PMC2.1", "a")]


def test_keys_that_name_no_version_are_refused_once_each(spark: SparkSession) -> None:
    refused = refused_lines(listing(spark, (1, "a", DAY_1), (None, "readme.txt", DAY_1), (None, "readme.txt", DAY_2)))
    assert [(row["key"], row["reason"], row["fingerprint"]) for row in refused.collect()] == [
        ("metadata/readme.txt", "bad_key", "metadata/readme.txt")
    ]


@pytest.mark.parametrize(("requests_per_s", "num_tasks"), [(0, 7), (100, 2)])
def test_under_a_cap_no_more_parts_are_read_at_a_time_than_share_it(
    spark: SparkSession, requests_per_s: int, num_tasks: int
) -> None:
    parts = tuple(ManifestPart(f"data/{n}.csv.gz", 1, None) for n in range(7))
    manifest = Manifest("manifest.json", DAY_1, ("Key", "ETag", "LastModifiedDate"), parts, "0")
    settings = load_settings("local", [f"fetch.requests_per_s={requests_per_s}"])
    assert read_listing(spark, settings, manifest).rdd.getNumPartitions() == num_tasks


@pytest.fixture
def unreachable(closed_address: str) -> Settings:
    return load_settings("local", ["source.uri=s3://mirror", f"source.endpoint={closed_address}", "fetch.attempts=1"])


def test_a_source_that_does_not_answer_is_told_by_its_settings(
    spark: SparkSession, unreachable: Settings, closed_address: str
) -> None:
    told = f"^source.uri=s3://mirror source.endpoint={closed_address}: fetch_failed: .*; check the address and the network"
    with pytest.raises(UnusableSettings, match=told):
        source_manifest(unreachable)
    with pytest.raises(UnusableSettings, match=told):
        read_listing(spark, unreachable, None)
