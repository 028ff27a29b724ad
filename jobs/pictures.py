"""Pictures: what chains of near images connect, and so must not fall into two splits."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.arrow_frames import map_batches
from udfs.batches.duplicate_clusters import NODE, RESULT, FindClusters


def pictures(duplicates: DataFrame, boilerplate: DataFrame, images: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """image_sha256 and picture of the images of `duplicates` but the boilerplate.

    A picture is a component of near images. Where one holds boilerplate, this is taken out and the rest connected anew: a logo
    would else connect the articles of all that looks like it. images: as of `comparable_images`.
    """
    common = duplicates.join(boilerplate, "image_sha256", "left_semi").select("component_id", F.lit(True).alias("is_common"))
    kept = duplicates.join(boilerplate, "image_sha256", "left_anti").join(common.distinct(), "component_id", "left")
    again = kept.where("is_common").select("image_sha256", "component_id").join(images, "image_sha256")
    nodes = again.repartition("component_id").sortWithinPartitions("image_sha256").select(*NODE.names)
    connected = map_batches(nodes, FindClusters(settings.max_distance, settings.max_distance_256), RESULT)
    picture = F.when(F.col("is_common"), F.coalesce("component_sha256", "image_sha256")).otherwise(F.col("component_id"))
    found = kept.join(connected.select("image_sha256", "component_sha256"), "image_sha256", "left")
    return found.select("image_sha256", picture.alias("picture"))
