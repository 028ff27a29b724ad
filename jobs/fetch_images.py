"""Fetch the media that figures name, and decode, normalise and hash them in the same pass.

Reads: figures, documents, the source. Writes: images, originals (key image_sha256), media (accession, media_name), rejects.
The row in `media` is written last: an object without one, with another digest (where the metadata give none: with another
change mark of its article version), other image settings or other hashes, is fetched again.
"""

from __future__ import annotations

import hashlib

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs.arrow_frames import map_batches, moved_rows
from jobs.comparable_images import hash_version
from jobs.entry import main
from jobs.options import fetch_limits, image_options, requests_per_task, running_tasks, source_options
from jobs.stage import Counts, RunContext, refused_for_good, sync_rejects
from jobs.tables import CHANGE, UPSERT, Lake
from jobs.waves import changes_of_fetched, expected_bytes, spread_by_bytes, waves
from schemas.documents import DOCUMENTS
from schemas.figures import FIGURES, PAIRED_KINDS
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.originals import ORIGINALS
from schemas.table import Table
from udfs.batches.media_images import RESULT, MediaFetch

STAGE = "fetch_images"
READS: tuple[Table, ...] = (FIGURES, DOCUMENTS)
WRITES: tuple[Table, ...] = (MEDIA, IMAGES, ORIGINALS)
SECTIONS = ("source", "fetch", "images")
USUAL_BYTES = 180_000  # a figure's file, as the mean of 148 real ones


def mark(settings: Settings) -> str:
    """The hash definition: under another one every image is hashed again."""
    return hash_version(settings)


def options_hash(settings: Settings) -> str:
    """What decides how an image is normalised and hashed, as `media.options_hash` keeps it."""
    return hashlib.sha256(f"{settings.images.digest()} {hash_version(settings)}".encode()).hexdigest()


def named_media(figures: DataFrame, documents: DataFrame, bucket: str) -> DataFrame:
    """Media objects that figures to be paired name: accession, media_name, uri with its digest, etag, fingerprint.

    The fingerprint tells whether an object is still what was read: its digest, or without one the change mark of its article
    version, which is then also the etag. Where the metadata has several URIs of a name, the one below the version's own prefix in
    the bucket counts.
    """
    names = figures.where(F.col("kind").isin(*PAIRED_KINDS)).select("accession", F.explode("media_names").alias("media_name"))
    uris = F.from_json("metadata", "media_urls ARRAY<STRING>").getField("media_urls")
    listed = documents.select("accession", "etag", F.explode(uris).alias("uri"))
    name = F.substring_index(F.substring_index("uri", "?", 1), "/", -1)
    is_own = F.startswith("uri", F.concat(F.lit(f"s3://{bucket}/"), "accession", F.lit("/")))
    return (
        listed.withColumn("media_name", name)
        .join(names.distinct(), ["accession", "media_name"], "left_semi")
        .groupBy("accession", "media_name")
        .agg(F.max_by("uri", F.struct(is_own, "uri")).alias("uri"), F.max("etag").alias("etag"))
        .withColumn("md5_listed", F.nullif(F.lower(F.regexp_extract("uri", r"[?&]md5=([0-9a-fA-F]*)", 1)), F.lit("")))
        .withColumn("etag", F.when(F.col("md5_listed").isNull(), F.col("etag")))
        .select("accession", "media_name", "uri", "etag", media_fingerprint())
    )


def media_fingerprint() -> Column:
    """What tells whether an object is still what was read, of the columns `md5_listed` and `etag`."""
    return F.coalesce("md5_listed", "etag").alias("fingerprint")


def media_to_fetch(named: DataFrame, media: DataFrame, refused: DataFrame | None, options_hash: str) -> DataFrame:
    """Named objects that are not here as the source has them under these image settings and hashes, nor were refused so."""
    marked = named.withColumn("options_hash", F.lit(options_hash))
    done = media.select("accession", "media_name", media_fingerprint(), "options_hash")
    work = marked.join(done, ["accession", "media_name", "fingerprint", "options_hash"], "left_anti")
    if refused is None:
        return work
    known = refused.select(F.col("key").alias("reject_key"), F.col("fingerprint").alias("reject_fingerprint"))
    return work.join(
        known, (reject_key() == F.col("reject_key")) & (reject_fingerprint() == F.col("reject_fingerprint")), "left_anti"
    )


def reject_key() -> Column:
    """Key of a media object in `rejects`."""
    return F.concat_ws("/", "accession", "media_name")


def reject_fingerprint() -> Column:
    """What decides how a media object fares: its digest and the image settings."""
    return F.concat_ws(" ", "fingerprint", "options_hash")


