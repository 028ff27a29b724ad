"""The page docs/tables.md, derived from the schemas; `python -m jobs.tables_page` in the project's root writes it."""

from __future__ import annotations

from pathlib import Path

from schemas.catalog import TABLES
from schemas.table import Column, Table, sql_type

PAGE = Path("docs", "tables.md")
COMMAND = "python -m jobs.tables_page"
_HEAD = f"""# Tables

The archive is {len(TABLES)} Delta tables, listed in the order in which the pipeline fills them. With `lake.catalog`
set they stand in that schema of the catalog; otherwise each is a folder `<lake.uri>/<table>`. Every table carries
these comments, has its required columns as NOT NULL and its rules as CHECK constraints, and keeps a change data feed.
Timestamps are UTC. What is missing is NULL.

They join by columns of equal name: `accession` (an article version), `accession` and `figure_id` (a figure), `accession` and
`media_name` (a file of the source), `image_sha256` (an image's content), `cluster_id` (images that show the same picture).

This page is generated from `schemas/`: change it there, then run `{COMMAND}` in the project's root.
"""


def tables_page() -> str:
    """The whole page as Markdown: an overview of all tables, then one section a table."""
    return "\n".join([_HEAD, _overview(), *(_section(table) for table in TABLES)])


def _overview() -> str:
    rows = [_row([f"[{table.name}](#{table.name})", table.comment, _codes(table.key)]) for table in TABLES]
    return "\n".join([*_header("table", "what it holds", "key"), *rows, ""])


def _section(table: Table) -> str:
    lines = [f"## {table.name}", "", table.comment, "", f"Key: {_codes(table.key)}."]
    if table.cluster_by:
        lines[-1] += f" Clustered by {_codes(table.cluster_by)}."
    lines += ["", *_header("column", "type", "required", "meaning"), *(_column(column) for column in table.columns), ""]
    if table.checks:
        lines += ["Rules:", "", *(f"- {name}: `{condition}`" for name, condition in table.checks.items()), ""]
    return "\n".join(lines)


def _column(column: Column) -> str:
    required = "yes" if column.required else ""
    # A struct without its backticks reads better, and fits into one code span.
    return _row([f"`{column.name}`", f"`{sql_type(column.type).replace('`', '')}`", required, column.comment])


def _header(*names: str) -> list[str]:
    return [_row(names), _row(["---"] * len(names))]


def _row(cells: list[str] | tuple[str, ...]) -> str:
    """A line of a Markdown table; marks that would end a cell or begin a tag are escaped outside of code."""
    return f"| {' | '.join(cell if cell.startswith('`') else _escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(tables_page(), encoding="utf-8")
