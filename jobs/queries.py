"""Queries that only read, and their rows in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.sql import Row, SparkSession
from rich.markup import escape
from rich.table import Column
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


def error_in_a_line(error: Exception) -> str:
    """What a query that failed while it ran says, in one line: the first cause, where the JVM wraps it."""
    cause = getattr(error, "java_exception", None)
    if cause is None:
        return str(error).strip().partition("\n")[0]
    while cause.getCause() is not None:
        cause = cause.getCause()
    return str(cause.getMessage() or cause.toString()).strip().partition("\n")[0]


def rows_grid(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> Grid:
    """Rows side by side, or one value a line where the columns would be narrower than can be read."""
    names = [escape(name) for name in columns]
    if len(names) * MIN_COLUMN_WIDTH <= width:
        grid = Grid(*(Column(name, overflow="fold") for name in names))  # a digest that is cut cannot be used
        for row in rows:
            grid.add_row(*(_cell(value) for value in row))
        return grid
    grid = Grid("column", Column("value", overflow="fold"))
    for row in rows:
        for number, (name, value) in enumerate(zip(names, row, strict=True), start=1):
            grid.add_row(name, _cell(value), end_section=number == len(names))
    return grid


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    return escape(_text(value))  # a caption's [brackets] are no markup


def _text(value: object) -> str:
    """A value as SQL writes it: true, [1, 2], {name: value}."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Row):
        return f"{{{', '.join(f'{name}: {_text(part)}' for name, part in value.asDict().items())}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(name)}: {_text(part)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_text(part) for part in value)}]"
    return "NULL" if value is None else str(value)
