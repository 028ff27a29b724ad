"""Bring `inventory` up to the source's newest complete listing.

Reads: the source's inventory report. Writes: inventory (key accession), rejects.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import Settings, UnusableSettings
from jobs.arrow_frames import map_batches, sql_columns
from jobs.entry import main
from jobs.listing_checks import LISTED, check_age, check_parts, check_removals, inventory_time
from jobs.options import refusals, running_tasks, source_options, source_setting, unanswered
from jobs.stage import Counts, RunContext, newest_inputs, sync_rejects
from jobs.tables import CHANGE, INSERT, UPSERT, Lake
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.rejects import Reason
from schemas.table import Table
from udfs.batches.inventory_listing import PART, RESULT, InventoryRead
from udfs.inventory import Manifest, find_manifest, list_versions
from udfs.inventory_rows import INVENTORY_ROWS, listing_batches
from udfs.source import open_source

STAGE = "sync_inventory"
READS: tuple[Table, ...] = ()
WRITES: tuple[Table, ...] = (INVENTORY,)
SECTIONS = ("source",)

logger = logging.getLogger(__name__)


def source_manifest(settings: Settings) -> Manifest | None:
    """The source's newest complete inventory, None where it has none; UnusableSettings for one that is none or is silent."""
    with refusals(), unanswered(source_setting(settings)):
        return find_manifest(open_source(source_options(settings)))


def mark(settings: Settings) -> str:
    """Key and checksum of the newest complete manifest; a source without any is listed anew each time."""
    manifest = source_manifest(settings)
    for newer in manifest.passed_over if manifest else ():  # here, for a run that finds nothing new must tell it, too
        logger.warning("%s: passed over the incomplete inventory %s", STAGE, newer)
    return f"{manifest.key} {manifest.checksum}" if manifest else f"{LISTED}{datetime.now(UTC).isoformat()}"


def read_listing(spark: SparkSession, settings: Settings, manifest: Manifest | None) -> DataFrame:
    """Every line of the inventory, one task a part (under a cap on requests only as many as share it), as RESULT has them.

    Without an inventory every metadata object that the source lists.
    """
    if manifest is None:
        with unanswered(source_setting(settings)):
            listed = pa.Table.from_batches(listing_batches(list_versions(open_source(source_options(settings)))), INVENTORY_ROWS)
        lines = spark.createDataFrame(listed, sql_columns(INVENTORY_ROWS))
        return lines.withColumn("problem", F.lit(None).cast("string"))
    parts = [(part.key, part.num_bytes, part.md5) for part in manifest.parts]
    tasks = running_tasks(spark)
    num_tasks = min(len(parts), tasks) if settings.fetch.is_capped else len(parts)
    frame = spark.createDataFrame(parts, sql_columns(PART)).repartition(max(1, num_tasks))
    return map_batches(frame, InventoryRead(source_options(settings, tasks), manifest.columns), RESULT)


def newest_lines(listing: DataFrame) -> DataFrame:
    """One row per accession that is listed: where a key stands twice, the line written last."""
    newest = F.max_by(F.struct("pmcid", "version", "etag", "last_modified"), F.struct("last_modified", "etag"))
    return (
        listing.where(F.col("accession").isNotNull()).groupBy("accession").agg(newest.alias("line")).select("accession", "line.*")
    )


def inventory_changes(listed: DataFrame, current: DataFrame, seen: datetime, before: datetime | None) -> DataFrame:
    """Changes of the table: added and changed versions, and present ones that are no longer listed.

    seen: time of this listing; before: of the one that was followed last, which all that is present was in.
    """
    new = listed.select("accession", F.struct("*").alias("new"))
    old = current.select("accession", F.struct("*").alias("old"))
    joined = new.join(old, "accession", "full_outer")
    gone = F.col("new").isNull() & (F.col("old.state") == PRESENT)
    same = F.col("new.etag").eqNullSafe(F.col("old.etag")) & F.col("old.state").eqNullSafe(PRESENT)
    either = {n: F.coalesce(F.col(f"new.{n}"), F.col(f"old.{n}")) for n in ("pmcid", "version", "etag", "last_modified")}
    now = F.lit(seen)
    return joined.where(gone | (F.col("new").isNotNull() & ~same)).select(
        "accession",
        *(column.alias(name) for name, column in either.items()),
        F.when(gone, REMOVED).otherwise(PRESENT).alias("state"),
        F.coalesce("old.first_seen", now).alias("first_seen"),
        F.when(gone, F.greatest(F.lit(before).cast("timestamp"), F.col("old.last_seen"))).otherwise(now).alias("last_seen"),
        F.when(F.col("old").isNull(), INSERT).otherwise(UPSERT).alias(CHANGE),
    )


def refused_lines(listing: DataFrame) -> DataFrame:
    """Keys that name no article version, or objects of another bucket, as rejects."""
    elsewhere = F.when(F.col("key").startswith("s3://"), "listed for another bucket than source.bucket")
    return (
        listing.where(F.col("accession").isNull())
        .select("key", F.lit(str(Reason.BAD_KEY)).alias("reason"))
        .distinct()
        .withColumn("detail", elsewhere.otherwise("not of the form metadata/PMC<digits>.<version>.json"))
        .withColumn("fingerprint", F.col("key"))
    )


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Read the newest listing, merge what changed, refuse lines that name no article version."""
    lake = Lake(spark, settings.lake)
    manifest = source_manifest(settings)
    followed = newest_inputs(lake).get(STAGE)  # not as it was when the run began: another one may have followed a newer day
    if manifest:
        check_age(manifest, followed, settings)
    seen = manifest.created if manifest else context.started
    listing = lake.stage(read_listing(spark, settings, manifest), STAGE)
    check_parts(listing, manifest)
    follow(lake, settings, listing, (seen, inventory_time(followed)))
    refused = refused_lines(listing)
    num_rejected = sync_rejects(lake, context, STAGE, refused.select("key"), refused)
    lines = listing.agg(F.count("*").alias("all"), F.count_distinct("key").alias("distinct")).collect()[0]
    lake.unstage(STAGE)
    num_ok = lake.read(INVENTORY).where(F.col("state") == PRESENT).count()
    return Counts(lines["all"], num_ok, num_rejected, {"listed_twice": lines["all"] - lines["distinct"]})


def follow(lake: Lake, settings: Settings, listing: DataFrame, times: tuple[datetime, datetime | None]) -> None:
    """Merge a listing into the table; UnusableSettings, with nothing written, for one that cannot be the whole.

    times: of this listing and of the one that was followed last.
    """
    current = lake.read(INVENTORY)
    changes = inventory_changes(newest_lines(listing), current, *times)
    num_present = current.where(F.col("state") == PRESENT).count()
    if num_present == 0 and listing.where(F.col("accession").isNotNull()).isEmpty():
        source = settings.source
        raise UnusableSettings(
            f"source.uri: {source.uri} lists no article version of {source.bucket}; check the address and source.bucket"
        )
    if num_present:
        changes = lake.stage(changes, f"{STAGE}_changes")
        check_removals(changes.where(F.col("state") == REMOVED).count(), num_present, settings)
    lake.apply(INVENTORY, changes)
    lake.unstage(f"{STAGE}_changes")


if __name__ == "__main__":
    main(STAGE)
