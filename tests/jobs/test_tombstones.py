"""Why pairs left the archive, and how long that is told."""

from datetime import timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.stage import RunContext
from jobs.tables import Lake
from jobs.tombstones import bury, tombstones_of
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS, FILTERED, STORED
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.pairs import PAIRS
from schemas.tombstones import TOMBSTONES
from tests.jobs.rows import DAY_1, DAY_2, collected, frame

pytestmark = pytest.mark.spark
FIRST, SECOND = RunContext("run-1", DAY_1), RunContext("run-2", DAY_2)
THIRD = RunContext("run-3", DAY_2 + timedelta(days=1))


def pairs(spark: SparkSession, *accessions: str, license_code: str | None = "CC BY") -> DataFrame:
    defaults = {"article_license_code": "CC BY", "license_group": "commercial", "split": "train", "figure_id": "f1"}
    defaults |= {"license_code": license_code}
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


def documents(spark: SparkSession, **about: dict[str, object]) -> DataFrame:
    rows = [
        {"accession": name.replace("_", "."), "state": STORED, "xml": b"<article/>"} | values for name, values in about.items()
    ]
    return frame(spark, DOCUMENTS, *rows)


LEFT_OUT = {"state": FILTERED, "xml": None, "filter_reason": "license_group"}


def test_the_first_reason_that_holds_is_told(lake: Lake) -> None:
    spark = lake.spark
    parsed = {f"PMC{number}_1": {"license_in_force": "CC BY"} for number in (1, 2, 3, 4, 5, 8)}
    parsed |= {"PMC3_1": {"license_in_force": None}, "PMC4_2": {}}
    kept = parsed | {"PMC1_1": {"is_retracted": True}, "PMC2_1": {"is_retracted": True}, "PMC6_1": LEFT_OUT}
    parsed["PMC11_1"] = {}
    kept["PMC11_1"] = {"is_relicensed": True}
    kept |= {"PMC8_2": LEFT_OUT | {"is_retracted": True}, "PMC9_1": LEFT_OUT | {"is_retracted": True}}
    states = dict.fromkeys((*parsed, *kept, "PMC10_1"), PRESENT) | {"PMC1_1": REMOVED}
    stored = {name: {key: value for key, value in row.items() if key != "license_in_force"} for name, row in kept.items()}
    for table, rows in (
        (ARTICLES, articles(spark, **parsed)),
        (DOCUMENTS, documents(spark, **stored)),
        (INVENTORY, inventory(spark, **states)),
    ):
        lake.apply(table, rows.selectExpr("*", "'insert' AS _change"))
    found = tombstones_of(pairs(spark, *(f"PMC{number}.1" for number in range(1, 12))), lake, FIRST)
    assert found.columns == TOMBSTONES.column_names
    assert {row["accession"]: row["reason"] for row in found.collect()} == {
        "PMC1.1": "removed",
        "PMC2.1": "retracted",
        "PMC3.1": "relicensed",
        "PMC4.1": "superseded",
        "PMC5.1": "changed",
        "PMC6.1": "relicensed",
        "PMC7.1": "removed",  # never listed
        "PMC8.1": "retracted",  # as its other version says
        "PMC9.1": "retracted",
        "PMC10.1": "refused",
        "PMC11.1": "relicensed",  # as metadata say whose XML could not be read
    }


def test_a_pair_stays_buried_since_its_first_day_until_it_comes_back(lake: Lake) -> None:
    spark = lake.spark
    lake.apply(INVENTORY, inventory(spark, PMC1_1=PRESENT, PMC2_1=REMOVED).selectExpr("*", "'insert' AS _change"))
    lake.apply(PAIRS, pairs(spark, "PMC1.1", "PMC2.1").selectExpr("*", "'insert' AS _change"))
    bury(lake, FIRST, pairs(spark, "PMC1.1"))
    version = lake.version(TOMBSTONES)
    bury(lake, SECOND, pairs(spark, "PMC1.1"))
    assert lake.version(TOMBSTONES) == version
    (row,) = lake.read(TOMBSTONES).collect()
    assert (row["pair_id"], row["reason"], row["removed_at"]) == ("PMC2_1_f1", "removed", DAY_1.replace(tzinfo=None))
    bury(lake, SECOND, pairs(spark, "PMC1.1", "PMC2.1"))
    assert lake.read(TOMBSTONES).isEmpty()


def test_a_pair_that_lives_on_under_another_licence_has_a_tombstone_with_both_licences(lake: Lake) -> None:
    spark = lake.spark

    def follow(
        context: RunContext, *accessions: str, license_code: str | None, is_killed: bool = False
    ) -> list[tuple[object, ...]]:
        """Bury, then write the pairs; what the tombstones tell."""
        now = pairs(spark, *accessions, license_code=license_code)
        bury(lake, context, now)
        if is_killed:  # before it wrote the pairs: the next run buries them again
            bury(lake, THIRD, now)
        lake.sync(PAIRS, now)
        told = lake.read(TOMBSTONES).select("accession", "reason", "license_code", "new_license_code", F.day("removed_at"))
        return collected(told)

    lake.apply(INVENTORY, inventory(spark, PMC1_1=PRESENT, PMC2_1=REMOVED).selectExpr("*", "'insert' AS _change"))
    assert follow(FIRST, "PMC1.1", "PMC2.1", license_code="CC BY") == []
    assert follow(FIRST, "PMC1.1", license_code="CC BY-NC", is_killed=True) == [
        ("PMC1.1", "relicensed", "CC BY", "CC BY-NC", 1),
        ("PMC2.1", "removed", "CC BY", None, 1),
    ]
    assert follow(SECOND, "PMC1.1", license_code="CC BY-NC")[0] == ("PMC1.1", "relicensed", "CC BY", "CC BY-NC", 1)
    assert follow(SECOND, "PMC1.1", license_code=None, is_killed=True)[0] == ("PMC1.1", "relicensed", "CC BY-NC", None, 2)
    assert follow(SECOND, license_code=None)[0] == ("PMC1.1", "refused", None, None, 2)
    assert follow(SECOND, "PMC1.1", license_code=None) == [("PMC2.1", "removed", "CC BY", None, 1)]


def test_a_pair_that_comes_back_under_the_licence_it_went_for_keeps_its_tombstone_with_both(lake: Lake) -> None:
    spark = lake.spark
    lake.apply(INVENTORY, inventory(spark, PMC1_1=PRESENT).selectExpr("*", "'insert' AS _change"))
    lake.apply(ARTICLES, articles(spark, PMC1_1={}).selectExpr("*", "'insert' AS _change"))
    lake.apply(DOCUMENTS, documents(spark, PMC1_1={"is_relicensed": True}).selectExpr("*", "'insert' AS _change"))
    lake.sync(PAIRS, pairs(spark, "PMC1.1"))
    told = []
    for context, now in ((FIRST, pairs(spark)), (SECOND, pairs(spark, "PMC1.1", license_code="CC BY-NC"))):
        bury(lake, context, now)
        lake.sync(PAIRS, now)
        told += collected(lake.read(TOMBSTONES), "reason", "license_code", "new_license_code", F.day("removed_at"))
    assert told == [("relicensed", "CC BY", None, 1), ("relicensed", "CC BY", "CC BY-NC", 1)]
    bury(lake, THIRD, pairs(spark, "PMC1.1"))
    assert collected(lake.read(TOMBSTONES), "license_code", "new_license_code") == [("CC BY-NC", "CC BY")]
