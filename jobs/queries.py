"""Queries that only read, and their rows in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.sql import SparkSession
from rich.markup import escape
from rich.table import Table as Grid

from conf.settings import UnusableSettings

MIN_COLUMN_WIDTH = 12
_READING = {"SELECT", "WITH", "FROM", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"}
_WRITING = ("Insert", "Delete", "Update", "Merge")


def check_read_only(spark: SparkSession, query: str) -> None:
    """UnusableSettings for a statement that would change something; ParseException for what is no SQL."""
    statement = re.sub(r"^(\s|--[^\n]*\n|/\*.*?\*/|\()+", "", query, flags=re.DOTALL)
    word = re.match(r"\w*", statement).group().upper()  # type: ignore[union-attr]
    # `WITH ... INSERT` and `FROM ... INSERT` begin like queries: only the parsed plan tells.
    plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(query)
    if word not in _READING or any(name.startswith(_WRITING) for name in _node_names(plan)):
        raise UnusableSettings("only queries are run here: the archive is changed by its jobs alone; begin with SELECT or WITH")


def _node_names(plan: Any) -> Iterator[str]:
    """Names of a plan's nodes: not from the plan as a string, which a session may cut short."""
    yield plan.nodeName()
    for nodes in (plan.children(), plan.innerChildren()):
        for number in range(nodes.size()):
            yield from _node_names(nodes.apply(number))


def rows_grid(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> Grid:
    """Rows side by side, or one value a line where the columns would be narrower than can be read."""
    names = [escape(name) for name in columns]
    if len(names) * MIN_COLUMN_WIDTH <= width:
        grid = Grid(*names)
        for row in rows:
            grid.add_row(*(_cell(value) for value in row))
        return grid
    grid = Grid("column", "value")
    for row in rows:
        for number, (name, value) in enumerate(zip(names, row, strict=True), start=1):
            grid.add_row(name, _cell(value), end_section=number == len(names))
    return grid


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    return escape(str(value))  # a caption's [brackets] are no markup
