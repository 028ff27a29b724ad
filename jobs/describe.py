"""The archive in figures: rows and sizes per table, rejects by reason, what a demo shows at its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import functions as F
from rich.table import Table as Grid

from jobs.tables import Lake
from schemas.catalog import TABLES
from schemas.duplicates import DUPLICATES
from schemas.rejects import REJECTS
from schemas.shards import SHARDS
from schemas.table import Table, sql_type


def table_sizes(lake: Lake) -> dict[str, dict[str, int]]:
    """Rows and bytes of every table's current version."""

    def size(table: Table) -> dict[str, int]:
        return {"num_rows": lake.read(table).count(), "num_bytes": int(lake.detail(table)["sizeInBytes"])}

    with ThreadPoolExecutor(4) as pool:
        return dict(zip((table.name for table in TABLES), pool.map(size, TABLES), strict=True))


def rejects_by_reason(lake: Lake) -> dict[str, int]:
    """Rows of `rejects` per `stage reason`."""
    rows = lake.read(REJECTS).groupBy("stage", "reason").count().orderBy("stage", "reason").collect()
    return {f"{row['stage']} {row['reason']}": row["count"] for row in rows}


def archive_summary(lake: Lake) -> dict[str, Any]:
    """Rows per table, rejects by reason, duplicates by kind, and shards."""
    kinds = lake.read(DUPLICATES).groupBy("kind").count().orderBy("kind").collect()
    shards = (
        lake.read(SHARDS).agg(F.count("*").alias("num"), F.coalesce(F.sum("num_samples"), F.lit(0)).alias("samples")).collect()[0]
    )
    return {
        "tables": table_sizes(lake),
        "rejects": rejects_by_reason(lake),
        "duplicates": {row["kind"]: row["count"] for row in kinds},
        "shards": {"num_shards": shards["num"], "num_samples": shards["samples"]},
    }


def tables_grid(sizes: dict[str, dict[str, int]]) -> Grid:
    """Tables with rows, size and purpose."""
    grid = Grid(title="Tables", title_justify="left")
    grid.add_column("table", no_wrap=True)
    grid.add_column("rows", justify="right", no_wrap=True)
    grid.add_column("size", justify="right", no_wrap=True)
    grid.add_column("one row is")
    for table in TABLES:
        size = sizes[table.name]
        grid.add_row(table.name, f"{size['num_rows']:,}", readable_bytes(size["num_bytes"]), table.comment)
    return grid


def columns_grid(table: Table) -> Grid:
    """Columns of a table with type and comment."""
    grid = Grid(title=f"{table.name} (key: {', '.join(table.key)})", title_justify="left")
    grid.add_column("column", no_wrap=True)
    grid.add_column("type", max_width=24, overflow="fold")
    grid.add_column("meaning", overflow="fold")
    for column in table.columns:
        grid.add_row(column.name, sql_type(column.type), column.comment)
    return grid


def readable_bytes(num_bytes: int) -> str:
    """A size with a unit: 1.2 MiB."""
    size, units = float(num_bytes), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"
