"""Group images that show the same picture, exactly or nearly, around the one that stands for them.

Reads: images, media, articles. Writes: duplicates (key image_sha256).
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings, Settings
from jobs.arrow_frames import map_batches
from jobs.entry import main
from jobs.stage import Counts, RunContext
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES, EXACT_BYTES, EXACT_PIXELS, NEAR, SELF
from schemas.images import IMAGES
from schemas.licenses import LICENSE_GROUPS
from schemas.media import MEDIA
from schemas.table import Table
from udfs.batches.duplicate_clusters import NODE, RESULT, FindClusters

STAGE = "find_duplicates"
READS: tuple[Table, ...] = (IMAGES, MEDIA, ARTICLES)
SECTIONS = ("duplicates",)


def image_uses(media: DataFrame, articles: DataFrame) -> DataFrame:
    """Per image how many media have it, the freest licence among its articles and where it stands in the oldest article."""
    place = F.array_position(F.array(*(F.lit(group) for group in LICENSE_GROUPS)), F.col("license_group"))
    known = articles.select("accession", place.alias("license_rank"), F.coalesce("year", F.lit(9999)).alias("year"))
    return (
        media.join(known, "accession")
        .groupBy("image_sha256")
        .agg(
            F.count("*").alias("num_media"),
            F.min("license_rank").alias("license_rank"),
            F.min(F.struct("year", "accession", "media_name")).alias("oldest"),
        )
    )


def ranked_images(images: DataFrame, uses: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """Images best first: most pixels, then freest licence, then oldest article, then by name; all in one partition."""
    pixels = F.col("width_px").cast("long") * F.col("height_px")
    order = (F.desc(pixels), "license_rank", "oldest", "image_sha256")
    nodes = images.withColumn("is_featureless", F.col("entropy_bits") < settings.min_entropy_bits).join(uses, "image_sha256")
    return nodes.coalesce(1).sortWithinPartitions(*order).select(*NODE.names)


def duplicate_rows(clusters: DataFrame, images: DataFrame, uses: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """The rows of `duplicates`: members of clusters, and single images whose file stands at several places."""
    version = images.select("image_sha256", "hash_version")
    alone = F.col("canonical_sha256").isNull()
    is_canonical = alone | (F.col("canonical_sha256") == F.col("image_sha256"))
    kind = (
        F.when(is_canonical & (F.col("num_media") > 1), EXACT_BYTES)
        .when(is_canonical, SELF)
        .when(F.col("is_same_pixels"), EXACT_PIXELS)
    )
    canonical = F.coalesce("canonical_sha256", "image_sha256")
    return (
        uses.join(clusters, "image_sha256", "left")
        .where(~alone | (F.col("num_media") > 1))
        .join(version, "image_sha256")
        .select(
            "image_sha256",
            F.substring(canonical, 1, 16).alias("cluster_id"),
            canonical.alias("canonical_sha256"),
            kind.otherwise(NEAR).alias("kind"),
            F.coalesce("hamming_distance", F.lit(0)).alias("hamming_distance"),
            "num_media",
            "hash_version",
            F.lit(settings.max_distance).alias("max_distance"),
        )
    )


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Find all clusters and bring the table up to date."""
    lake = Lake(spark, settings.lake)
    images = lake.read(IMAGES).drop("image")
    uses = image_uses(lake.read(MEDIA), lake.read(ARTICLES))
    find = FindClusters(settings.duplicates.max_distance, settings.duplicates.max_distance_256)
    clusters = lake.stage(map_batches(ranked_images(images, uses, settings.duplicates), find, RESULT), STAGE)
    lake.sync(DUPLICATES, duplicate_rows(clusters, images, uses, settings.duplicates))
    lake.unstage(STAGE)
    num_images = images.count()
    return Counts(num_images, num_images, 0)


if __name__ == "__main__":
    main(STAGE)
