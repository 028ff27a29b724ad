"""What the inventory makes of a listing."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from conf.settings import Settings, UnusableSettings
from jobs import sync_inventory
from jobs.arrow_frames import sql_columns
from jobs.sample.bucket import BUCKET, InventoryRow, inventory_objects
from jobs.stage import Counts, RunContext, run_stage
from jobs.sync_inventory import STAGE, inventory_changes, newest_lines, read_listing, refused_lines, run, source_manifest
from jobs.tables import CHANGE, INSERT, UPSERT, Lake
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.rejects import REJECTS
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


@dataclass(frozen=True)
class Inventories:
    """Inventories of a folder, followed into an archive."""

    lake: Lake
    root: Path

    def write(self, day: int, *accessions: str, files: Callable[[dict[str, bytes]], dict[str, bytes]] = dict) -> list[str]:
        """A day's inventory as `files` make it of the right one; keys of its parts."""
        listed = [InventoryRow(f"metadata/{accession}.json", f"e{day}", day) for accession in accessions]
        objects = inventory_objects(day, listed)
        for key, data in files(objects).items():
            (self.root / key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / key).write_bytes(data)
        return [key for key in objects if key.endswith(".csv.gz")]

    def follow(self, *overrides: str) -> Counts:
        """Run the stage."""
        options = [f"source.uri={self.root}", f"lake.uri={self.lake.settings.uri}", *overrides]
        return run(self.lake.spark, load_settings("local", options), RunContext.new())

    def present(self) -> list[tuple[Any, ...]]:
        """Accession and change mark of what the archive has."""
        return collected(self.lake.read(INVENTORY).where(f"state = '{PRESENT}'"), "accession", "etag")


@pytest.fixture
def inventories(lake: Lake, tmp_path: Path) -> Inventories:
    (tmp_path / "bucket").mkdir()
    return Inventories(lake, tmp_path / "bucket")


def damaged(objects: dict[str, bytes]) -> dict[str, bytes]:
    """The inventory with parts whose size is right and whose bytes are not."""
    return {key: bytes(len(data)) if key.endswith(".csv.gz") else data for key, data in objects.items()}


def without_digests(objects: dict[str, bytes]) -> dict[str, bytes]:
    """The inventory with damaged parts, as a source that states no digests of them would have it."""
    changed = damaged(objects)
    for key in [key for key in objects if key.endswith("manifest.checksum")]:
        place = key.removesuffix("checksum") + "json"
        values = json.loads(objects[place])
        values["files"] = [{name: file[name] for name in ("key", "size")} for file in values["files"]]
        changed[place] = json.dumps(values).encode()
        changed[key] = hashlib.md5(changed[place]).hexdigest().encode()
    return changed


@pytest.mark.parametrize(("files", "reason"), [(damaged, "checksum_mismatch"), (without_digests, "damaged")])
def test_an_inventory_with_a_corrupt_file_is_told_by_the_name_of_the_file_and_changes_nothing(
    inventories: Inventories, files: Callable[[dict[str, bytes]], dict[str, bytes]], reason: str
) -> None:
    inventories.write(1, "PMC1.1", "PMC2.1")
    inventories.follow()
    part, *_ = inventories.write(2, "PMC1.1", "PMC2.1", "PMC3.1", files=files)
    told = rf"^source\.uri: 1 of the 1 files of the inventory .*manifest\.json cannot be .*{reason}: {part}.*wait for the next"
    with pytest.raises(UnusableSettings, match=told):
        inventories.follow()
    assert inventories.present() == [("PMC1.1", "e1"), ("PMC2.1", "e1")]


def test_an_incomplete_inventory_is_passed_over_and_told(inventories: Inventories, caplog: pytest.LogCaptureFixture) -> None:
    inventories.write(1, "PMC1.1")
    (part,) = inventories.write(2, "PMC1.1", "PMC2.1")
    (inventories.root / part).unlink()
    for is_new in (True, False):
        caplog.clear()
        options = [f"source.uri={inventories.root}", f"lake.uri={inventories.lake.settings.uri}"]
        result = run_stage(inventories.lake.spark, load_settings("local", options), RunContext.new(), sync_inventory, STAGE)
        assert (result.counts is not None) == is_new
        assert any(f"(lacks {part})" in line and "passed over the incomplete inventory" in line for line in caplog.messages)
    assert inventories.present() == [("PMC1.1", "e1")]


def of_bucket(name: str, first: int) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """The inventory as if its lines from the first one on were of another bucket."""

    def files(objects: dict[str, bytes]) -> dict[str, bytes]:
        changed = without_digests(objects)
        for key in [key for key in objects if key.endswith(".csv.gz")]:
            lines = gzip.decompress(objects[key]).decode().splitlines(keepends=True)
            moved = [line.replace(f'"{BUCKET}"', f'"{name}"') for line in lines[first:]]
            changed[key] = gzip.compress("".join([*lines[:first], *moved]).encode())
            place = next(place for place in changed if place.endswith("T01-00Z/manifest.json"))
            changed[place] = re.sub(rb'"size": \d+', b'"size": %d' % len(changed[key]), changed[place])
            digest = hashlib.md5(changed[place]).hexdigest().encode()
            changed[place.removesuffix("json") + "checksum"] = digest
        return changed

    return files


def test_lines_of_another_bucket_are_counted_as_refused(inventories: Inventories) -> None:
    inventories.write(1, "PMC1.1", "PMC2.1", "PMC3.1", files=of_bucket("another", 1))
    counts = inventories.follow()
    assert (counts.num_in, counts.num_ok, counts.num_rejected, counts.reconciled) == (3, 1, 2, True)
    assert inventories.present() == [("PMC1.1", "e1")]
    rejects = collected(inventories.lake.read(REJECTS), "key", "reason", "detail")
    assert rejects == [
        (f"s3://another/metadata/PMC{number}.1.json", "bad_key", "listed for another bucket than source.bucket")
        for number in (2, 3)
    ]


def test_an_inventory_of_another_bucket_alone_is_refused(inventories: Inventories) -> None:
    inventories.write(1, "PMC1.1", "PMC2.1", files=of_bucket("another", 0))
    with pytest.raises(UnusableSettings, match=rf"lists no article version of {BUCKET}; check .* source\.bucket"):
        inventories.follow()


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
