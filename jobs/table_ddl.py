"""The statement that creates a Delta table of a schema."""

from __future__ import annotations

from schemas.table import Table

_PROPERTIES = {"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": "false"}


def create_statement(table: Table, identifier: str, location: str | None = None) -> str:
    """CREATE TABLE with comments, NOT NULL, CHECK constraints, clustering and the change data feed."""
    # Statistics of texts and bytes cost every write and fill the log. Rows lie in files by the hash of their keys or as they are
    # clustered: of other columns every file holds about every value, so that nothing could be skipped by them.
    counted = dict.fromkeys((*table.key, *table.cluster_by))
    properties = {**_PROPERTIES, "delta.dataSkippingStatsColumns": ",".join(counted)}
    properties |= {f"delta.constraints.{name}": condition for name, condition in table.checks.items()}
    pairs = ", ".join(f"'{key}' = '{_quoted(value)}'" for key, value in properties.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {identifier} (\n  {table.columns_ddl()}\n) USING DELTA"
        + (f"\nCLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else "")
        + f"\nCOMMENT '{_quoted(table.comment)}'"
        + (f"\nLOCATION '{_quoted(location)}'" if location else "")
        + f"\nTBLPROPERTIES ({pairs})"
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
