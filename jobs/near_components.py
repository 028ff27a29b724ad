"""What chains of near images connect, without boilerplate: it must not fall into two splits."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.arrow_frames import map_batches
from jobs.comparable_images import hashed_images
from udfs.batches.duplicate_clusters import NODE, RESULT, FindClusters


def near_components(duplicates: DataFrame, boilerplate: DataFrame, images: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """image_sha256 and near_component of the images of `duplicates` but the boilerplate.

    Mostly that is `component_id`. A component that holds boilerplate is connected anew without it, by the hashes that
    `duplicates` was decided on: a logo would else connect the articles of all that looks like it.
    """
    common = duplicates.join(boilerplate, "image_sha256", "left_semi").select("component_id", F.lit(True).alias("is_common"))
    kept = duplicates.join(boilerplate, "image_sha256", "left_anti").join(common.distinct(), "component_id", "left")
    again = kept.where("is_common").select("image_sha256", "component_id", "hash_version")
    num_tasks = -(-again.count() // settings.images_per_task)
    if num_tasks == 0:
        return kept.select("image_sha256", F.col("component_id").alias("near_component"))
    hashed = again.join(hashed_images(images, settings), ["image_sha256", "hash_version"])
    nodes = hashed.repartition(num_tasks, "component_id").sortWithinPartitions("image_sha256").select(*NODE.names)
    connected = map_batches(nodes, FindClusters(settings.max_distance, settings.max_distance_256), RESULT)
    anew = F.coalesce("component_sha256", "image_sha256")
    component = F.when(F.col("is_common"), anew).otherwise(F.col("component_id")).alias("near_component")
    found = kept.join(connected.select("image_sha256", "component_sha256"), "image_sha256", "left")
    return found.select("image_sha256", component)
