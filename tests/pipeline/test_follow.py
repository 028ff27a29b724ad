"""What becomes of pairs when an article version goes, breaks or loses its media, and what a broken listing does: nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import LakeSettings, UnusableSettings
from jobs import fetch_articles
from jobs.entry import STAGES, job_module
from jobs.orphans import count_orphans
from jobs.sample.bucket import InventoryRow, inventory_objects
from jobs.stage import Counts, RunContext, StageResult, run_stage
from jobs.tables import Lake
from tests.pipeline.lakes import overrides, rows
from tests.pipeline.test_faults import png_of, xml_of
from tests.udfs.bucket_server import metadata_json

FOLLOWING = [stage for stage in STAGES if stage != "export_shards"]
STAYS, OLD, NEW, BROKEN, BARE, WITHOUT_MEDIA = "PMC1.1", "PMC2.1", "PMC2.2", "PMC3.1", "PMC4.1", "PMC5.1"
ALL = (STAYS, OLD, NEW, BROKEN, BARE, WITHOUT_MEDIA)


@dataclass
class Mirror:
    """A mirror in a folder, its inventory of each day, and the archive that follows it."""

    spark: SparkSession
    out: Path
    days: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)

    def put(self, accession: str, **fields: Any) -> None:
        """Write an article version; `fields` replace metadata."""
        xml, media = xml_of(accession), {"f1.png": png_of(accession)}
        objects = {f"{accession}/{accession}.xml": xml, f"{accession}/f1.png": media["f1.png"]}
        self.write(objects | {f"metadata/{accession}.json": metadata_json(accession, xml, media, **fields)})

    def write(self, objects: dict[str, bytes]) -> None:
        for key, data in objects.items():
            path = self.out / "mirror" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def list(self, day: int, *accessions: str) -> None:
        """Write a day's inventory."""
        keys = [f"metadata/{accession}.json" for accession in accessions]
        digests = [hashlib.md5((self.out / "mirror" / key).read_bytes()).hexdigest() for key in keys]
        self.write(inventory_objects(day, [InventoryRow(*line, day) for line in zip(keys, digests, strict=True)]))

    def run(self, *stages: str, **changes: object) -> list[StageResult]:
        """Run stages with settings whose dots are written as `__`."""
        changed = [f"{name.replace('__', '.')}={value}" for name, value in changes.items()]
        settings = load_settings("local", [*overrides(self.out / "mirror", self.out), *changed])
        context = RunContext.new()
        return [run_stage(self.spark, settings, context, job_module(stage), stage) for stage in stages]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The tables that tell what became of the articles."""
        return {name: rows(self.out / "lake", name) for name in ("documents", "media", "pairs", "tombstones", "rejects")}


@pytest.fixture(scope="module")
def mirror(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Two days: on the second a newer version is gone, one's metadata is no JSON, one has no XML, one no media."""
    here = Mirror(spark, tmp_path_factory.mktemp("follow"))
    for accession in ALL:
        here.put(accession)
    here.list(1, *ALL)
    here.run(*FOLLOWING)
    here.days.append(here.tables())
    here.write({f"metadata/{BROKEN}.json": b'{"pmcid": "PMC3", "title": "\\ud83d"'})
    here.put(BARE, xml_url=None)
    here.put(WITHOUT_MEDIA, media_urls=None)
    here.list(2, *(name for name in ALL if name != NEW))
    here.run(*FOLLOWING, source__max_removed_fraction=0.5)
    here.days.append(here.tables())
    return here


def accessions(table: list[dict[str, Any]]) -> set[str]:
    return {row["accession"] for row in table}


def test_of_two_versions_the_older_one_comes_back_when_the_newer_one_goes(mirror: Mirror) -> None:
    first, second = mirror.days
    assert accessions(first["pairs"]) == {*ALL} - {OLD}
    assert accessions(second["pairs"]) == {STAYS, OLD}
    assert accessions(first["documents"]) == {*ALL}
    assert accessions(second["documents"]) == {STAYS, OLD, WITHOUT_MEDIA}


def test_what_went_has_a_tombstone_with_its_own_reason(mirror: Mirror) -> None:
    assert mirror.days[0]["tombstones"] == []
    told = {row["accession"]: row["reason"] for row in mirror.days[1]["tombstones"]}
    assert told == {NEW: "removed", BROKEN: "refused", BARE: "refused", WITHOUT_MEDIA: "changed"}


def test_what_broke_is_a_reject_that_says_why(mirror: Mirror) -> None:
    assert mirror.days[0]["rejects"] == []
    refused = {row["key"].partition("/")[0]: row["reason"] for row in mirror.days[1]["rejects"]}
    assert refused == {BROKEN: "metadata_invalid", BARE: "xml_missing", WITHOUT_MEDIA: "no_media"}
    assert accessions(mirror.days[1]["media"]) == {STAYS, OLD}


def test_nothing_is_without_its_parent(mirror: Mirror) -> None:
    orphans = count_orphans(Lake(mirror.spark, LakeSettings(uri=str(mirror.out / "lake"))))
    assert set(orphans.values()) == {0}


