"""Stages on a real archive: when they run, what they record, what becomes of rejects."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from conf.settings import Settings
from jobs.stage import Counts, ReconciliationError, RunContext, newest_inputs, rejects_due, run_stage, sync_rejects
from jobs.tables import Lake
from schemas.documents import DOCUMENTS
from schemas.images import IMAGES
from schemas.inventory import INVENTORY
from schemas.rejects import REJECTS, Reason
from schemas.runs import RUNS
from schemas.table import Table
from tests.jobs.rows import DAY_1, DAY_2, collected, frame

pytestmark = pytest.mark.spark

SECOND = RunContext("run-2", DAY_2)
REFUSALS = "key string, reason string, detail string, fingerprint string"


def test_counts_add_up_reason_by_reason() -> None:
    total = Counts(5, 2, 1, {"kind": 2}) + Counts(3, 1, 0, {"kind": 1, "retracted": 1})
    assert total == Counts(8, 3, 1, {"kind": 3, "retracted": 1})
    assert total.reconciled
    assert not Counts(2, 1, 0, {}).reconciled


def test_run_ids_sort_by_time_and_differ() -> None:
    first, second = RunContext.new(), RunContext.new()
    assert first.run_id != second.run_id
    assert first.run_id[:15] <= second.run_id[:15]
    assert first.run_id.startswith(f"{first.started:%Y%m%dT%H%M%S}-")


class CountingJob:
    """A job that reads the inventory and counts how often it ran."""

    READS: tuple[Table, ...] = (INVENTORY, IMAGES)
    WRITES: tuple[Table, ...] = (DOCUMENTS,)
    SECTIONS: tuple[str, ...] = ("images",)

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.num_runs = 0
        self.version = "first"

    def mark(self, settings: Settings) -> str:
        return self.version

    def run(self, spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
        self.num_runs += 1
        return self.counts


@pytest.fixture
def settings(lake: Lake) -> Callable[..., Settings]:
    def with_overrides(*overrides: str) -> Settings:
        return load_settings("local", [f"lake.uri={lake.settings.uri}", *overrides])

    return with_overrides


def test_a_stage_runs_only_when_something_it_depends_on_has_changed(lake: Lake, settings: Callable[..., Settings]) -> None:
    job = CountingJob(Counts(3, 1, 1, {"kind": 1, "nothing": 0}))

    def ran(*overrides: str) -> bool:
        before = job.num_runs
        result = run_stage(lake.spark, settings(*overrides), RunContext.new(), job, "count")
        assert (result.counts is not None) == (job.num_runs > before)
        return job.num_runs > before

    assert ran()
    row = lake.read(RUNS).collect()[0]
    assert (row["stage"], row["num_in"], row["num_ok"], row["num_rejected"], row["num_filtered"]) == ("count", 3, 1, 1, 1)
    assert row["filtered"] == {"kind": 1}
    assert Settings.model_validate_json(row["settings"]) == settings()
    assert not ran()
    assert not ran("fetch.concurrency=3")
    assert ran("images.quality=50")
    job.version = "second"
    assert ran("images.quality=50")
    lake.sync(INVENTORY, frame(lake.spark, INVENTORY, {"accession": "PMC1.1", "pmcid": "PMC1", "state": "present"}))
    assert ran("images.quality=50")
    assert not ran("images.quality=50")
    lake.append(IMAGES, frame(lake.spark, IMAGES, {"image_sha256": "a"}))
    assert ran("images.quality=50")


def test_what_was_known_when_the_run_began_decides_where_it_is_given(lake: Lake, settings: Callable[..., Settings]) -> None:
    job = CountingJob(Counts(0, 0, 0))

    def ran(known: dict[str, str]) -> bool:
        context = replace(RunContext.new(), known_inputs=known)
        return run_stage(lake.spark, settings(), context, job, "count").counts is not None

    assert newest_inputs(lake) == {}
    assert ran({})
    known = newest_inputs(lake)
    assert known.keys() == {"count"}
    assert not ran(known)
    assert ran({})
    lake.append(IMAGES, frame(lake.spark, IMAGES, {"image_sha256": "a"}))
    assert ran(known)


def test_a_stage_runs_again_when_others_changed_what_it_wrote_but_not_after_maintenance(
    lake: Lake, settings: Callable[..., Settings]
) -> None:
    job = CountingJob(Counts(0, 0, 0))
    lake.append(DOCUMENTS, frame(lake.spark, DOCUMENTS, document("PMC1.1")))
    lake.append(DOCUMENTS, frame(lake.spark, DOCUMENTS, document("PMC2.1")))
    run_stage(lake.spark, settings(), RunContext.new(), job, "count")
    lake.spark.sql(f"OPTIMIZE {lake.identifier(DOCUMENTS)}")
    assert lake.detail(DOCUMENTS)["numFiles"] == 1
    assert run_stage(lake.spark, settings(), RunContext.new(), job, "count").counts is None
    lake.spark.sql(f"DELETE FROM {lake.identifier(DOCUMENTS)} WHERE accession = 'PMC1.1'")
    assert run_stage(lake.spark, settings(), RunContext.new(), job, "count").counts is not None


def document(accession: str) -> dict[str, Any]:
    return {"accession": accession, "state": "filtered", "filter_reason": "license_group", "license_group": "other"}


def test_no_secret_of_the_settings_reaches_the_archive(lake: Lake, settings: Callable[..., Settings]) -> None:
    class WritingJob(CountingJob):
        def run(self, spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
            lake.append(INVENTORY, frame(spark, INVENTORY, {"accession": "PMC1.1", "pmcid": "PMC1", "state": "present"}))
            return super().run(spark, settings, context)

    secret = settings("source.esearch_url=https://host/esearch?api_key=WORD", "spark.conf.spark.hadoop.fs.s3a.secret.key=WORD")
    run_stage(lake.spark, secret, RunContext.new(), WritingJob(Counts(1, 1, 0)), "count")
    notes = lake.spark.sql(f"DESCRIBE HISTORY {lake.identifier(INVENTORY)} LIMIT 1").collect()[0]["userMetadata"]
    assert "api_key=***" in notes
    written = [path.read_bytes() for path in Path(lake.settings.uri).rglob("*") if path.is_file()]
    assert not any(b"WORD" in content for content in written)
    assert "api_key=***" in lake.read(RUNS).collect()[0]["settings"]


def test_a_stage_that_loses_inputs_fails_and_runs_again(lake: Lake, settings: Callable[..., Settings]) -> None:
    job = CountingJob(Counts(3, 1, 1, {}))
    for _ in range(2):
        with pytest.raises(ReconciliationError, match=r"count: 3 inputs, but 1 ok \+ 1 rejected \+ 0 filtered"):
            run_stage(lake.spark, settings(), RunContext.new(), job, "count")
    assert job.num_runs == 2
    assert lake.read(RUNS).isEmpty()


def reject(stage: str, key: str, **values: Any) -> dict[str, Any]:
    defaults = {
        "stage": stage,
        "key": key,
        "reason": str(Reason.NOT_FOUND),
        "detail": "gone",
        "fingerprint": "1",
        "run_id": "run-1",
    }
    return defaults | {"attempts": 1, "first_seen": DAY_1, "last_seen": DAY_1} | values


def refused(spark: SparkSession, *rows: tuple[str, str]) -> DataFrame:
    """Refusals of (key, fingerprint)."""
    return spark.createDataFrame([(key, str(Reason.NOT_FOUND), "gone", mark) for key, mark in rows], REFUSALS)


def keys(spark: SparkSession, *names: str) -> DataFrame:
    return spark.createDataFrame([(name,) for name in names], "key string")


def due(spark: SparkSession, stage: str) -> dict[str, tuple[Any, ...]]:
    """Rejects of a stage after a second run: a, b and new were tried, b was accepted, lost is no more."""
    before = frame(spark, REJECTS, *(reject(stage, key) for key in ("a", "b", "waiting", "lost", "changed")))
    now = refused(spark, ("a", "1"), ("new", "1"), ("changed", "2"))
    tried, known = keys(spark, "a", "b", "new", "changed"), keys(spark, "a", "b", "new", "changed", "waiting")
    after = rejects_due(before, tried, now, known, stage, SECOND)
    columns = ("key", "attempts", "first_seen", "last_seen", "run_id")
    naive = {DAY_1.replace(tzinfo=None): 1, DAY_2.replace(tzinfo=None): 2}
    assert after.columns == REJECTS.column_names
    return {key: (n, naive[first], naive[last], run) for key, n, first, last, run in collected(after, *columns)}


def test_a_stage_that_fetches_counts_every_attempt_and_keeps_the_first_sight(spark: SparkSession) -> None:
    assert due(spark, "fetch_images") == {
        "a": (2, 1, 2, "run-2"),
        "changed": (2, 1, 2, "run-2"),
        "new": (1, 2, 2, "run-2"),
        "waiting": (1, 1, 1, "run-1"),
    }


def test_a_stage_that_computes_counts_only_changed_inputs_again(spark: SparkSession) -> None:
    found = due(spark, "extract_figures")
    assert found["a"] == (1, 1, 1, "run-1")
    assert found["changed"] == (2, 1, 2, "run-2")
    assert found.keys() == {"a", "changed", "new", "waiting"}


def test_rejects_of_other_stages_stay(lake: Lake) -> None:
    spark = lake.spark
    lake.sync(REJECTS, frame(spark, REJECTS, reject("fetch_images", "a"), reject("fetch_articles", "a")))
    assert sync_rejects(lake, SECOND, "fetch_images", keys(spark, "a", "b"), refused(spark, ("b", "1"))) == 1
    assert collected(lake.read(REJECTS), "stage", "key") == [("fetch_articles", "a"), ("fetch_images", "b")]
    assert sync_rejects(lake, SECOND, "fetch_images", keys(spark, "b"), refused(spark)) == 0
    assert collected(lake.read(REJECTS), "stage", "key") == [("fetch_articles", "a")]
