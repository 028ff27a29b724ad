"""A table described once: columns, key and rules, from which the Arrow schema, the DDL and the docs page are derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")

_SQL_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "STRING",
    pa.binary(): "BINARY",
    pa.date32(): "DATE",
    TIMESTAMP: "TIMESTAMP",
}


def sql_type(data_type: pa.DataType) -> str:
    """The Spark SQL name of an Arrow type; ValueError for one that the archive does not use."""
    if pa.types.is_list(data_type):
        return f"ARRAY<{sql_type(data_type.value_type)}>"
    if pa.types.is_map(data_type):
        return f"MAP<{sql_type(data_type.key_type)}, {sql_type(data_type.item_type)}>"
    if pa.types.is_struct(data_type):
        return f"STRUCT<{', '.join(f'`{field.name}`: {sql_type(field.type)}' for field in data_type)}>"
    if data_type not in _SQL_TYPES:
        raise ValueError(f"schemas: no SQL type for Arrow type {data_type}; use one of {sorted(map(str, _SQL_TYPES))}")
    return _SQL_TYPES[data_type]


@dataclass(frozen=True)
class Column:
    """One column: the comment names unit and origin; a required column is NOT NULL in the table."""

    name: str
    type: pa.DataType
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the archive: `checks` maps a constraint's name to its SQL condition, `cluster_by` what queries filter on."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    checks: Mapping[str, str]
    cluster_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a key or a clustering column that the table does not have, or a key column that may be NULL."""
        required = {column.name for column in self.columns if column.required}
        missing = [name for name in self.key if name not in required]
        missing += [name for name in self.cluster_by if name not in self.column_names]
        if missing:
            raise ValueError(f"table {self.name}: key and clustering columns must exist, the key's NOT NULL: {missing}")

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema with nullability, column by column in table order."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in self.columns])

    @property
    def row_type(self) -> pa.StructType:
        """The row as one Arrow struct, to carry it inside another row."""
        return pa.struct(list(self.arrow_schema))

    def batch(self, rows: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
        """Rows as one record batch of the table's schema; ValueError names a key that is no column."""
        listed = list(rows)
        known = set(self.column_names)
        for row in listed:
            if not known.issuperset(row):
                raise ValueError(f"table {self.name} has no column {sorted(set(row) - known)}")
        return pa.RecordBatch.from_pylist(listed, schema=self.arrow_schema)

    def columns_ddl(self, comments: bool = True) -> str:
        """The column list of CREATE TABLE; without comments it is also a Spark schema string."""
        return ",\n  ".join(_column_ddl(column, comments) for column in self.columns)


def _column_ddl(column: Column, comments: bool) -> str:
    null = " NOT NULL" if column.required else ""
    escaped = column.comment.replace("\\", "\\\\").replace("'", "\\'")
    return f"`{column.name}` {sql_type(column.type)}{null}" + (f" COMMENT '{escaped}'" if comments else "")
