"""The newest change of a table as the files of its log tell it, against what Delta says of its own history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.commit_log import Commit, commit_at, is_as_created, is_maintenance, newest_change
from jobs.tables import Lake
from schemas.rejects import REJECTS
from tests.jobs.rows import frame


def reject(lake: Lake, key: str) -> None:
    lake.append(REJECTS, frame(lake.spark, REJECTS, {"stage": "s", "key": key, "reason": "timeout"}))


def history(lake: Lake) -> list[tuple[int, str]]:
    rows = lake.spark.sql(f"DESCRIBE HISTORY {lake.identifier(REJECTS)}").collect()
    return [(row["version"], row["operation"]) for row in rows]


def newest_version(lake: Lake) -> int | None:
    found = newest_change(lake.spark, lake.path("rejects"))
    return found and found.version


def test_maintenance_is_passed_over_as_in_the_history_of_delta(lake: Lake) -> None:
    found = []
    for key in ("a", "b"):
        reject(lake, key)
        found.append(newest_version(lake))
    for statement in ("OPTIMIZE", "VACUUM", "DELETE FROM"):
        lake.spark.sql(f"{statement} {lake.identifier(REJECTS)}")
        found.append(newest_version(lake))
    listed = history(lake)
    assert [operation for _, operation in listed] == [
        "DELETE",
        "VACUUM END",
        "VACUUM START",
        "OPTIMIZE",
        "WRITE",
        "WRITE",
        "CREATE TABLE",
    ]
    assert found == [1, 2, 2, 2, listed[0][0]]


TOLD = json.dumps({"commitInfo": {"operation": "WRITE", "timestamp": 1}}) + "\n"


@pytest.mark.parametrize(
    "line", ["", '{"add": {"path": "a"}}', '{"commitInfo": {"timestamp": 1}}', '{"commitInfo": {"operation": "WRITE"}}']
)
def test_a_log_that_does_not_name_its_operations_and_times_leaves_the_answer_to_delta(
    spark: SparkSession, tmp_path: Path, line: str
) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / f"{0:020d}.json").write_text(TOLD, encoding="utf-8")
    assert newest_change(spark, str(tmp_path)) == commit_at(spark, str(tmp_path), 0) == Commit(0, 1)
    (log / f"{1:020d}.json").write_text(f"{line}\n", encoding="utf-8")
    assert newest_change(spark, str(tmp_path)) is None


def test_a_table_is_as_created_until_rows_are_written(lake: Lake) -> None:
    assert is_as_created(lake.spark, lake.path("rejects"))
    assert lake.read(REJECTS).collect() == []
    reject(lake, "a")
    assert not is_as_created(lake.spark, lake.path("rejects"))
    assert [row["key"] for row in lake.read(REJECTS).collect()] == ["a"]


def test_a_table_that_came_with_rows_is_not_as_created(lake: Lake, tmp_path: Path) -> None:
    reject(lake, "a")
    for name, statement in (("cloned", "SHALLOW CLONE"), ("selected", "USING DELTA AS SELECT * FROM")):
        lake.spark.sql(f"CREATE TABLE delta.`{tmp_path / name}` {statement} {lake.identifier(REJECTS)}")
        found = newest_change(lake.spark, str(tmp_path / name))
        assert found is not None
        assert found.version == 0
        assert not is_as_created(lake.spark, str(tmp_path / name))


def test_a_table_whose_first_commits_were_cleaned_away_is_not_as_created(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / f"{7:020d}.json").write_text(json.dumps({"commitInfo": {"operation": "WRITE"}}) + "\n")
    assert not is_as_created(spark, str(tmp_path))
    assert not is_as_created(spark, str(tmp_path / "nothing"))


def test_commits_are_told_from_the_other_files_of_a_log(spark: SparkSession, tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    for name in (f"{9:020d}.json", f"{10:020d}.json", f"{9:020d}.{10:020d}.compacted.json", f"{11:020d}.crc", "_last.json"):
        (log / name).write_text(TOLD, encoding="utf-8")
    assert newest_change(spark, str(tmp_path)) == Commit(10, 1)


def test_no_log_is_no_answer(spark: SparkSession, tmp_path: Path) -> None:
    assert newest_change(spark, str(tmp_path / "nothing")) is None
    assert newest_change(spark, "unknown-scheme://bucket/table") is None
    assert commit_at(spark, str(tmp_path / "nothing"), 0) is None


def test_a_lake_whose_log_cannot_be_read_asks_delta(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reject(lake, "a")
    lake.spark.sql(f"OPTIMIZE {lake.identifier(REJECTS)}")
    by_files = lake.version(REJECTS)
    for name in ("newest_change", "commit_at"):
        monkeypatch.setattr(f"jobs.tables.{name}", lambda *_: None)
    assert lake.version(REJECTS) == by_files == 1
    before = lake.commit(REJECTS)
    reject(lake, "b")
    assert [row["key"] for row in lake.changes(REJECTS, before).collect()] == ["b"]


def test_every_word_of_maintenance_counts() -> None:
    assert [
        is_maintenance(name) for name in ("OPTIMIZE", "VACUUM START", "COMPUTE STATISTICS", "MERGE", "SET TBLPROPERTIES")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
