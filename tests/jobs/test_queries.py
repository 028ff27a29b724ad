"""What may be asked of the archive, and how the answer looks."""

import io

import pytest
from pyspark.errors import ParseException
from pyspark.sql import Row, SparkSession
from rich.console import Console

from jobs.queries import check_read_only, rows_grid


@pytest.mark.spark
@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'DELETE FROM pairs'",
        "  -- first\n /* then */ (SELECT 1) UNION SELECT 2",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "FROM range(3) SELECT id",
        "VALUES (1)",
        "SHOW TABLES",
        "DESCRIBE pairs",
        "EXPLAIN SELECT 1",
    ],
)
def test_queries_are_let_through(spark: SparkSession, query: str) -> None:
    check_read_only(spark, query)


@pytest.mark.spark
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM pairs",
        "delete from delta.`/lake/pairs`",
        "UPDATE pairs SET caption = ''",
        "INSERT INTO pairs SELECT * FROM pairs",
        "WITH a AS (SELECT 1) INSERT INTO pairs SELECT * FROM a",
        "FROM pairs INSERT INTO pairs SELECT *",
        "MERGE INTO pairs USING a ON true WHEN MATCHED THEN DELETE",
        "DROP TABLE pairs",
        "CREATE TABLE a AS SELECT 1",
        "/* SELECT */ TRUNCATE TABLE pairs",
        "SET spark.sql.ansi.enabled=false",
    ],
)
def test_statements_that_change_something_are_refused(spark: SparkSession, query: str) -> None:
    with pytest.raises(ValueError, match="only queries are run here"):
        check_read_only(spark, query)


@pytest.mark.spark
def test_what_is_no_sql_stays_a_parse_error(spark: SparkSession) -> None:
    with pytest.raises(ParseException):
        check_read_only(spark, "SELEC 1")


def printed(columns: list[str], rows: list[tuple[object, ...]]) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(rows_grid(columns, rows, console.width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_few_columns_stand_side_by_side() -> None:
    lines = printed(["licence", "n"], [("[CC BY]", 3), (None, 1)])
    assert any("[CC BY]" in line and "3" in line for line in lines)
    assert any("NULL" in line for line in lines)


def test_many_columns_stand_one_below_the_other() -> None:
    names = [f"column_{number}" for number in range(20)]
    lines = printed(names, [tuple(range(20)), (b"abc", *range(19))])
    assert sum("column_19" in line for line in lines) == 2
    assert any("column_0" in line and "<3 bytes>" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_digest_is_never_cut() -> None:
    digest = "".join(f"{number:x}" for number in range(64))[:64]
    for columns in (1, 20):
        lines = printed([f"column_{number}" for number in range(columns)], [(digest,) * columns])
        assert "…" not in "".join(lines)
        assert max(map(len, lines)) <= 80


def test_nested_values_stand_as_sql_writes_them() -> None:
    mention = Row(section="Results", start=164, panels=["A", None])
    lines = printed(["value"], [([mention],), (True,), ({"a": 1},)])
    for text in ("[{section: Results, start: 164, panels: [A, NULL]}]", "true", "{a: 1}"):
        assert any(text in line for line in lines), text
