"""Which licence a pair carries: never one that its figure does not have."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from jobs.figure_licenses import group_of, licensed_figures
from schemas.licenses import STRICTNESS, license_group

pytestmark = pytest.mark.spark
COLUMNS = (
    "name string, rights string, permission string, figure_license_code string, article_license_code string,"
    " article_is_no_derivatives boolean"
)
FIGURES = [
    ("plain", "article", "© The Authors", None, "CC BY", False),
    ("of an ND article", "article", None, None, "CC BY-NC", True),
    ("stricter", "own_license", "CC BY-NC", "CC BY-NC", "CC BY", False),
    ("freer", "own_license", "CC BY", "CC BY", "CC BY-NC-ND", True),
    ("no derivatives", "own_license", "CC BY-ND", "CC BY-ND", "CC BY", False),
    ("own terms", "own_license", "Terms of the museum", None, "CC BY", False),
    ("unknown terms", "own_license", "CC NC-SAMPLING", "CC NC-SAMPLING", "CC BY", False),
    ("others", "third_party", "© Getty Images", None, "CC BY", False),
    ("others with a licence", "third_party", "With permission; CC BY", "CC BY", "CC BY", False),
]


@pytest.fixture(scope="module")
def licensed(spark: SparkSession) -> dict[str, Row]:
    return {row["name"]: row for row in licensed_figures(spark.createDataFrame(FIGURES, COLUMNS)).collect()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", ("CC BY", "commercial", False, None)),
        ("of an ND article", ("CC BY-NC", "noncommercial", True, None)),
        ("stricter", ("CC BY-NC", "noncommercial", False, "CC BY-NC")),
        ("freer", ("CC BY", "commercial", False, "CC BY")),
        ("no derivatives", ("CC BY-ND", "commercial", True, "CC BY-ND")),
        ("own terms", (None, "other", False, "Terms of the museum")),
        ("unknown terms", ("CC NC-SAMPLING", "other", False, "CC NC-SAMPLING")),
        ("others", (None, "other", False, "© Getty Images")),
        ("others with a licence", (None, "other", False, "With permission; CC BY")),
    ],
)
def test_a_figure_carries_its_own_licence_or_the_articles_or_none(
    licensed: dict[str, Row], name: str, expected: tuple[Any, ...]
) -> None:
    row = licensed[name]
    assert (row["license_code"], row["license_group"], row["is_no_derivatives"], row["permission"]) == expected


def test_the_group_in_sql_is_the_group_of_the_schema(spark: SparkSession) -> None:
    codes = [*STRICTNESS, "TDM", "cc by", "", None]
    rows = spark.createDataFrame([(code,) for code in codes], "code string")
    found = {row["code"]: row["group"] for row in rows.select("code", group_of(rows["code"]).alias("group")).collect()}
    assert found == {code: license_group(code) for code in codes}
