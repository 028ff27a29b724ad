"""Why pairs left the archive, and how long that is told."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.stage import RunContext
from jobs.tables import Lake
from jobs.tombstones import bury, tombstones_of
from schemas.articles import ARTICLES
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.pairs import PAIRS
from schemas.tombstones import TOMBSTONES
from tests.jobs.rows import DAY_1, DAY_2, collected, frame

pytestmark = pytest.mark.spark
FIRST, SECOND = RunContext("run-1", DAY_1), RunContext("run-2", DAY_2)


def pairs(spark: SparkSession, *accessions: str) -> DataFrame:
    defaults = {"article_license_code": "CC BY", "license_group": "commercial", "split": "train", "figure_id": "f1"}
    return frame(
        spark, PAIRS, *(defaults | {"accession": name, "pair_id": f"{name.replace('.', '_')}_f1"} for name in accessions)
    )


def articles(spark: SparkSession, **about: dict[str, object]) -> DataFrame:
    """Articles by accession, with a low line for its dot."""
    rows = []
    for name, values in about.items():
        pmcid, version = name.split("_")
        defaults = {"license_in_force": "CC BY", "license_group": "commercial"}
        rows.append({"accession": f"{pmcid}.{version}", "pmcid": pmcid, "version": int(version)} | defaults | values)
    return frame(spark, ARTICLES, *rows)


def inventory(spark: SparkSession, **states: str) -> DataFrame:
    rows = []
    for name, state in states.items():
        pmcid, version = name.split("_")
        rows.append({"accession": f"{pmcid}.{version}", "pmcid": pmcid, "version": int(version), "state": state})
    return frame(spark, INVENTORY, *rows)


def test_the_first_reason_that_holds_is_told(spark: SparkSession) -> None:
    now = articles(
        spark,
        PMC1_1={"is_retracted": True},
        PMC2_1={"is_retracted": True, "license_in_force": "CC BY-NC"},
        PMC3_1={"license_in_force": None},
        PMC4_1={},
        PMC4_2={},
        PMC5_1={},
    )
    present = dict.fromkeys(("PMC2_1", "PMC3_1", "PMC4_1", "PMC4_2", "PMC5_1", "PMC6_1"), PRESENT)
    listed = inventory(spark, PMC1_1=REMOVED, **present)
    gone = pairs(spark, "PMC1.1", "PMC2.1", "PMC3.1", "PMC4.1", "PMC5.1", "PMC6.1", "PMC7.1")
    found = tombstones_of(gone, now, listed, FIRST)
    assert found.columns == TOMBSTONES.column_names
    assert collected(found, "accession", "reason") == [
        ("PMC1.1", "removed"),
        ("PMC2.1", "retracted"),
        ("PMC3.1", "relicensed"),
        ("PMC4.1", "superseded"),
        ("PMC5.1", "changed"),
        ("PMC6.1", "relicensed"),
        ("PMC7.1", "removed"),
    ]


def test_a_pair_stays_buried_since_its_first_day_until_it_comes_back(lake: Lake) -> None:
    spark = lake.spark
    lake.apply(INVENTORY, inventory(spark, PMC1_1=PRESENT, PMC2_1=REMOVED).selectExpr("*", "'insert' AS _change"))
    lake.apply(PAIRS, pairs(spark, "PMC1.1", "PMC2.1").selectExpr("*", "'insert' AS _change"))
    bury(lake, FIRST, pairs(spark, "PMC1.1"), lake.read(ARTICLES))
    version = lake.version(TOMBSTONES)
    bury(lake, SECOND, pairs(spark, "PMC1.1"), lake.read(ARTICLES))
    assert lake.version(TOMBSTONES) == version
    (row,) = lake.read(TOMBSTONES).collect()
    assert (row["pair_id"], row["reason"], row["removed_at"]) == ("PMC2_1_f1", "removed", DAY_1.replace(tzinfo=None))
    bury(lake, SECOND, pairs(spark, "PMC1.1", "PMC2.1"), lake.read(ARTICLES))
    assert lake.read(TOMBSTONES).isEmpty()
