"""The one place that names Delta: create, read and change the archive's tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import cast

from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import MapType, StructType

from conf.settings import LakeSettings, UnusableSettings
from jobs.commit_log import Commit, commit_at, is_as_created, is_maintenance, newest_change
from jobs.hadoop_files import HadoopFolder
from jobs.lease import check_lease
from jobs.table_ddl import create_statement
from schemas.catalog import TABLES
from schemas.table import Table

INSERT = "insert"
UPSERT = "upsert"
DELETE = "delete"
CHANGE = "_change"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_MAINTENANCE_AT_ONCE = 20


class HistoryGone(Exception):
    """A table has not got the commit that a run recorded."""


@dataclass(frozen=True)
class Changed:
    """How many rows one write inserted or updated, and deleted."""

    num_upserted: int
    num_deleted: int


class Lake:
    """The archive's tables at one place: by path below `settings.uri`, or by name in `settings.catalog`.

    A run whose lease on the archive is lost writes nothing more: UnusableSettings.
    """

    def __init__(self, spark: SparkSession, settings: LakeSettings) -> None:
        self.spark = spark
        self.settings = settings

    def path(self, name: str) -> str:
        """Where a table's folder lies."""
        return f"{self.settings.uri}/{name}"

    def identifier(self, table: Table) -> str:
        """The table's name in a SQL statement."""
        if self.settings.catalog:
            return f"{self.settings.catalog}.{table.name}"
        return f"delta.`{self.path(table.name)}`"

    def create(self) -> None:
        """Create every table that is missing; UnusableSettings for a table that lacks a column of its schema."""
        if self.settings.catalog:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.settings.catalog}")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._create, TABLES))

    def _create(self, table: Table) -> None:
        self.spark.sql(create_statement(table, self.identifier(table), self.settings.catalog and self.path(table.name)))
        existing = {field.name: field.dataType for field in self.spark.read.table(self.identifier(table)).schema}
        wanted = {field.name: field.dataType for field in spark_schema(table)}
        differing = sorted(name for name in wanted if existing.get(name) != wanted[name])
        if differing:
            raise UnusableSettings(
                f"lake.uri: table {table.name} at {self.settings.uri} was made by another version (columns {differing} differ); "
                "use another lake.uri or rebuild the table"
            )

    def exists(self) -> bool:
        """True when the archive's tables have been created."""
        last = TABLES[-1]
        if self.settings.catalog:
            return self.spark.catalog.tableExists(f"{self.settings.catalog}.{last.name}")
        from delta.tables import DeltaTable

        return bool(DeltaTable.isDeltaTable(self.spark, self.path(last.name)))

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table's rows, now or as of a Delta version.

        A table that nobody has written to is known to be empty: joins with it are no work, and rows written later are not seen.
        """
        suffix = "" if version is None else f" VERSION AS OF {version}"
        rows = self.spark.sql(f"SELECT * FROM {self.identifier(table)}{suffix}")
        is_empty = version is None and not self.settings.catalog and is_as_created(self.spark, self.path(table.name))
        return rows.where(F.lit(False)) if is_empty else rows

    def changes(self, table: Table, since: Sequence[int]) -> DataFrame:
        """Rows of the change feed after a commit of `commits`, with `_change_type`: insert, delete, update_preimage, ...

        HistoryGone where the table has no such commit: it was made anew, or its log was cleaned.
        """
        now, then = self.commit(table), Commit(*since)
        if now == then:
            return self.read(table).limit(0).withColumn("_change_type", F.lit(""))
        if now.version <= then.version or self._commit_at(table, then.version) != then:
            raise HistoryGone(f"table {table.name} is at version {now.version} and has not the {then.version} of the last run")
        feed = self.spark.read.option("readChangeFeed", "true").option("startingVersion", then.version + 1)
        return feed.table(self.identifier(table))

    def read_images(self, uri: str) -> DataFrame | None:
        """name (SHA-256) and content of each row of a Delta table with a column `image`, NULL for both where it has none.

        None where there is no such table; ValueError for one without such a column.
        """
        from delta.tables import DeltaTable

        if not DeltaTable.isDeltaTable(self.spark, uri):
            return None
        images = self.spark.read.format("delta").load(uri)
        if dict(images.dtypes).get("image") != "binary":
            columns = ", ".join(f"{name} {data_type}" for name, data_type in images.dtypes)
            raise ValueError(
                f"the Delta table {uri} has no binary column `image` but {columns}; give a table with the bytes of the image"
                " files in it"
            )
        return images.select(F.sha2("image", 256).alias("name"), F.col("image").alias("content"))

    def version(self, table: Table) -> int:
        """The newest Delta version that changed rows: maintenance (OPTIMIZE, VACUUM) leaves them as they are."""
        return self.commit(table).version

    def versions(self, tables: Iterable[Table]) -> dict[str, int]:
        """The newest Delta version of each table that changed rows, by name."""
        return {name: version for name, (version, _) in self.commits(tables).items()}

    def commit(self, table: Table) -> Commit:
        """The newest commit that changed rows."""
        found = None if self.settings.catalog else newest_change(self.spark, self.path(table.name))
        if found is not None:
            return found
        history = self._history(table, f"LIMIT {_MAINTENANCE_AT_ONCE}").collect()
        changes = [row for row in history if not is_maintenance(row["operation"])]
        newest = max(changes, key=lambda row: row["version"], default=history[0])
        return Commit(newest["version"], newest["time_ms"])

    def commits(self, tables: Iterable[Table]) -> dict[str, list[int]]:
        """The newest commit of each table that changed rows, by name, as a run records what it read and left."""
        listed = list(tables)
        with ThreadPoolExecutor(4) as pool:
            found = pool.map(self.commit, listed)
            return {table.name: list(commit) for table, commit in zip(listed, found, strict=True)}

    def _commit_at(self, table: Table, version: int) -> Commit | None:
        found = None if self.settings.catalog else commit_at(self.spark, self.path(table.name), version)
        if found is not None:
            return found
        row = self._history(table).where(F.col("version") == version).first()
        return None if row is None else Commit(row["version"], row["time_ms"])

    def _history(self, table: Table, limit: str = "") -> DataFrame:
        history = self.spark.sql(f"DESCRIBE HISTORY {self.identifier(table)} {limit}")
        return history.select("version", "operation", F.unix_millis("timestamp").alias("time_ms"))

    def detail(self, table: Table) -> Row:
        """What Delta says of the table: sizeInBytes, numFiles and more."""
        row = self.spark.sql(f"DESCRIBE DETAIL {self.identifier(table)}").first()
        if row is None:
            raise RuntimeError(f"Delta gave no detail of table {table.name}")
        return row

    def register_views(self) -> None:
        """Make every table a temporary view of its own name, for SQL."""
        for table in TABLES:
            self.spark.read.table(self.identifier(table)).createOrReplaceTempView(table.name)

    @contextmanager
    def commit_note(self, note: str) -> Iterator[None]:
        """Write `note` (the run and its resolved settings, JSON) into the userMetadata of every commit inside."""
        self.spark.conf.set(_USER_METADATA, note)
        try:
            yield
        finally:
            self.spark.conf.unset(_USER_METADATA)

    def stage(self, rows: DataFrame, name: str) -> DataFrame:
        """Rows written once to a scratch place and read back: what follows never runs a kernel or a fetch twice.

        The next call with the same name overwrites them.
        """
        path = self.path(f"_staging/{name}")
        check_lease(self.settings.uri)
        # What is read once or twice and then dropped is not worth a dictionary of its long texts, nor many turns of a compressor.
        write = rows.write.mode("overwrite").option("parquet.enable.dictionary", "false").option("compression", "snappy")
        write.parquet(path)
        return self.spark.read.schema(rows.schema).parquet(path)

    def unstage(self, name: str) -> None:
        """Delete the scratch place of `stage`, and those whose names begin with this one and a slash."""
        check_lease(self.settings.uri)
        path = self.path(f"_staging/{name}")
        try:
            HadoopFolder(self.spark, path).delete_all()
        except Py4JJavaError:  # a place where Spark writes frames and nobody may touch files
            self.spark.range(0).write.mode("overwrite").parquet(path)

    def sync(self, table: Table, rows: DataFrame, current: DataFrame | None = None) -> Changed:
        """Make the table (or its part `current`) equal to `rows`, writing only the rows that differ."""
        existing = self.read(table) if current is None else current
        return self.apply(table, differences(table, rows, existing))

    def apply(self, table: Table, changes: DataFrame) -> Changed:
        """Write rows marked INSERT (the key is new), UPSERT or DELETE in the column CHANGE; at most one row per key.

        No change, no commit; only new rows, a plain append.
        """
        held = changes.persist(StorageLevel.DISK_ONLY)
        try:
            counts = {row[CHANGE]: row["count"] for row in held.groupBy(CHANGE).count().collect()}
            if counts.keys() == {INSERT}:
                self.append(table, held)
            elif counts:
                self._merge(table, held)
        finally:
            held.unpersist()
        return Changed(counts.get(INSERT, 0) + counts.get(UPSERT, 0), counts.get(DELETE, 0))

    def append(self, table: Table, rows: DataFrame) -> None:
        """Add rows whose keys are known to be new."""
        check_lease(self.settings.uri)
        rows.select(*table.column_names).writeTo(self.identifier(table)).append()

    def _merge(self, table: Table, changes: DataFrame) -> None:
        columns = {name: f"s.`{name}`" for name in table.column_names}
        check_lease(self.settings.uri)
        (
            self._delta(table)
            .alias("t")
            .merge(changes.alias("s"), _on_key(table))
            .whenMatchedDelete(f"s.{CHANGE} = '{DELETE}'")
            .whenMatchedUpdate(set=columns)
            .whenNotMatchedInsert(f"s.{CHANGE} <> '{DELETE}'", values=columns)
            .execute()
        )

    def delete(self, table: Table, keys: DataFrame) -> Changed:
        """Delete the rows with these keys."""
        rest = [F.lit(None).cast(f.dataType).alias(f.name) for f in spark_schema(table) if f.name not in table.key]
        return self.apply(table, keys.select(*table.key, *rest, F.lit(DELETE).alias(CHANGE)))

    def insert_new(self, table: Table, rows: DataFrame) -> None:
        """Insert the rows whose key is new, one per key given; existing rows are neither read in full nor rewritten."""
        columns = {name: f"s.`{name}`" for name in table.column_names}
        check_lease(self.settings.uri)
        self._delta(table).alias("t").merge(rows.alias("s"), _on_key(table)).whenNotMatchedInsert(values=columns).execute()

    def _delta(self, table: Table):  # type: ignore[no-untyped-def]  # delta-spark ships no types
        from delta.tables import DeltaTable

        if self.settings.catalog:
            return DeltaTable.forName(self.spark, self.identifier(table))
        return DeltaTable.forPath(self.spark, self.path(table.name))


def _on_key(table: Table) -> str:
    return " AND ".join(f"t.`{name}` = s.`{name}`" for name in table.key)


def spark_schema(table: Table) -> StructType:
    """The table's Spark schema."""
    return cast(StructType, StructType.fromDDL(table.columns_ddl(comments=False)))


