"""An archive that follows the bucket day by day is the archive of the last day, and touches nothing that stayed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.orphans import REFERENCES
from jobs.sample.days import ADDED, CLOSED, NEW_VERSION, REDRAWN, RELICENSED, REMOVED, RETRACTED, RETURNED, REWORDED
from tests.pipeline.daily import DailyBucket, Day, accession_of, changed_keys, feed, keyed, run_day
from tests.udfs.bucket_server import BUCKET, running_bucket_server
from tests.udfs.fault_proxy import FaultProxy

FOLLOWED = ("inventory", "documents", "articles", "figures", "mentions", "media", "images", "duplicates", "pairs", "tombstones")
# What only an archive with a past has: versions that went, and when a version was first and last seen as it is.
SEEN = {"first_seen", "last_seen"}


@dataclass(frozen=True)
class Followed:
    """The archive after each of the three days, once more on the third, and one built on the third day from nothing."""

    lake: Path
    days: list[Day]
    again: Day
    scratch: Day


@pytest.fixture(scope="module")
def followed(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    out, scratch = tmp_path_factory.mktemp("days"), tmp_path_factory.mktemp("scratch")
    for folder in (out, scratch):
        shutil.copytree(empty_lake, folder / "lake")
    with running_bucket_server() as server, (proxy := FaultProxy(server.url, BUCKET)).running() as url:
        bucket = DailyBucket(server, tmp_path_factory.mktemp("bucket"))
        days = [run_day(spark, bucket.become(day), proxy, url, out) for day in (1, 2, 3)]
        again = run_day(spark, days[-1].bucket, proxy, url, out)
        yield Followed(out / "lake", days, again, run_day(spark, days[-1].bucket, proxy, url, scratch))


def test_three_days_followed_give_the_tables_of_a_build_on_the_third(followed: Followed) -> None:
    last, scratch = followed.days[-1].tables, followed.scratch.tables
    names = [name for name in last if name not in {"inventory", "tombstones"}]
    assert [name for name in names if last[name] != scratch[name]] == []
    assert min(len(last[name]) for name in FOLLOWED) > 0
    present = [row for row in last["inventory"] if row["state"] == "present"]
    undated = [[{k: v for k, v in row.items() if k not in SEEN} for row in rows] for rows in (present, scratch["inventory"])]
    assert undated[0] == undated[1]


@pytest.mark.parametrize("day", [1, 2])
def test_exactly_the_articles_that_the_source_marks_as_changed_are_read(followed: Followed, day: int) -> None:
    """An older version of an article that got a further one is not among them, nor one that is refused as it was before."""
    today = followed.days[day]
    read = {accession for key in today.reads if (accession := accession_of(key))}
    edits = today.truth.changes
    assert read == today.bucket.changed
    assert read >= {a for edit in (ADDED, REWORDED, REDRAWN, RELICENSED, CLOSED, RETRACTED, RETURNED) for a in edits[edit]}
    assert edits[NEW_VERSION]
    assert read.isdisjoint({*edits[REMOVED], *edits[NEW_VERSION]})
    assert len(read) < len(today.truth.articles) / 2


def test_nothing_is_read_when_nothing_changed(followed: Followed) -> None:
    assert {accession_of(key) for key in followed.again.reads} == {None}
    assert followed.again.tables == followed.days[-1].tables
    assert followed.again.versions == {**followed.days[-1].versions, "runs": followed.again.versions["runs"]}


def test_an_image_that_stayed_is_not_read_again_with_its_changed_article(followed: Followed) -> None:
    for today in followed.days[1:]:
        for accession in (*today.truth.changes[RELICENSED], *today.truth.changes[RETRACTED]):
            assert sorted(key for key in today.reads if accession_of(key) == accession) == [
                f"{accession}/{accession}.xml",
                f"metadata/{accession}.json",
            ]


@pytest.mark.parametrize("day", [1, 2])
@pytest.mark.parametrize("name", FOLLOWED)
def test_the_change_feed_shows_exactly_the_rows_that_differ(followed: Followed, name: str, day: int) -> None:
    before, after = followed.days[day - 1], followed.days[day]
    shown = list(feed(followed.lake, name, before.versions[name], after.versions[name]))
    assert set(keyed(shown, name)) == changed_keys(before.tables, after.tables, name)
    kinds = {row["_change_type"] for row in shown}
    assert kinds <= {"insert", "delete", "update_preimage", "update_postimage"}


@pytest.mark.parametrize("name", ["documents", "articles", "figures", "mentions", "media"])
def test_rows_of_articles_that_stayed_do_not_change(followed: Followed, name: str) -> None:
    for before, after in zip(followed.days, followed.days[1:], strict=False):
        changed = {key[0] for key in changed_keys(before.tables, after.tables, name)}
        assert changed
        assert changed <= after.bucket.changed | after.bucket.gone


def test_what_left_the_source_or_its_licence_left_the_pairs_in_the_same_run(followed: Followed) -> None:
    for before, after in zip(followed.days, followed.days[1:], strict=False):
        here = {row["accession"] for row in after.tables["pairs"]}
        for edit in (REMOVED, RETRACTED, CLOSED):
            assert here.isdisjoint(after.truth.changes[edit]), edit
        had = {row["accession"] for row in before.tables["pairs"]}
        assert had >= {*after.truth.changes[RETRACTED], *after.truth.changes[CLOSED], *after.truth.changes[REMOVED]}


def test_a_new_licence_stands_in_the_pairs_and_the_old_one_in_tombstones_of_the_same_run(followed: Followed) -> None:
    for before, after in zip(followed.days, followed.days[1:], strict=False):
        for accession in after.truth.changes[RELICENSED]:
            old = {row["license_code"] for row in before.tables["pairs"] if row["accession"] == accession}
            new = {row["license_code"] for row in after.tables["pairs"] if row["accession"] == accession}
            assert new == {row.license_code for row in after.truth.articles if row.accession == accession}
            assert old
            assert old != new
            graves = [row for row in after.tables["tombstones"] if row["accession"] == accession]
            assert {row["pair_id"] for row in graves} == {
                r["pair_id"] for r in before.tables["pairs"] if r["accession"] == accession
            }
            assert {(row["reason"], row["license_code"]) for row in graves} == {("relicensed", code) for code in old}
            assert {row["new_license_code"] for row in graves} == new


def test_every_pair_that_left_has_a_tombstone_with_why_and_when(followed: Followed) -> None:
    reasons = {REMOVED: "removed", RETRACTED: "retracted", CLOSED: "relicensed", NEW_VERSION: "superseded"}
    for before, after in zip(followed.days, followed.days[1:], strict=False):
        old, new = keyed(before.tables["pairs"], "pairs"), keyed(after.tables["pairs"], "pairs")
        graves, dug = keyed(after.tables["tombstones"], "tombstones"), keyed(before.tables["tombstones"], "tombstones")
        assert graves.keys() >= old.keys() - new.keys()
        alive = {key for key in graves.keys() & new.keys() if graves[key]["license_code"] == new[key]["license_code"]}
        assert alive == set()
        assert {graves[key]["reason"] for key in graves.keys() & new.keys()} <= {"relicensed"}
        for edit, reason in reasons.items():
            mine = [row for row in graves.values() if row["accession"] in after.truth.changes[edit]]
            assert {row["reason"] for row in mine} == ({reason} if after.truth.changes[edit] else set())
        days = {key: row["removed_at"] for key, row in graves.items()}
        new_graves = [days[key] for key in graves.keys() - dug.keys()]
        assert len(set(new_graves)) == 1
        assert all(day < new_graves[0] for key, day in days.items() if key in dug)


def test_no_row_is_without_its_parent_after_any_day(followed: Followed) -> None:
    for today in followed.days:
        for child, parent, columns in REFERENCES:
            rows = [row for row in today.tables[parent.name] if parent.name != "inventory" or row["state"] == "present"]
            parents = {tuple(row[column] for column in columns) for row in rows}
            children = {tuple(row[column] for column in columns) for row in today.tables[child.name]}
            assert children <= parents, (child.name, parent.name)
            assert children or child.name == "originals"  # kept only by setting


def test_pairs_that_came_back_have_no_tombstone(followed: Followed) -> None:
    _, second, third = followed.days
    (returned,) = third.truth.changes[RETURNED]
    assert returned in {row["accession"] for row in second.tables["tombstones"]}
    assert returned not in {row["accession"] for row in third.tables["tombstones"]}
    assert returned in {row["accession"] for row in third.tables["pairs"]}


def test_a_redrawn_image_replaces_the_old_one(followed: Followed) -> None:
    for before, after in zip(followed.days, followed.days[1:], strict=False):
        for accession in after.truth.changes[REDRAWN]:
            old, new = (
                {r["image_sha256"] for r in day.tables["media"] if r["accession"] == accession} for day in (before, after)
            )
            assert len(new - old) > 0
            assert len(old - new) > 0
            kept = {row["image_sha256"] for row in after.tables["images"]}
            used = {row["image_sha256"] for row in after.tables["media"]}
            assert kept == used


def images_of(day: Day, accession: str) -> set[str]:
    return {row["image_sha256"] for row in day.tables["media"] if row["accession"] == accession}


def test_the_inventory_keeps_what_went_and_nothing_is_listed_that_is_not_there(followed: Followed) -> None:
    for today in followed.days:
        states = {row["accession"]: row["state"] for row in today.tables["inventory"]}
        listed = {row.accession for row in today.truth.articles}
        assert {name for name, state in states.items() if state == "present"} == listed
    gone = {name for name, state in states.items() if state == "removed"}
    assert gone == set(followed.days[-1].truth.changes[REMOVED])
