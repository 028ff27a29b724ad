"""What a Delta table's log says of its commits, read without a query: https://github.com/delta-io/delta/blob/master/PROTOCOL.md."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from jobs.hadoop_files import HadoopFolder

MAINTENANCE = {"OPTIMIZE", "VACUUM", "COMPUTE"}
_COMMIT_NAME = "{:020}.json"
_COMMIT = re.compile(r"\d{20}\.json")


class Commit(NamedTuple):
    """One commit of a table: its version and its time (ms since 1970). A table made anew reaches the version, not the time."""

    version: int
    time_ms: int


def is_maintenance(operation: str) -> bool:
    """Whether a commit of this operation leaves every row as it is."""
    return operation.split()[0] in MAINTENANCE


def newest_change(spark: SparkSession, table_uri: str) -> Commit | None:
    """The newest commit that changed rows; None where the files of the log do not tell, and Delta must be asked.

    DESCRIBE HISTORY runs four queries for it, and a stage asks for each table that it reads or writes.
    """
    try:
        log = HadoopFolder(spark, f"{table_uri}/_delta_log")
        for name in filter(_COMMIT.fullmatch, log.names_descending("*.json")):
            operation, time_ms = _told(log.first_line(name))
            if operation is None or time_ms is None:
                return None
            if not is_maintenance(operation):
                return Commit(int(name.partition(".")[0]), time_ms)
    except Py4JJavaError:  # a place where Spark reads tables and nobody may read files
        return None
    return None


def commit_at(spark: SparkSession, table_uri: str, version: int) -> Commit | None:
    """The commit of a version; None where the files of the log do not tell, or it was cleaned away."""
    try:
        _, time_ms = _told(HadoopFolder(spark, f"{table_uri}/_delta_log").first_line(_COMMIT_NAME.format(version)))
    except Py4JJavaError:
        return None
    return None if time_ms is None else Commit(version, time_ms)


def is_as_created(spark: SparkSession, table_uri: str) -> bool:
    """Whether a table has no rows because nobody has written any since it was created; False where its log does not tell."""
    try:
        log = HadoopFolder(spark, f"{table_uri}/_delta_log")
        first, second = (_COMMIT_NAME.format(version) for version in (0, 1))
        if log.exists(second) or not log.exists(first):  # Delta deletes old commits, the oldest first
            return False
        return _told(log.first_line(first))[0] == "CREATE TABLE"
    except Py4JJavaError:
        return False


def _told(line: str) -> tuple[str | None, int | None]:
    """Operation and time of a commit by the first line of its file; None for both unless that line is its commitInfo."""
    info = json.loads(line or "{}").get("commitInfo") or {}
    return info.get("operation") or None, info.get("timestamp")
