"""Which article versions are fetched."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.load import load_settings
from jobs.fetch_articles import as_selected, obsolete_documents, versions_to_fetch, wanted_versions, with_metadata_told
from schemas.documents import DOCUMENTS, FILTERED, REFUSED, STORED
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.rejects import Reason
from tests.jobs.rows import DAY_1, DAY_2, collected, frame

pytestmark = pytest.mark.spark


def listed(spark: SparkSession) -> DataFrame:
    """PMC1 in two versions, PMC10, and PMC2, which is removed; PMC10 was written on the second day."""
    versions = {"PMC1.1": PRESENT, "PMC1.2": PRESENT, "PMC10.1": PRESENT, "PMC2.1": REMOVED}
    rows = [
        {
            "accession": name,
            "pmcid": name.split(".")[0],
            "version": int(name[-1]),
            "state": state,
            "last_modified": DAY_2 if name == "PMC10.1" else DAY_1,
        }
        for name, state in versions.items()
    ]
    return frame(spark, INVENTORY, *rows)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (None, ["PMC1.1", "PMC1.2", "PMC10.1"]),
        (["PMC1"], ["PMC1.1", "PMC1.2"]),
        (["PMC1.2", "PMC10"], ["PMC1.2", "PMC10.1"]),
        (["PMC1", "PMC1.1", "PMC2", "PMC9"], ["PMC1.1", "PMC1.2"]),
    ],
)
def test_ids_name_articles_or_single_versions_that_are_listed(
    spark: SparkSession, ids: list[str] | None, expected: list[str]
) -> None:
    named = None if ids is None else spark.createDataFrame([(name,) for name in ids], "id string")
    wanted = wanted_versions(listed(spark), named, None)
    assert wanted.columns == ["accession", "etag"]
    assert [name for (name,) in collected(wanted, "accession")] == expected


def test_ids_are_joined_by_a_key_and_not_each_with_each_version(spark: SparkSession) -> None:
    wanted = wanted_versions(listed(spark), spark.createDataFrame([("PMC1",)], "id string"), None)
    plan = wanted._jdf.queryExecution().executedPlan().toString()
    assert "HashJoin" in plan or "SortMergeJoin" in plan
    assert "NestedLoop" not in plan


def test_only_what_the_source_wrote_since_a_day_is_wanted(spark: SparkSession) -> None:
    assert collected(wanted_versions(listed(spark), None, date(2026, 11, 2)), "accession") == [("PMC10.1",)]
    assert wanted_versions(listed(spark), None, date(2026, 11, 1)).count() == 3


def test_what_is_here_or_was_refused_under_the_present_mark_is_not_fetched_again(spark: SparkSession) -> None:
    names = ("here", "changed", "refused", "refused_before", "new")
    wanted = spark.createDataFrame([(name, "2") for name in names], "accession string, etag string")
    here = frame(spark, DOCUMENTS, {"accession": "here", "etag": "2"}, {"accession": "changed", "etag": "1"})
    refused = spark.createDataFrame([("refused", "2"), ("refused_before", "1")], "key string, fingerprint string")
    missing = versions_to_fetch(wanted, here, refused)
    assert collected(missing, "accession") == [("changed",), ("new",), ("refused_before",)]
    retried = versions_to_fetch(wanted, here, None)
    assert collected(retried, "accession") == [("changed",), ("new",), ("refused",), ("refused_before",)]


@pytest.mark.parametrize(
    ("overrides", "fetched_again"),
    [
        ([], []),
        (["source.require_open_access=false"], ["closed"]),
        (["source.license_groups=[commercial]"], ["noncommercial"]),
        (["source.license_groups=[commercial, noncommercial, other]"], ["other"]),
        (["source.license_groups=[other]", "source.require_open_access=false"], ["noncommercial", "commercial", "other"]),
    ],
)
def test_another_selection_fetches_again_only_what_it_decides_otherwise(
    spark: SparkSession, overrides: list[str], fetched_again: list[str]
) -> None:
    group = {"license_group": "commercial"}
    documents = frame(
        spark,
        DOCUMENTS,
        {"accession": "commercial", "state": STORED, "license_group": "commercial", "is_open_access": True},
        {"accession": "noncommercial", "state": STORED, "license_group": "noncommercial", "is_open_access": True},
        {"accession": "other", "state": FILTERED, "license_group": "other", "is_open_access": True},
        {"accession": "closed", "state": FILTERED, "license_group": "commercial", "is_open_access": False},
        {"accession": "refused", "state": REFUSED, "license_group": "commercial", "is_open_access": True},
        {"accession": "relicensed", "state": STORED, "is_open_access": True, "is_relicensed": True, **group},
    )
    first = "source.license_groups=[commercial, noncommercial]"
    kept = as_selected(documents, load_settings("local", [first, *overrides]))
    gone = {name for (name,) in collected(documents, "accession")} - {name for (name,) in collected(kept, "accession")}
    assert gone == {"refused", "relicensed", *fetched_again}


def test_a_retraction_stays_known_though_the_xml_that_came_with_it_was_refused(spark: SparkSession) -> None:
    now = {
        "accepted": (True, None),
        "broken": (False, Reason.CHECKSUM_MISMATCH),
        "failed": (False, Reason.FETCH_FAILED),
        "new": (True, Reason.XML_MISSING),
        "new_failed": (True, Reason.FETCH_FAILED),
        "stored": (True, Reason.XML_MISSING),
        "stored_failed": (True, Reason.FETCH_FAILED),
        "told_failed": (True, Reason.FETCH_FAILED),
    }
    rows = [{"accession": name, "state": REFUSED, "is_retracted": retracted} for name, (retracted, _) in now.items()]
    reasons = spark.createDataFrame(
        [(n, reason and str(reason)) for n, (_, reason) in now.items()], "accession string, reason string"
    )
    fetched = frame(spark, DOCUMENTS, *rows).join(reasons, "accession")
    here = [
        {"accession": n, "state": STORED, "is_retracted": n == "told_failed"} for n in ("stored", "stored_failed", "told_failed")
    ]
    told = with_metadata_told(fetched, frame(spark, DOCUMENTS, *here))
    assert collected(told, "accession", "state", "is_retracted", "reason") == [
        ("accepted", REFUSED, True, None),
        ("broken", REFUSED, False, "checksum_mismatch"),
        ("failed", REFUSED, False, "fetch_failed"),
        ("new", REFUSED, True, None),
        ("new_failed", REFUSED, True, None),
        ("stored", REFUSED, True, None),
        ("stored_failed", STORED, True, None),
    ]


@pytest.mark.parametrize(
    ("reason", "told", "before", "expected"),
    [
        (Reason.FETCH_FAILED, "CC BY-NC", False, True),
        (Reason.FETCH_FAILED, None, False, True),
        (Reason.FETCH_FAILED, "CC BY", True, False),
        (Reason.FETCH_FAILED, "CC BY", False, None),
        (Reason.FETCH_FAILED, "CC BY-NC", True, None),
        (Reason.CHECKSUM_MISMATCH, "CC BY-NC", False, None),
    ],
)
def test_another_licence_is_known_though_the_request_for_the_xml_that_came_with_it_failed(
    spark: SparkSession, reason: Reason, told: str | None, before: bool, expected: bool | None
) -> None:
    """expected: the flag of the row that stays as it was otherwise; None where no row changes or it goes."""
    about = {"accession": "PMC1.1", "license_code": told, "etag": "2", "state": REFUSED}
    fetched = frame(spark, DOCUMENTS, about, about | {"accession": "PMC2.1"})
    fetched = fetched.withColumn("reason", F.lit(str(reason)))
    here = {"accession": "PMC1.1", "license_code": "CC BY", "etag": "1", "state": STORED, "xml": b"x", "is_relicensed": before}
    applied = with_metadata_told(fetched, frame(spark, DOCUMENTS, here)).where("reason IS NULL")
    columns = ("accession", "license_code", "etag", "xml", "is_relicensed")
    assert collected(applied, *columns) == ([] if expected is None else [("PMC1.1", "CC BY", "1", b"x", expected)])


def test_metadata_that_were_not_read_tell_nothing(spark: SparkSession) -> None:
    failed = frame(spark, DOCUMENTS, {"accession": "PMC1.1", "license_code": None}).withColumn("metadata", F.lit(None))
    failed = failed.withColumn("is_retracted", F.lit(None).cast("boolean")).withColumn("reason", F.lit("fetch_failed"))
    here = frame(spark, DOCUMENTS, {"accession": "PMC1.1", "license_code": "CC BY", "is_retracted": True, "state": STORED})
    assert collected(with_metadata_told(failed, here), "accession", "reason") == [("PMC1.1", "fetch_failed")]


def test_documents_of_versions_that_are_no_longer_listed_are_obsolete(spark: SparkSession) -> None:
    documents = frame(spark, DOCUMENTS, *({"accession": name} for name in ("PMC1.1", "PMC2.1", "PMC3.1")))
    assert collected(obsolete_documents(documents, listed(spark)), "accession") == [("PMC2.1",), ("PMC3.1",)]
