"""Group images that show the same picture, exactly or nearly, around the one that stands for them.

Reads: images, media, articles. Writes: duplicates (key image_sha256), hash_pairs (key lower_phash, upper_phash).
After the first run only components of the candidate graph are decided again in which something changed.
"""

from __future__ import annotations

import json
import logging

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings, Settings
from jobs.arrow_frames import map_batches, narrow_rows
from jobs.candidate_graph import candidate_graph, save_graph
from jobs.comparable_images import comparable_images, hash_version, incomparable_images
from jobs.entry import main
from jobs.stage import Counts, ReconciliationError, RunContext
from jobs.tables import HistoryGone, Lake
from jobs.touched_images import touched_images
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES, EXACT_BYTES, EXACT_PIXELS, NEAR, SELF
from schemas.hash_pairs import HASH_PAIRS
from schemas.images import IMAGES
from schemas.licenses import LICENSE_GROUPS
from schemas.media import MEDIA
from schemas.table import Table
from udfs.batches.duplicate_clusters import NODE, RESULT, FindClusters

STAGE = "find_duplicates"
READS: tuple[Table, ...] = (IMAGES, MEDIA, ARTICLES)
WRITES: tuple[Table, ...] = (DUPLICATES, HASH_PAIRS)
SECTIONS: tuple[str, ...] = ("duplicates",)

logger = logging.getLogger(__name__)


def image_uses(media: DataFrame, articles: DataFrame) -> DataFrame:
    """Per image how many media have it, the freest licence among its articles and where it stands in the oldest article."""
    place = F.array_position(F.array(*(F.lit(group) for group in LICENSE_GROUPS)), F.col("license_group"))
    known = articles.select("accession", place.alias("license_rank"), F.coalesce("year", F.lit(9999)).alias("year"))
    return (
        media.select("image_sha256", "accession", "media_name")
        .join(known, "accession")
        .groupBy("image_sha256")
        .agg(
            F.count("*").alias("num_media"),
            F.min("license_rank").alias("license_rank"),
            F.min(F.struct("year", "accession", "media_name")).alias("oldest"),
        )
    )


def ranked_images(images: DataFrame, num_tasks: int) -> DataFrame:
    """Components whole and side by side, the images of a task best first.

    That is: most pixels, then freest licence, then oldest article, then by name. Featureless images match by their pixels
    alone: only those with the same ones need to be in one task, however many have one hash.
    """
    whole = F.when(F.col("is_featureless"), F.xxhash64("pixels_sha256")).otherwise(F.col("component"))
    pixels = F.col("width_px").cast("long") * F.col("height_px")
    order = (F.desc(pixels), "license_rank", "oldest", "image_sha256")
    return images.repartition(num_tasks, whole).sortWithinPartitions(*order).select(*NODE.names)


def cluster_id(canonical: Column) -> Column:
    """The id of the cluster of a canonical image."""
    return F.substring(canonical, 1, 16)


def duplicate_rows(clusters: DataFrame, uses: DataFrame, settings: DuplicateSettings, version: str) -> DataFrame:
    """The rows of `duplicates`: members of clusters, images near one, and single images whose file stands at several places."""
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
        .select(
            "image_sha256",
            cluster_id(canonical).alias("cluster_id"),
            canonical.alias("canonical_sha256"),
            cluster_id(F.coalesce("component_sha256", "image_sha256")).alias("component_id"),
            kind.otherwise(NEAR).alias("kind"),
            F.coalesce("hamming_distance", F.lit(0)).alias("hamming_distance"),
            "num_media",
            F.lit(version).alias("hash_version"),
            F.lit(settings.max_distance).alias("max_distance"),
            F.lit(settings.max_distance_256).alias("max_distance_256"),
        )
    )


def check_uses(num_nodes: int, num_used: int) -> None:
    """ReconciliationError where an image to decide stands in no article: it has no rank, and would be left out unsaid."""
    if num_nodes != num_used:
        raise ReconciliationError(
            f"{STAGE}: {num_nodes} images to decide, but {num_used} of them in an article; run the stages before"
        )


def mark(settings: Settings) -> str:
    """What decides the result beside the tables: hashes of another definition, or with other bounds, are decided anew."""
    near = settings.duplicates
    bounds = f"{near.max_distance} of 64 bits, {near.max_distance_256} of 256, entropy {near.min_entropy_bits}"
    return f"{hash_version(settings)}, confirmed pairs, {bounds}"


def touched_since_last_run(lake: Lake, settings: Settings, context: RunContext) -> DataFrame | None:
    """The images to look at again, staged; None for all.

    That is: at first, with other settings, where others changed the tables, or where a change feed has a gap.
    """
    inputs = json.loads(context.last_inputs(lake, STAGE) or "{}")
    if (inputs.get("mark"), inputs.get("outputs")) != (mark(settings), lake.commits(WRITES)):
        return None
    try:
        return lake.stage(touched_images(lake, inputs["tables"]), f"{STAGE}/touched")
    except (HistoryGone, PySparkException, Py4JJavaError) as error:
        logger.warning("%s: what changed since the last run cannot be read, all is decided again: %s", STAGE, error)
        return None


def decide(lake: Lake, nodes: DataFrame, is_all: bool, settings: Settings) -> DataFrame:
    """The rows of `duplicates` for the images of `nodes` and, if these are all, for single images with several media."""
    media, near = lake.read(MEDIA).where("image_sha256 IS NOT NULL"), settings.duplicates
    wanted = nodes.select("image_sha256")
    if is_all:
        # Every image that a medium names is in `images`: only those of another hash version, few, need to be left out.
        repeated = media.groupBy("image_sha256").count().where("count > 1").select("image_sha256")
        wanted = wanted.union(repeated.join(incomparable_images(lake.read(IMAGES), settings), "image_sha256", "left_anti"))
    uses = lake.stage(image_uses(media.join(wanted, "image_sha256", "left_semi"), lake.read(ARTICLES)), f"{STAGE}/uses")
    used = nodes.join(uses, "image_sha256")
    num_used = used.count()
    check_uses(nodes.count(), num_used)
    ranked = ranked_images(used, max(1, -(-num_used // near.images_per_task)))
    clusters = map_batches(ranked, FindClusters(near.max_distance, near.max_distance_256), RESULT)
    clusters = lake.stage(clusters, f"{STAGE}/clusters")
    return duplicate_rows(clusters, uses.select("image_sha256", "num_media"), near, hash_version(settings))


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Decide every cluster that may have changed and bring both tables up to date, the candidate graph last.

    After a run that was killed once it had written a table the next one decides everything again.
    """
    lake = Lake(spark, settings.lake)
    num_images = lake.read(IMAGES).count()
    with narrow_rows(spark, num_images):
        touched = touched_since_last_run(lake, settings, context)
        images = comparable_images(lake.read(IMAGES), settings)
        graph = candidate_graph(lake, images, touched, settings.duplicates)
        nodes = lake.stage(images.join(graph.decided, "phash_trimmed"), f"{STAGE}/nodes")
        rows = decide(lake, nodes, touched is None, settings)
        if touched is None:
            lake.sync(DUPLICATES, rows)
        else:
            again = nodes.select("image_sha256").union(touched.select("image_sha256")).distinct()
            lake.sync(DUPLICATES, rows, lake.read(DUPLICATES).join(again, "image_sha256", "left_semi"))
        save_graph(lake, graph)
    num_compared = images.count()
    lake.unstage(STAGE)
    return Counts(num_images, num_compared, 0, {"hash_version": incomparable_images(lake.read(IMAGES), settings).count()})


if __name__ == "__main__":
    main(STAGE)
