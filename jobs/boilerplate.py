"""Images in so many articles that they are a picture of none: logos, badges, blank plots. They connect no articles."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.near_components import near_components
from jobs.tables import Lake

COMMON, CHAINED = "boilerplate", "boilerplate_chain"


def boilerplate_and_components(
    lake: Lake, media: DataFrame, duplicates: DataFrame, images: DataFrame, settings: DuplicateSettings, staged: str
) -> tuple[DataFrame, DataFrame]:
    """image_sha256 and filtered of the boilerplate; image_sha256 and near_component of what else is in `duplicates`.

    filtered: COMMON for a cluster in more than `max_articles_per_image` articles; CHAINED for everything that chains of near
    images connect, without those, in more than `max_articles_per_component`: a logo encoded anew makes many small clusters.
    """
    clusters = duplicates.select("image_sha256", F.col("cluster_id").alias("group"))
    common = lake.stage(common_images(media, clusters, settings.max_articles_per_image), f"{staged}/common")
    near = lake.stage(near_components(duplicates, common, images, settings), f"{staged}/near")
    components = near.select("image_sha256", F.col("near_component").alias("group"))
    crowded = lake.stage(common_images(media, components, settings.max_articles_per_component), f"{staged}/crowded")
    chained = crowded.join(common, "image_sha256", "left_anti")
    boilerplate = common.withColumn("filtered", F.lit(COMMON)).union(chained.withColumn("filtered", F.lit(CHAINED)))
    return boilerplate, near.join(chained, "image_sha256", "left_anti")


def common_images(media: DataFrame, groups: DataFrame, max_articles: int) -> DataFrame:
    """image_sha256 of images that, with all of their group (image_sha256, group), stand in more than `max_articles` articles."""
    group = F.coalesce("group", "image_sha256").alias("group")
    used = media.join(groups, "image_sha256", "left").select("accession", "image_sha256", group)
    articles = F.count_distinct(F.substring_index("accession", ".", 1)).alias("num_articles")
    common = used.groupBy("group").agg(articles).where(F.col("num_articles") > max_articles)
    return used.join(common, "group").select("image_sha256").distinct()
