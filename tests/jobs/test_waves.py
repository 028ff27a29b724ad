"""Waves of work and what is written of them."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.tables import CHANGE, DELETE, INSERT, UPSERT
from jobs.waves import changes_of_fetched, expected_bytes, spread, spread_by_bytes, waves
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
    assert spread(spark.range(1), "id", num_rows, rows_per_task, tasks_at_a_time).rdd.getNumPartitions() == expected


def test_objects_read_before_count_with_their_size_and_the_others_with_the_mean(spark: SparkSession) -> None:
    known = spark.createDataFrame([("a", "1", 100), ("a", "2", 300), ("b", "1", 200)], "x string, y string, num_bytes long")
    work = spark.createDataFrame([("a", "2"), ("new", "1"), ("new", "2")], "x string, y string")
    assert expected_bytes(work, known, 7) == 300 + 2 * 200
    assert expected_bytes(work, known.limit(0), 7) == 3 * 7
    assert expected_bytes(work.limit(0), known, 7) == 0


@pytest.mark.parametrize(
    ("num_rows", "num_bytes", "expected"), [(0, 0, 1), (2, 10, 2), (100, 10, 4), (100, 1000, 10), (100, 1001, 11), (5, 1000, 5)]
)
def test_work_is_spread_by_its_bytes(spark: SparkSession, num_rows: int, num_bytes: int, expected: int) -> None:
    spread_out = spread_by_bytes(
        spark.range(1).withColumnRenamed("id", "accession"), num_rows, num_bytes, partition_bytes=100, tasks_at_a_time=4
    )
    assert spread_out.rdd.getNumPartitions() == expected


def test_under_a_cap_no_more_tasks_are_made_than_share_it(spark: SparkSession) -> None:
    work = spark.range(1).withColumnRenamed("id", "accession")
    spread_out = spread_by_bytes(work, 100, 1000, partition_bytes=100, tasks_at_a_time=4, is_capped=True)
    assert spread_out.rdd.getNumPartitions() == 4


def test_the_objects_of_an_article_version_follow_one_another_in_one_task(spark: SparkSession) -> None:
    work = spark.range(400).select((F.col("id") % 40).alias("accession"), "id")
    tasks = spread_by_bytes(work, 400, 1000, partition_bytes=100, tasks_at_a_time=4).rdd.glom().collect()
    order = [row["accession"] for task in tasks for row in task]
    changes = [one for one, other in zip(order, [None, *order], strict=False) if one != other]
    assert len(tasks) == 10
    assert sorted(changes) == list(range(40))


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