def distinct_images(fetched: DataFrame, table: Table = IMAGES) -> DataFrame:
    """One row of `images` or `originals` per content, without moving bytes: of several copies only the keys are compared."""
    nested = {IMAGES.name: "image_row", ORIGINALS.name: "original_row"}
    keys = fetched.where(F.col("reason").isNull()).select("image_sha256", "accession", "media_name")
    place = F.struct("accession", "media_name")
    spare = keys.join(
        keys.groupBy("image_sha256").agg(F.min(place).alias("first")).where("first IS NOT NULL"), "image_sha256"
    ).where(place != F.col("first"))
    kept = fetched.where(F.col("reason").isNull()).join(
        F.broadcast(spare.select("accession", "media_name")), ["accession", "media_name"], "left_anti"
    )
    return kept.select(*(F.col(f"{nested[table.name]}.`{name}`").alias(name) for name in table.column_names))


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Fetch what is missing in waves, then drop media that no figure names and images that no medium has."""
    lake = Lake(spark, settings.lake)
    named = lake.stage(named_media(lake.read(FIGURES), lake.read(DOCUMENTS), settings.source.bucket), f"{STAGE}_named")
    refused = refused_for_good(lake, STAGE, settings)
    todo = media_to_fetch(named, media_as_kept(lake, settings), refused, options_hash(settings))
    work = lake.stage(todo, f"{STAGE}_work")
    num_in = work.count()
    total = Counts(0, 0, 0)
    has_old = num_in > 0 and begin(lake, settings)
    for wave in waves(work, ("accession", "media_name"), num_in, settings.fetch.wave_size):
        total += fetch_wave(lake, settings, context, wave, named, has_old)
    drop_orphans(lake, settings, named)
    if num_in == 0:
        nothing = spark.createDataFrame([], "key string, reason string, detail string, fingerprint string")
        sync_rejects(lake, context, STAGE, nothing.select("key"), nothing, missing_keys(lake, settings, named))
    for name in (f"{STAGE}_work", f"{STAGE}_named"):
        lake.unstage(name)
    return Counts(num_in, total.num_ok, total.num_rejected)


def begin(lake: Lake, settings: Settings) -> bool:
    """Drop what a killed run left, then tell whether rows of `images` are of other settings or hashes, as their media say.

    An image without a medium may be of any settings, and would stay for a medium that is fetched now.
    """
    drop_unused_images(lake, settings)
    return not lake.read(MEDIA).where(F.col("options_hash") != options_hash(settings)).isEmpty()


def media_as_kept(lake: Lake, settings: Settings) -> DataFrame:
    """The media that are here with all that the settings keep of them; the others are fetched again."""
    media = lake.read(MEDIA)
    if not settings.fetch.keep_image_bytes:
        return media
    return media.join(lake.read(ORIGINALS).select("image_sha256"), "image_sha256", "left_semi")


def drop_orphans(lake: Lake, settings: Settings, named: DataFrame) -> None:
    """Delete media that no figure names as they are, images that no medium has, and original bytes that nobody wants.

    A medium whose new content could not be read does not stand for it with its old one.
    """
    here = lake.read(MEDIA).withColumn("fingerprint", media_fingerprint())
    lake.delete(MEDIA, here.join(named, ["accession", "media_name", "fingerprint"], "left_anti"))
    drop_unused_images(lake, settings)


def drop_unused_images(lake: Lake, settings: Settings) -> None:
    """Delete images that no medium has, and original bytes that nobody wants."""
    for table in (IMAGES, ORIGINALS):
        keys = lake.read(table).select("image_sha256")
        is_unwanted = table is ORIGINALS and not settings.fetch.keep_image_bytes
        lake.delete(table, keys if is_unwanted else keys.join(lake.read(MEDIA), "image_sha256", "left_anti"))


def missing_keys(lake: Lake, settings: Settings, named: DataFrame) -> DataFrame:
    """Named objects that are not here: the only ones that may have a reject."""
    missing = media_to_fetch(named, media_as_kept(lake, settings), None, options_hash(settings))
    return missing.select(reject_key().alias("key"))


def fetch_wave(lake: Lake, settings: Settings, context: RunContext, wave: DataFrame, named: DataFrame, has_old: bool) -> Counts:
    """Fetch and process one wave of media and commit it: images, media, then rejects, whose objects are not looked at again.

    has_old: whether images that are there may have to be replaced.
    """
    tasks = running_tasks(lake.spark)
    fetch = MediaFetch(
        source_options(settings, tasks),
        fetch_limits(settings),
        image_options(settings),
        requests_per_task(lake.spark, settings),
        settings.fetch.keep_image_bytes,
    )
    num_bytes = expected_bytes(wave, lake.read(MEDIA).select("accession", "media_name", "num_bytes"), USUAL_BYTES)
    bounds = (settings.fetch.partition_bytes, tasks, settings.fetch.is_capped)
    work = spread_by_bytes(wave.drop("fingerprint"), wave.count(), num_bytes, *bounds)
    fetched = lake.stage(map_batches(work, fetch, RESULT), STAGE)
    refused = (
        fetched.where("reason IS NOT NULL")
        .join(wave.select("accession", "media_name", "fingerprint"), ["accession", "media_name"])
        .select(reject_key().alias("key"), "reason", "detail", reject_fingerprint().alias("fingerprint"))
    )
    with moved_rows(lake.spark):
        write_images(lake, settings, fetched, has_old)
        lake.apply(MEDIA, changes_of_fetched(fetched, lake.read(MEDIA), MEDIA))
        tried = fetched.select(reject_key().alias("key"))
        num_rejected = sync_rejects(lake, context, STAGE, tried, refused, missing_keys(lake, settings, named))
        num_ok = fetched.where("reason IS NULL").count()
    lake.unstage(STAGE)
    return Counts(num_ok + num_rejected, num_ok, num_rejected)


def write_images(lake: Lake, settings: Settings, fetched: DataFrame, has_old: bool) -> None:
    """Insert new images, with their bytes if wanted; where those that are there may be of other settings, replace them too."""
    images = distinct_images(fetched)
    if has_old:
        lake.apply(IMAGES, images.withColumn(CHANGE, F.lit(UPSERT)))
    else:
        lake.insert_new(IMAGES, images)
    if settings.fetch.keep_image_bytes:
        lake.insert_new(ORIGINALS, distinct_images(fetched, ORIGINALS))


if __name__ == "__main__":
    main(STAGE)