def differences(table: Table, rows: DataFrame, current: DataFrame) -> DataFrame:
    """Changes that turn `current` into `rows`: new rows as INSERT, differing ones as UPSERT, missing ones as DELETE.

    ValueError when the columns of `rows` are not the table's.
    """
    check_columns(table, rows)
    new = rows.select(F.struct(*table.column_names).alias("new"), *table.key)
    old = current.select(F.struct(*table.column_names).alias("old"), *table.key)
    joined = new.join(old, list(table.key), "full_outer").where(~_same(table, rows))
    kept = [
        F.coalesce(F.col(f"new.{n}"), F.col(f"old.{n}")).alias(n) if n in table.key else F.col(f"new.{n}")
        for n in table.column_names
    ]
    change = F.when(F.col("new").isNull(), DELETE).when(F.col("old").isNull(), INSERT).otherwise(UPSERT).alias(CHANGE)
    return joined.select(*kept, change)


def _same(table: Table, rows: DataFrame) -> Column:
    present = F.col("new").isNotNull() & F.col("old").isNotNull()
    return reduce(lambda both, one: both & one, (_equal(field.name, field.dataType) for field in rows.schema), present)


def _equal(name: str, data_type: object) -> Column:
    new, old = F.col(f"new.`{name}`"), F.col(f"old.`{name}`")
    if isinstance(data_type, MapType):  # Spark compares no maps
        new, old = F.array_sort(F.map_entries(new)), F.array_sort(F.map_entries(old))
    return new.eqNullSafe(old)


def check_columns(table: Table, rows: DataFrame) -> None:
    """ValueError unless the frame has exactly the table's columns with the table's types."""
    wanted = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    given = {field.name: field.dataType.simpleString() for field in rows.schema}
    wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
    if wrong:
        details = ", ".join(f"{name}: {given.get(name, 'missing')} instead of {wanted.get(name, 'nothing')}" for name in wrong)
        raise ValueError(f"rows do not fit table {table.name}: {details}")