def test_a_listing_without_most_of_the_bucket_is_refused_and_changes_nothing(mirror: Mirror) -> None:
    before = rows(mirror.out / "lake", "inventory")
    mirror.list(3)
    with pytest.raises(UnusableSettings, match="lacks 5 of the 5 article versions"):
        mirror.run("sync_inventory")
    mirror.list(3, STAYS, OLD)
    with pytest.raises(UnusableSettings, match=r"lacks 3 of the 5 .*source\.max_removed_fraction=0\.5"):
        mirror.run("sync_inventory", source__max_removed_fraction=0.5)
    assert rows(mirror.out / "lake", "inventory") == before


def test_a_source_that_lists_nothing_is_refused_at_once(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    with pytest.raises(UnusableSettings, match="lists no article version"):
        Mirror(spark, tmp_path).run("sync_inventory")


def test_what_is_here_is_followed_whatever_else_is_selected(spark: SparkSession, tmp_path: Path) -> None:
    here, ids = Mirror(spark, tmp_path), tmp_path / "ids.txt"
    for accession in (STAYS, BROKEN, BARE):
        here.put(accession)
    here.list(1, STAYS, BROKEN, BARE)
    ids.write_text(f"{STAYS}\n")
    here.run("sync_inventory", "fetch_articles", source__ids=ids)
    here.put(STAYS, is_retracted=True)
    here.list(2, STAYS, BROKEN, BARE)
    ids.write_text(f"{BARE}\n")
    here.run("sync_inventory", "fetch_articles", source__ids=ids)
    kept = {row["accession"]: row["is_retracted"] for row in here.tables()["documents"]}
    assert kept == {STAYS: True, BARE: False}


def test_a_failed_request_is_made_again_by_the_next_run_though_nothing_changed(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Mirror(spark, tmp_path)
    here.put(STAYS)
    here.put(BARE, xml_url=None)
    here.list(1, STAYS, BARE)
    with monkeypatch.context() as patched:
        patched.setattr(fetch_articles, "DocumentFetch", FailingFetch)
        here.run("sync_inventory", "fetch_articles")
    assert {row["reason"] for row in here.tables()["rejects"]} == {"fetch_failed"}
    (again,) = here.run("fetch_articles")
    assert again.counts == Counts(2, 1, 1)
    assert {row["key"]: row["reason"] for row in here.tables()["rejects"]} == {BARE: "xml_missing"}
    assert here.run("fetch_articles")[0].counts is None


def test_a_failed_request_that_nobody_wants_any_more_is_forgotten(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, ids = Mirror(spark, tmp_path), tmp_path / "ids.txt"
    for accession in (STAYS, BARE):
        here.put(accession)
    here.list(1, STAYS, BARE)
    ids.write_text(f"{STAYS}\n")
    with monkeypatch.context() as patched:
        patched.setattr(fetch_articles, "DocumentFetch", FailingFetch)
        here.run("sync_inventory", "fetch_articles", source__ids=ids)
        assert {row["key"]: row["reason"] for row in here.tables()["rejects"]} == {STAYS: "fetch_failed"}
        ids.write_text(f"{BARE}\n")
        here.run("fetch_articles", source__ids=ids)
        assert {row["key"]: row["reason"] for row in here.tables()["rejects"]} == {BARE: "fetch_failed"}
    here.run("fetch_articles", source__ids=ids)
    assert here.tables()["rejects"] == []
    assert here.run("fetch_articles", source__ids=ids)[0].counts is None
    ids.write_text(f"{STAYS}\n")
    assert here.run("fetch_articles", source__ids=ids)[0].counts == Counts(1, 1, 0)


class FailingFetch(fetch_articles.DocumentFetch):
    """A network that is down."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every request fails."""
        for batch in batches:
            failed = [{**row, "reason": "fetch_failed", "detail": "down"} for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(failed, schema=fetch_articles.RESULT)


def test_a_retraction_counts_though_the_xml_of_its_version_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    here, xml = Mirror(spark, tmp_path), f"{NEW}/{NEW}.xml"
    for accession in (STAYS, OLD):
        here.put(accession)
    here.list(1, STAYS, OLD)
    here.run(*FOLLOWING)
    assert accessions(here.tables()["pairs"]) == {STAYS, OLD}
    here.put(NEW, is_retracted=True)
    here.write({xml: b"not what the digest says"})
    here.put(STAYS, is_retracted=True, xml_url=None)
    here.list(2, STAYS, OLD, NEW)
    here.run(*FOLLOWING)
    tables = here.tables()
    assert tables["pairs"] == []
    assert {row["accession"]: row["reason"] for row in tables["tombstones"]} == {STAYS: "retracted", OLD: "retracted"}
    assert {row["key"]: row["reason"] for row in tables["rejects"]} == {STAYS: "xml_missing", NEW: "checksum_mismatch"}
    assert {row["accession"]: row["state"] for row in tables["documents"]} == {STAYS: "refused", OLD: "stored", NEW: "refused"}
    orphans = count_orphans(Lake(spark, LakeSettings(uri=str(tmp_path / "lake"))))
    assert set(orphans.values()) == {0}
    here.put(NEW)
    here.put(STAYS)
    here.list(3, STAYS, OLD, NEW)
    here.run(*FOLLOWING)
    assert accessions(here.tables()["pairs"]) == {STAYS, NEW}
    assert here.tables()["rejects"] == []
