"""What a Delta table's log says of its commits, read without a query: https://github.com/delta-io/delta/blob/master/PROTOCOL.md."""

from __future__ import annotations

import json
import re

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from jobs.hadoop_files import HadoopFolder

MAINTENANCE = {"OPTIMIZE", "VACUUM", "COMPUTE"}
_COMMIT_NAME = "{:020}.json"
_COMMIT = re.compile(r"\d{20}\.json")


def is_maintenance(operation: str) -> bool:
    """Whether a commit of this operation leaves every row as it is."""
    return operation.split()[0] in MAINTENANCE


def newest_change(spark: SparkSession, table_uri: str) -> int | None:
    """The newest version whose commit changed rows; None where the files of the log do not tell, and Delta must be asked.

    DESCRIBE HISTORY runs four queries for it, and a stage asks for each table that it reads or writes.
    """
    try:
        log = HadoopFolder(spark, f"{table_uri}/_delta_log")
        for name in filter(_COMMIT.fullmatch, log.names_descending("*.json")):
            operation = _operation(log.first_line(name))
            if operation is None:
                return None
            if not is_maintenance(operation):
                return int(name.partition(".")[0])
    except Py4JJavaError:  # a place where Spark reads tables and nobody may read files
        return None
    return None


def is_as_created(spark: SparkSession, table_uri: str) -> bool:
    """Whether a table has no rows because nobody has written any since it was created; False where its log does not tell."""
    try:
        log = HadoopFolder(spark, f"{table_uri}/_delta_log")
        first, second = (_COMMIT_NAME.format(version) for version in (0, 1))
        if log.exists(second) or not log.exists(first):  # Delta deletes old commits, the oldest first
            return False
        return _operation(log.first_line(first)) == "CREATE TABLE"
    except Py4JJavaError:
        return False


def _operation(line: str) -> str | None:
    """The operation of a commit by the first line of its file; None unless that line is its commitInfo."""
    info = json.loads(line or "{}").get("commitInfo") or {}
    return info.get("operation") or None
