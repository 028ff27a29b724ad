import pyarrow as pa
import pytest

from schemas.table import TIMESTAMP, Column, Table, sql_type

COLUMNS = (
    Column("name", pa.string(), "What it's called (a\\b)", required=True),
    Column("size", pa.int64(), "Size (bytes)"),
    Column("raw", pa.binary(), "Bytes"),
)
THINGS = Table(name="things", comment="One row per thing.", columns=COLUMNS, key=("name",), checks={})


@pytest.mark.parametrize(
    ("arrow_type", "expected"),
    [
        (pa.string(), "STRING"),
        (TIMESTAMP, "TIMESTAMP"),
        (pa.list_(pa.int32()), "ARRAY<INT>"),
        (pa.map_(pa.string(), pa.int64()), "MAP<STRING, BIGINT>"),
        (pa.list_(pa.struct([("end", pa.int32()), ("text", pa.string())])), "ARRAY<STRUCT<`end`: INT, `text`: STRING>>"),
    ],
)
def test_arrow_types_have_sql_names_at_any_depth(arrow_type: pa.DataType, expected: str) -> None:
    assert sql_type(arrow_type) == expected


@pytest.mark.parametrize("arrow_type", [pa.timestamp("ns"), pa.int8(), pa.list_(pa.large_string())])
def test_a_type_that_the_archive_does_not_use_is_refused(arrow_type: pa.DataType) -> None:
    with pytest.raises(ValueError, match="no SQL type for Arrow type"):
        sql_type(arrow_type)


def test_the_column_list_carries_nullability_and_escaped_comments() -> None:
    first, second, third = THINGS.columns_ddl().split(",\n  ")
    assert first == "`name` STRING NOT NULL COMMENT 'What it\\'s called (a\\\\b)'"
    assert second == "`size` BIGINT COMMENT 'Size (bytes)'"
    assert third.startswith("`raw` BINARY")
    assert "COMMENT" not in THINGS.columns_ddl(comments=False)


def test_the_arrow_schema_follows_the_columns() -> None:
    assert THINGS.arrow_schema == pa.schema(
        [pa.field("name", pa.string(), nullable=False), pa.field("size", pa.int64()), pa.field("raw", pa.binary())]
    )
    assert THINGS.row_type == pa.struct(list(THINGS.arrow_schema))


def test_a_batch_fills_missing_columns_with_null() -> None:
    assert THINGS.batch([{"name": "a", "raw": b"x"}]).to_pylist() == [{"name": "a", "size": None, "raw": b"x"}]


def test_a_batch_refuses_a_column_that_the_table_lacks() -> None:
    with pytest.raises(ValueError, match=r"table things has no column \['colour'\]"):
        THINGS.batch([{"name": "a"}, {"name": "b", "colour": "red"}])


@pytest.mark.parametrize(("key", "cluster_by"), [(("size",), ()), (("id",), ()), (("name",), ("colour",))])
def test_keys_must_be_required_columns_and_clustering_columns_must_exist(
    key: tuple[str, ...], cluster_by: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="table things: key and clustering columns"):
        Table(name="things", comment="", columns=COLUMNS, key=key, checks={}, cluster_by=cluster_by)
