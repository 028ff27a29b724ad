"""Fetch metadata and XML of article versions that are new, changed, or were left to retry.

Reads: inventory, the source. Writes: documents (key accession), rejects.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs.arrow_frames import map_batches
from jobs.entry import main
from jobs.options import (
    fetch_limits,
    read_text,
    requests_per_task,
    running_tasks,
    selected_ids,
    selection,
    source_options,
)
from jobs.stage import Counts, RunContext, refused_for_good, sync_rejects
from jobs.tables import Lake
from jobs.waves import changes_of_fetched, expected_bytes, spread_by_bytes, waves
from schemas.documents import DOCUMENTS, FILTERED, REFUSED
from schemas.inventory import INVENTORY, PRESENT
from schemas.rejects import REJECTS, Reason
from schemas.table import Table
from udfs.batches.documents import RESULT, DocumentFetch

STAGE = "fetch_articles"
READS: tuple[Table, ...] = (INVENTORY,)
WRITES: tuple[Table, ...] = (DOCUMENTS,)
SECTIONS = ("source", "fetch")
USUAL_BYTES = 100_000  # metadata and XML of an article, as the mean of a thousand real ones


def mark(settings: Settings) -> str:
    """What the settings' ids are now: the digest of their file; a search may find others each time."""
    if settings.source.query is not None:
        return f"searched {datetime.now(UTC).isoformat()}"
    if settings.source.ids is None:
        return "all"
    return hashlib.sha256(read_text(Path(settings.source.ids)).encode()).hexdigest()


def wanted_versions(inventory: DataFrame, ids: DataFrame | None, since: date | None) -> DataFrame:
    """Listed versions that the ids name (all of a PMCID's, or one accession) and the source wrote since; None: every one."""
    present = inventory.where(F.col("state") == PRESENT)
    if since is not None:
        present = present.where(F.col("last_modified") >= F.lit(datetime(since.year, since.month, since.day, tzinfo=UTC)))
    if ids is not None:
        named = ids.select("id", F.substring_index("id", ".", 1).alias("article"))  # a key of equality, which an OR is not
        is_named = (F.col("id") == F.col("pmcid")) | (F.col("id") == F.col("accession"))
        present = present.join(named, (F.col("article") == F.col("pmcid")) & is_named, "left_semi")
    return present.select("accession", "etag")


def followed_versions(lake: Lake, settings: Settings) -> DataFrame:
    """Versions that the settings select, and all that are here: what is here is followed whatever else is selected."""
    inventory, ids, since = lake.read(INVENTORY), selected_ids(lake.spark, settings), settings.source.since
    wanted = wanted_versions(inventory, ids, since)
    if ids is None and since is None:
        return wanted
    here = lake.read(DOCUMENTS).select("accession")
    return wanted.unionByName(wanted_versions(inventory, None, None).join(here, "accession", "left_semi")).distinct()


def as_selected(documents: DataFrame, settings: Settings) -> DataFrame:
    """Documents whose state is what the present selection makes of them; a wider or narrower one fetches the others again.

    Refused ones are not among them: whether they are fetched again is told by their reject. Nor are those whose source has told
    another licence: they are fetched until their XML is here, even if the licence is taken back meanwhile.
    """
    is_open = F.col("is_open_access") | F.lit(not settings.source.require_open_access)
    is_wanted = is_open & F.col("license_group").isin(*settings.source.license_groups)
    is_known = (F.col("state") != REFUSED) & ~F.col("is_relicensed")
    return documents.where(is_known & (is_wanted == (F.col("state") != FILTERED)))


def versions_to_fetch(wanted: DataFrame, documents: DataFrame, refused: DataFrame | None) -> DataFrame:
    """Wanted versions whose files are not here under their present change mark, nor were refused under it."""
    work = wanted.join(documents.select("accession", "etag"), ["accession", "etag"], "left_anti")
    if refused is None:
        return work
    known = refused.select(F.col("key").alias("accession"), F.col("fingerprint").alias("etag"))
    return work.join(known, ["accession", "etag"], "left_anti")


