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
from tests.udfs.bucket_server import BUCKET, metadata_json

FOLLOWING = [stage for stage in STAGES if stage != "export_shards"]
STAYS, OLD, NEW, BROKEN, BARE, WITHOUT_MEDIA = "PMC1.1", "PMC2.1", "PMC2.2", "PMC3.1", "PMC4.1", "PMC5.1"
BEFORE, RETRACTED, RETRACTED_BARE = "PMC6.1", "PMC6.2", "PMC7.1"
UNDIGESTED, RELICENSED, PARSED, UNPARSED = "PMC8.1", "PMC9.1", "PMC10.1", "PMC10.2"
ALL = (STAYS, OLD, NEW, BROKEN, BARE, WITHOUT_MEDIA, BEFORE, RETRACTED_BARE, UNDIGESTED, RELICENSED, PARSED, UNPARSED)


@dataclass
class Mirror:
    """A mirror in a folder, its inventory of each day, and the archive that follows it."""

    spark: SparkSession
    empty_lake: Path
    out: Path
    days: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)
    orphans: list[dict[str, int]] = field(default_factory=list)
    results: list[dict[str, Counts | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copytree(self.empty_lake, self.out / "lake")

    def put(self, accession: str, picture: str = "", xml: bytes | None = None, **fields: Any) -> None:
        """Write an article version; another `picture` is another image, `fields` replace metadata."""
        xml, media = xml or xml_of(accession), {"f1.png": png_of(accession + picture)}
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
        results = self.run(*FOLLOWING, source__max_removed_fraction=0.5)
        self.results.append({result.stage: result.counts for result in results})
        self.days.append(self.tables())
        self.orphans.append(count_orphans(Lake(self.spark, LakeSettings(uri=str(self.out / "lake")))))

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The tables that tell what became of the articles."""
        names = ("documents", "articles", "media", "pairs", "tombstones", "rejects")
        return {name: rows(self.out / "lake", name) for name in names}


@pytest.fixture(scope="module")
def mirror(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Three days.

    On the second a newer version is gone, one's metadata is no JSON, one has no XML, one no media, and two are retracted whose
    XML is refused: a new version, and one that was there. One has another image under a name without digest, one another licence
    and an XML that cannot be had, and one is a newer version whose XML is none. On the third the retractions are taken back, and
    the XML can be had.
    """
    here = Mirror(spark, empty_lake, tmp_path_factory.mktemp("follow"))
    for accession in ALL:
        here.put(accession)
    here.put(UNDIGESTED, media_urls=[f"s3://{BUCKET}/{UNDIGESTED}/f1.png"])
    here.follow(1, *ALL)
    here.put(UNDIGESTED, "another", media_urls=[f"s3://{BUCKET}/{UNDIGESTED}/f1.png"], title="Corrected")
    here.put(RELICENSED, license_code="CC BY-NC")
    here.put(UNPARSED, xml=b"no XML")
    here.write({f"metadata/{BROKEN}.json": b'{"pmcid": "PMC3", "title": "\\ud83d"'})
    here.put(BARE, xml_url=None)
    here.put(WITHOUT_MEDIA, media_urls=None)
    here.put(RETRACTED, is_retracted=True)
    here.write({f"{RETRACTED}/{RETRACTED}.xml": b"not what the digest says"})
    here.put(RETRACTED_BARE, is_retracted=True, xml_url=None)
    listed = [name for name in (*ALL, RETRACTED) if name != NEW]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fetch_articles, "DocumentFetch", WithoutXml)
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
    assert accessions(first["pairs"]) == {*ALL} - {OLD, PARSED}
    assert accessions(second["pairs"]) == {STAYS, OLD, UNDIGESTED, PARSED}
    assert accessions(first["documents"]) == {*ALL}
    assert accessions(second["documents"]) == {*ALL, RETRACTED} - {NEW, BROKEN, BARE}


def test_a_better_version_that_cannot_be_parsed_does_not_hide_one_that_can(mirror: Mirror) -> None:
    first, second, third = mirror.days
    assert {PARSED, UNPARSED} <= accessions(first["articles"])
    assert UNPARSED not in accessions(second["articles"])
    assert PARSED in accessions(second["pairs"]) & accessions(third["pairs"])
    assert {row["accession"]: row["reason"] for row in second["tombstones"]}[UNPARSED] == "refused"


def test_another_licence_takes_pairs_out_in_the_same_run_and_brings_them_back_with_it_once_the_xml_can_be_had(
    mirror: Mirror,
) -> None:
    first, second, third = ({row["accession"]: row for row in day["pairs"]}.get(RELICENSED) for day in mirror.days)
    assert first is not None
    assert (first["license_code"], second, third and third["license_code"]) == ("CC BY", None, "CC BY-NC")
    told = [{row["accession"]: row for row in day["tombstones"]}[RELICENSED] for day in mirror.days[1:]]
    assert [(row["reason"], row["license_code"], row["new_license_code"]) for row in told] == [
        ("relicensed", "CC BY", None),
        ("relicensed", "CC BY", "CC BY-NC"),
    ]
    assert told[0]["removed_at"] == told[1]["removed_at"]
    documents = [{row["accession"]: row for row in day["documents"]}[RELICENSED] for day in mirror.days]
    assert [(row["license_code"], row["is_relicensed"]) for row in documents] == [
        ("CC BY", False),
        ("CC BY", True),
        ("CC BY-NC", False),
    ]


def test_an_image_without_digest_is_read_again_when_its_article_version_changes_and_only_then(mirror: Mirror) -> None:
    media = [{row["accession"]: row for row in day["media"]}[UNDIGESTED] for day in mirror.days]
    pictures = [hashlib.sha256(png_of(UNDIGESTED + picture)).hexdigest() for picture in ("", "another")]
    assert [row["image_sha256"] for row in media] == [pictures[0], pictures[1], pictures[1]]
    assert media[0]["etag"] != media[1]["etag"] == media[2]["etag"]
    # Of the others none is read again on the second day; on the third the media of the articles that came back.
    assert [day["fetch_images"] for day in mirror.results] == [Counts(len(ALL), len(ALL), 0), Counts(1, 1, 0), Counts(2, 2, 0)]


def test_what_went_has_a_tombstone_with_its_own_reason(mirror: Mirror) -> None:
    assert mirror.days[0]["tombstones"] == []
    told = {row["accession"]: row["reason"] for row in mirror.days[1]["tombstones"]}
    retracted = dict.fromkeys((BEFORE, RETRACTED_BARE), "retracted")
    others = {UNPARSED: "refused", RELICENSED: "relicensed"}
    assert told == {NEW: "removed", BROKEN: "refused", BARE: "refused", WITHOUT_MEDIA: "changed"} | retracted | others


def test_what_broke_is_a_reject_that_says_why(mirror: Mirror) -> None:
    assert mirror.days[0]["rejects"] == []
    broken = {BROKEN: "metadata_invalid", BARE: "xml_missing", WITHOUT_MEDIA: "no_media", UNPARSED: "not_xml"}
    refused = {RETRACTED: "checksum_mismatch", RETRACTED_BARE: "xml_missing", RELICENSED: "fetch_failed"}
    assert [reasons(day["rejects"]) for day in mirror.days[1:]] == [broken | refused, broken]
    assert accessions(mirror.days[1]["media"]) == {STAYS, OLD, BEFORE, UNDIGESTED, RELICENSED, PARSED}


def test_a_retraction_counts_though_the_xml_of_its_version_is_refused(mirror: Mirror) -> None:
    states = {row["accession"]: row["state"] for row in mirror.days[1]["documents"]}
    assert states[BEFORE] == "stored"
    assert states[RETRACTED] == states[RETRACTED_BARE] == "refused"
    back = {RETRACTED, RETRACTED_BARE, RELICENSED}
    assert accessions(mirror.days[2]["pairs"]) == {STAYS, OLD, UNDIGESTED, PARSED} | back


def test_nothing_is_without_its_parent(mirror: Mirror) -> None:
    assert [set(orphans.values()) for orphans in mirror.orphans] == [{0}, {0}, {0}]


def test_a_listing_without_most_of_the_bucket_is_refused_and_changes_nothing(mirror: Mirror) -> None:
    before = rows(mirror.out / "lake", "inventory")
    mirror.list(4)
    with pytest.raises(UnusableSettings, match="lacks 12 of the 12 article versions"):
        mirror.run("sync_inventory")
    mirror.list(4, STAYS, OLD)
    with pytest.raises(UnusableSettings, match=r"lacks 10 of the 12 .*source\.max_removed_fraction=0\.5"):
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


class WithoutXml(fetch_articles.DocumentFetch):
    """A network on which the XML of one article version cannot be had."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Its requests fail after the metadata were read."""
        failed = {"state": "refused", "xml": None, "xml_md5": None, "reason": "fetch_failed", "detail": "down"}
        for batch in super().__call__(batches):
            found = [row | failed if row["accession"] == RELICENSED else row for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(found, schema=fetch_articles.RESULT)


class FailingFetch(fetch_articles.DocumentFetch):
    """A network that is down."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every request fails."""
        for batch in batches:
            failed = [{**row, "reason": "fetch_failed", "detail": "down"} for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(failed, schema=fetch_articles.RESULT)
