"""Waves of work and what is written of them."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.tables import CHANGE, DELETE, INSERT, UPSERT
from jobs.waves import changes_of_fetched, spread, waves
from schemas.media import MEDIA
from schemas.rejects import Reason
from tests.jobs.rows import collected, frame

pytestmark = pytest.mark.spark


def test_waves_are_disjoint_complete_and_of_about_the_wanted_size(spark: SparkSession) -> None:
    work = spark.range(1000).withColumn("name", F.col("id") % 7)
    parts = [[row["id"] for row in wave.collect()] for wave in waves(work, ("id", "name"), 1000, 300)]
    assert len(parts) == 4
    assert sorted(number for part in parts for number in part) == list(range(1000))
    assert all(150 < len(part) < 350 for part in parts)


@pytest.mark.parametrize(("num_rows", "expected"), [(0, 0), (1, 1), (300, 1), (301, 2)])
def test_as_many_waves_as_rows_need(spark: SparkSession, num_rows: int, expected: int) -> None:
    assert len(list(waves(spark.range(1), ("id",), num_rows, 300))) == expected


@pytest.mark.parametrize(
    ("num_rows", "rows_per_task", "tasks_at_a_time", "expected"),
    [(0, 10, 4, 1), (2, 10, 4, 2), (30, 10, 4, 4), (100, 10, 4, 10), (101, 10, 4, 11)],
)
def test_work_is_spread_over_all_tasks_without_a_task_too_large(
    spark: SparkSession, num_rows: int, rows_per_task: int, tasks_at_a_time: int, expected: int
) -> None:
    assert spread(spark.range(1), num_rows, rows_per_task, tasks_at_a_time).rdd.getNumPartitions() == expected


def fetched(spark: SparkSession, reasons: dict[str, Reason | None]) -> DataFrame:
    rows: list[dict[str, Any]] = [{"media_name": name, "md5_actual": "new"} for name in reasons]
    mapping = F.create_map(*(F.lit(x) for name, reason in reasons.items() for x in (name, reason and str(reason))))
    return frame(spark, MEDIA, *rows).withColumn("reason", mapping[F.col("media_name")])


def test_accepted_rows_come_in_and_refused_ones_go_unless_the_request_failed(spark: SparkSession) -> None:
    now = {
        "added": None,
        "replaced": None,
        "broken": Reason.NOT_AN_IMAGE,
        "failed": Reason.FETCH_FAILED,
        "never stored": Reason.NOT_AN_IMAGE,
    }
    here = frame(spark, MEDIA, *({"media_name": name} for name in ("replaced", "broken", "failed", "other")))
    changes = changes_of_fetched(fetched(spark, now), here, MEDIA)
    assert changes.columns == [*MEDIA.column_names, CHANGE]
    assert collected(changes, "media_name", CHANGE) == [("added", INSERT), ("broken", DELETE), ("replaced", UPSERT)]
