"""What becomes of pairs when an article version goes, breaks or loses its media, and what a broken listing does: nothing."""

from __future__ import annotations

import hashlib
import shutil
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
BEFORE, RETRACTED, RETRACTED_BARE = "PMC6.1", "PMC6.2", "PMC7.1"
ALL = (STAYS, OLD, NEW, BROKEN, BARE, WITHOUT_MEDIA, BEFORE, RETRACTED_BARE)


@dataclass
class Mirror:
    """A mirror in a folder, its inventory of each day, and the archive that follows it."""

    spark: SparkSession
    empty_lake: Path
    out: Path
    days: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)
    orphans: list[dict[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copytree(self.empty_lake, self.out / "lake")

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

    def follow(self, day: int, *accessions: str) -> None:
        """List a day, follow it, and keep what the archive is then."""
        self.list(day, *accessions)
        self.run(*FOLLOWING, source__max_removed_fraction=0.5)
        self.days.append(self.tables())
        self.orphans.append(count_orphans(Lake(self.spark, LakeSettings(uri=str(self.out / "lake")))))

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The tables that tell what became of the articles."""
        return {name: rows(self.out / "lake", name) for name in ("documents", "media", "pairs", "tombstones", "rejects")}


@pytest.fixture(scope="module")
def mirror(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Three days.

    On the second a newer version is gone, one's metadata is no JSON, one has no XML, one no media, and two are retracted whose
    XML is refused: a new version, and one that was there. On the third the retractions are taken back.
    """
    here = Mirror(spark, empty_lake, tmp_path_factory.mktemp("follow"))
    for accession in ALL:
        here.put(accession)
    here.follow(1, *ALL)
    here.write({f"metadata/{BROKEN}.json": b'{"pmcid": "PMC3", "title": "\\ud83d"'})
    here.put(BARE, xml_url=None)
    here.put(WITHOUT_MEDIA, media_urls=None)
    here.put(RETRACTED, is_retracted=True)
    here.write({f"{RETRACTED}/{RETRACTED}.xml": b"not what the digest says"})
    here.put(RETRACTED_BARE, is_retracted=True, xml_url=None)
    listed = [name for name in (*ALL, RETRACTED) if name != NEW]
    here.follow(2, *listed)
    here.put(RETRACTED)
    here.put(RETRACTED_BARE)
    here.follow(3, *listed)
    return here


def accessions(table: list[dict[str, Any]]) -> set[str]:
    return {row["accession"] for row in table}


def reasons(table: list[dict[str, Any]]) -> dict[str, str]:
    return {row["key"].partition("/")[0]: row["reason"] for row in table}


def test_of_two_versions_the_older_one_comes_back_when_the_newer_one_goes(mirror: Mirror) -> None:
    first, second, _ = mirror.days
    assert accessions(first["pairs"]) == {*ALL} - {OLD}
    assert accessions(second["pairs"]) == {STAYS, OLD}
    assert accessions(first["documents"]) == {*ALL}
    assert accessions(second["documents"]) == {STAYS, OLD, WITHOUT_MEDIA, BEFORE, RETRACTED, RETRACTED_BARE}


def test_what_went_has_a_tombstone_with_its_own_reason(mirror: Mirror) -> None:
    assert mirror.days[0]["tombstones"] == []
    told = {row["accession"]: row["reason"] for row in mirror.days[1]["tombstones"]}
    retracted = dict.fromkeys((BEFORE, RETRACTED_BARE), "retracted")
    assert told == {NEW: "removed", BROKEN: "refused", BARE: "refused", WITHOUT_MEDIA: "changed"} | retracted


def test_what_broke_is_a_reject_that_says_why(mirror: Mirror) -> None:
    assert mirror.days[0]["rejects"] == []
    broken = {BROKEN: "metadata_invalid", BARE: "xml_missing", WITHOUT_MEDIA: "no_media"}
    refused = {RETRACTED: "checksum_mismatch", RETRACTED_BARE: "xml_missing"}
    assert [reasons(day["rejects"]) for day in mirror.days[1:]] == [broken | refused, broken]
    assert accessions(mirror.days[1]["media"]) == {STAYS, OLD, BEFORE}


def test_a_retraction_counts_though_the_xml_of_its_version_is_refused(mirror: Mirror) -> None:
    states = {row["accession"]: row["state"] for row in mirror.days[1]["documents"]}
    assert states[BEFORE] == "stored"
    assert states[RETRACTED] == states[RETRACTED_BARE] == "refused"
    assert accessions(mirror.days[2]["pairs"]) == {STAYS, OLD, RETRACTED, RETRACTED_BARE}


def test_nothing_is_without_its_parent(mirror: Mirror) -> None:
    assert [set(orphans.values()) for orphans in mirror.orphans] == [{0}, {0}, {0}]


def test_a_listing_without_most_of_the_bucket_is_refused_and_changes_nothing(mirror: Mirror) -> None:
    before = rows(mirror.out / "lake", "inventory")
    mirror.list(4)
    with pytest.raises(UnusableSettings, match="lacks 8 of the 8 article versions"):
        mirror.run("sync_inventory")
    mirror.list(4, STAYS, OLD)
    with pytest.raises(UnusableSettings, match=r"lacks 6 of the 8 .*source\.max_removed_fraction=0\.5"):
        mirror.run("sync_inventory", source__max_removed_fraction=0.5)
    assert rows(mirror.out / "lake", "inventory") == before


def test_a_source_that_lists_nothing_is_refused_at_once(spark: SparkSession, empty_lake: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    with pytest.raises(UnusableSettings, match="lists no article version"):
        Mirror(spark, empty_lake, tmp_path).run("sync_inventory")


def test_what_is_here_is_followed_whatever_else_is_selected(spark: SparkSession, empty_lake: Path, tmp_path: Path) -> None:
    here, ids = Mirror(spark, empty_lake, tmp_path), tmp_path / "ids.txt"
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
    spark: SparkSession, empty_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Mirror(spark, empty_lake, tmp_path)
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
    spark: SparkSession, empty_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, ids = Mirror(spark, empty_lake, tmp_path), tmp_path / "ids.txt"
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