def with_metadata_told(fetched: DataFrame, current: DataFrame) -> DataFrame:
    """What was fetched, where metadata count whose XML was refused: a retraction or another licence is not forgotten for its XML.

    Where only the request for the XML failed, the row that an earlier run stored stays, flagged as the metadata say. A retracted
    version without such a row is no longer refused: it gets one without XML.
    """
    is_failed = F.col("metadata").isNotNull() & (F.col("reason") == Reason.FETCH_FAILED)
    said = F.struct("is_retracted", "license_code").alias("said")
    known = current.join(fetched.where(is_failed).select("accession", said), "accession")
    is_relicensed = ~F.col("license_code").eqNullSafe(F.col("said.license_code"))
    is_new = (F.col("is_retracted") != F.col("said.is_retracted")) | (F.col("is_relicensed") != is_relicensed)
    flags = {"is_retracted": F.col("said.is_retracted"), "is_relicensed": is_relicensed}
    flagged = known.where(is_new).withColumns(flags).drop("said")
    rest = fetched.join(F.broadcast(known.select("accession")), "accession", "left_anti")
    reason = F.when(~F.coalesce(F.col("is_retracted"), F.lit(False)), F.col("reason"))
    return rest.withColumn("reason", reason).unionByName(flagged, allowMissingColumns=True)


def obsolete_documents(documents: DataFrame, inventory: DataFrame) -> DataFrame:
    """Accessions of documents whose version the source no longer lists."""
    present = inventory.where(F.col("state") == PRESENT)
    return documents.select("accession").join(present, "accession", "left_anti")


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Fetch what is missing in waves, then drop what the source no longer lists."""
    lake = Lake(spark, settings.lake)
    wanted = followed_versions(lake, settings)
    refused = refused_for_good(lake, STAGE, settings)
    here = as_selected(lake.read(DOCUMENTS), settings)
    work = lake.stage(versions_to_fetch(wanted, here, refused), f"{STAGE}_work")
    num_in = work.count()
    total = Counts(0, 0, 0)
    for wave in waves(work, ("accession",), num_in, settings.fetch.wave_size):
        total += fetch_wave(lake, settings, context, wave, wanted)
    lake.delete(DOCUMENTS, obsolete_documents(lake.read(DOCUMENTS), lake.read(INVENTORY)))
    if num_in == 0:
        nothing = spark.createDataFrame([], "key string, reason string, detail string, fingerprint string")
        sync_rejects(lake, context, STAGE, nothing.select("key"), nothing, missing_keys(lake, settings, wanted))
    lake.unstage(f"{STAGE}_work")
    return Counts(num_in, total.num_ok, total.num_rejected, total.filtered)


def missing_keys(lake: Lake, settings: Settings, wanted: DataFrame) -> DataFrame:
    """Listed versions whose files are not here: the only ones that may have a reject; one to be retried only if it is wanted."""
    listed = wanted_versions(lake.read(INVENTORY), None, None)
    missing = versions_to_fetch(listed, as_selected(lake.read(DOCUMENTS), settings), None).select(F.col("accession").alias("key"))
    failed = lake.read(REJECTS).where((F.col("stage") == STAGE) & (F.col("reason") == Reason.FETCH_FAILED)).select("key")
    unwanted = failed.join(wanted.select(F.col("accession").alias("key")), "key", "left_anti")
    return missing.join(unwanted, "key", "left_anti")


def fetch_wave(lake: Lake, settings: Settings, context: RunContext, wave: DataFrame, wanted: DataFrame) -> Counts:
    """Fetch one wave of versions and commit it, rejects last: a version that has one is not looked at again."""
    tasks = running_tasks(lake.spark)
    fetch = DocumentFetch(
        source_options(settings, tasks), selection(settings), fetch_limits(settings), requests_per_task(lake.spark, settings)
    )
    num_bytes = expected_bytes(wave, lake.read(DOCUMENTS).select("accession", "num_bytes"), USUAL_BYTES)
    work = spread_by_bytes(wave, wave.count(), num_bytes, settings.fetch.partition_bytes, tasks, settings.fetch.is_capped)
    fetched = lake.stage(map_batches(work, fetch, RESULT), STAGE)
    refused = fetched.where("reason IS NOT NULL").select(
        F.col("accession").alias("key"), "reason", "detail", F.col("etag").alias("fingerprint")
    )
    told = with_metadata_told(fetched, lake.read(DOCUMENTS))
    lake.apply(DOCUMENTS, changes_of_fetched(told, lake.read(DOCUMENTS), DOCUMENTS))
    tried = fetched.select(F.col("accession").alias("key"))
    num_rejected = sync_rejects(lake, context, STAGE, tried, refused, missing_keys(lake, settings, wanted))
    filtered = fetched.where(F.col("state") == FILTERED).groupBy("filter_reason").count().collect()
    num_ok = fetched.where((F.col("state") != FILTERED) & F.col("reason").isNull()).count()
    lake.unstage(STAGE)
    return Counts(num_ok + num_rejected, num_ok, num_rejected, {row["filter_reason"]: row["count"] for row in filtered})


if __name__ == "__main__":
    main(STAGE)
