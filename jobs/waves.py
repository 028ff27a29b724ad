"""Work in waves: each is staged and committed by itself, so that a killed run loses at most one."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.tables import CHANGE, DELETE, INSERT, UPSERT
from schemas.rejects import Reason
from schemas.table import Table

_READS_PER_SLOT = 4


def waves(work: DataFrame, key: tuple[str, ...], num_rows: int, wave_size: int) -> Iterator[DataFrame]:
    """The rows of `work` in disjoint parts of about `wave_size` rows, by hash of the key; nothing for no rows.

    The frame must not change while the parts are worked off: stage it before.
    """
    num_waves = -(-num_rows // wave_size)
    part = F.pmod(F.xxhash64(*key), F.lit(max(1, num_waves)))
    for number in range(num_waves):
        yield work if num_waves == 1 else work.where(part == number)


def changes_of_fetched(fetched: DataFrame, current: DataFrame, table: Table) -> DataFrame:
    """Changes of a table by what was fetched: accepted rows come in, rows whose successor was refused for good go.

    A failed request says nothing about the object: what an earlier run stored stays until the source answers.
    """
    for_good = F.col("reason").isNotNull() & (F.col("reason") != Reason.FETCH_FAILED)
    known = current.select(*table.key, F.lit(True).alias("is_known"))
    change = F.when(for_good, DELETE).when(F.col("is_known"), UPSERT).otherwise(INSERT).alias(CHANGE)
    joined = fetched.where(F.col("reason").isNull() | for_good).join(known, list(table.key), "left")
    return joined.where(~for_good | F.col("is_known")).select(*table.column_names, change)


def expected_bytes(work: DataFrame, known: DataFrame, usual_bytes: int) -> int:
    """What reading the work's objects will bring (bytes): their size when last read, else the mean of what is `known`.

    known: the work's key columns and `num_bytes`; usual_bytes stands for the mean while nothing is known.
    """
    keys = [name for name in known.columns if name != "num_bytes"]
    mean = known.agg(F.avg("num_bytes").alias("mean")).collect()[0]["mean"] or usual_bytes
    sized = work.join(known, keys, "left").agg(F.sum(F.coalesce("num_bytes", F.lit(mean))).alias("total"))
    return int(sized.collect()[0]["total"] or 0)


def spread_by_bytes(
    frame: DataFrame, num_rows: int, num_bytes: int, partition_bytes: int, tasks_at_a_time: int, is_capped: bool = False
) -> DataFrame:
    """The frame in tasks of about `partition_bytes` of the expected `num_bytes`, at least one for each that can run at a time.

    is_capped: not more either. Each task has its share of a cap on requests, and executors that join later must not add any.
    The objects of an article version follow one another in one task: where they lie in a package, it is opened once.
    """
    by_bytes = 0 if is_capped else -(-num_bytes // partition_bytes)
    num_tasks = max(1, min(num_rows, max(tasks_at_a_time, by_bytes)))
    return frame.repartition(num_tasks, "accession").sortWithinPartitions("accession")


def spread(frame: DataFrame, key: str, num_rows: int, rows_per_task: int, tasks_at_a_time: int) -> DataFrame:
    """The frame in tasks of about `rows_per_task` rows by hash of the key, and at least one for each that can run at a time.

    Without a key Spark sorts whole rows by their hash before it deals them out, so that a task repeated deals the same way.
    """
    return frame.repartition(max(min(tasks_at_a_time, num_rows), -(-num_rows // rows_per_task), 1), key)


def is_spread(table: DataFrame, tasks_at_a_time: int) -> bool:
    """True for a table whose files are read in several tasks for each that can run at a time."""
    return bool(table.rdd.getNumPartitions() >= _READS_PER_SLOT * tasks_at_a_time)
