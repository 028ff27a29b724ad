"""Write pairs and their images as WebDataset shards with a manifest.

Reads: pairs, images. Writes: the export's folder, shards (key export, shard).
"""

from __future__ import annotations

import json

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from conf.settings import ExportSettings, Settings, UnusableSettings
from jobs import find_eval_overlap
from jobs.arrow_frames import map_batches
from jobs.comparable_images import hash_version, incomparable_images
from jobs.decontamination import check_decontaminated, eval_sets
from jobs.entry import main
from jobs.options import refusals
from jobs.stage import Counts, RunContext
from jobs.tables import Lake, spark_schema
from schemas.images import IMAGES
from schemas.pairs import PAIRS
from schemas.shards import SHARDS
from schemas.table import Table
from udfs.batches.shard_files import RESULT, TEXT_FIELDS, WriteShards
from udfs.storage import delete, delete_others, listing_digest, open_store, put_bytes, stored_files

STAGE = "export_shards"
READS: tuple[Table, ...] = (PAIRS, IMAGES)
WRITES: tuple[Table, ...] = (SHARDS,)
SECTIONS = ("export",)
MANIFEST = "manifest.json"


def filtered_pairs(pairs: DataFrame, older: DataFrame, recipe: ExportSettings) -> DataFrame:
    """Every pair with `filtered`: why the recipe leaves it out, NULL for a sample.

    Of a cluster the first pair by `cluster_rank` stays among those that no other reason leaves out. An image in `older` was
    compared neither with evaluation sets nor with other images: whether its pair may stand in its split is not known.
    """
    compared = pairs.join(older.withColumn("is_older", F.lit(True)), "image_sha256", "left")
    reason = F.when(F.col("is_older"), "hash_version").otherwise(filter_reason(recipe))
    judged = compared.withColumn("filtered", reason).drop("is_older")
    if not recipe.canonical_only:
        return judged
    is_left = F.col("filtered").isNull()
    cluster = F.coalesce("cluster_id", "image_sha256")
    first = F.min(F.when(is_left, F.col("cluster_rank"))).over(Window.partitionBy(cluster))
    is_copy = is_left & (F.col("cluster_rank") > F.col("first"))
    return (
        judged.withColumn("first", first)
        .withColumn("filtered", F.when(is_copy, "duplicate").otherwise(F.col("filtered")))
        .drop("first")
    )


def filter_reason(recipe: ExportSettings) -> Column:
    """The first reason for which a recipe leaves a pair out, whatever other pairs there are."""
    return (
        F.when(~F.col("rights").isin(*recipe.rights), "rights")
        .when(~F.col("license_group").isin(*recipe.license_groups), "license_group")
        .when(F.col("is_no_derivatives") & F.lit(not recipe.include_no_derivatives), "no_derivatives")
        .when((F.col("split") == "train") & (F.size("eval_overlap") > 0), "eval_overlap")
        .when(F.col("caption").isNull(), "no_caption")
    )


def shard_counts(samples: DataFrame, recipe: ExportSettings) -> dict[str, int]:
    """Shards per split: as many as hold at most about `samples_per_shard` samples each."""
    rows = samples.groupBy("split").count().collect()
    return {row["split"]: -(-row["count"] // recipe.samples_per_shard) for row in rows}


def with_shard(samples: DataFrame, num_shards: dict[str, int], recipe: ExportSettings) -> DataFrame:
    """Samples with their shard's file name and an order within it: both by hash, the same on every cluster."""
    order = F.xxhash64("pair_id", F.lit(recipe.seed))
    in_split = F.element_at(F.create_map(*(F.lit(x) for item in sorted(num_shards.items()) for x in item)), F.col("split"))
    number = F.lpad(F.pmod(order, in_split).cast("string"), 6, "0")
    return samples.withColumns({"order": order, "shard": F.concat("split", F.lit("-"), number, F.lit(".tar"))})


def sample_rows(pairs: DataFrame, images: DataFrame, num_tasks: int) -> DataFrame:
    """Samples with their image, those of a shard in one task and in order."""
    columns = ("shard", "pair_id", "caption", *TEXT_FIELDS, "image", "image_format")
    joined = pairs.join(images.select("image_sha256", "image", "image_format"), "image_sha256")
    return joined.repartition(num_tasks, "shard").sortWithinPartitions("shard", "order", "pair_id").select(*columns)


def folder_uri(recipe: ExportSettings) -> str:
    """Where the export's files lie."""
    return f"{recipe.uri.rstrip('/')}/{recipe.name}"


def mark(settings: Settings) -> str:
    """Part of what decides the result: images with hashes of another definition are left out, and those of evaluation sets."""
    return find_eval_overlap.mark(settings)


def check_comparable(images: DataFrame, settings: Settings) -> None:
    """UnusableSettings where no image has hashes as these settings define them: an export would leave out every pair."""
    others = images.select("hash_version").limit(1).collect()
    if others and images.where(F.col("hash_version") == hash_version(settings)).isEmpty():
        raise UnusableSettings(
            f"images: these settings make hashes of the kind {hash_version(settings)}, the archive has"
            f" {others[0]['hash_version']} alone; give the images.* settings that the pipeline had, or run it with these"
        )


def guard(lake: Lake, settings: Settings) -> None:
    """UnusableSettings for pairs that may not be trained on, also where an export of them lies there: see `decontamination`."""
    check_comparable(lake.read(IMAGES), settings)
    check_decontaminated(lake, settings)


def left(_lake: Lake, settings: Settings) -> str:
    """What lies in the export's folder, as a digest of its shards and manifest: an export that is gone is written again."""
    uri = folder_uri(settings.export)
    with refusals("export.uri"):
        return listing_digest(file for file in stored_files(uri) if file.path.endswith((".tar", MANIFEST))) or "none"


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Write all shards, the rows of `shards`, then the manifest; what an earlier export left is removed. Not before `guard`.

    The manifest goes first and comes last: where there is one, the shards are those that it names.
    """
    lake, recipe = Lake(spark, settings.lake), settings.export
    versions = lake.versions((PAIRS, IMAGES))
    images = lake.read(IMAGES, versions["images"])
    pairs = filtered_pairs(lake.read(PAIRS, versions["pairs"]), incomparable_images(images, settings), recipe)
    samples = pairs.where("filtered IS NULL")
    counts = shard_counts(samples, recipe)
    uri = folder_uri(recipe)
    with refusals("export.uri"):
        delete(open_store(uri), MANIFEST)
    written = spark.createDataFrame([], "shard string, split string, num_samples long, num_bytes long, sha256 string")
    if counts:
        placed = with_shard(samples.drop("filtered"), counts, recipe)
        rows = sample_rows(placed, images, sum(counts.values()))
        written = lake.stage(map_batches(rows, WriteShards(uri), RESULT), STAGE)
    lake.sync(SHARDS, shard_rows(written, recipe, versions), lake.read(SHARDS).where(F.col("export") == recipe.name))
    write_manifest(lake, recipe, versions, uri)
    lake.unstage(STAGE)
    filtered = {
        row["filtered"]: row["count"] for row in pairs.where("filtered IS NOT NULL").groupBy("filtered").count().collect()
    }
    num_samples = (
        lake.read(SHARDS)
        .where(F.col("export") == recipe.name)
        .agg(F.coalesce(F.sum("num_samples"), F.lit(0)).alias("n"))
        .collect()
    )
    return Counts(pairs.count(), num_samples[0]["n"], 0, filtered)


def shard_rows(written: DataFrame, recipe: ExportSettings, versions: dict[str, int]) -> DataFrame:
    """The rows of `shards` for what was written."""
    marks = F.create_map(
        *(F.lit(x).cast(t) for item in sorted(versions.items()) for x, t in zip(item, ("string", "bigint"), strict=True))
    )
    added = {"export": F.lit(recipe.name), "recipe_hash": F.lit(recipe.recipe_hash()), "table_versions": marks}
    return written.withColumns(added).select(*[field.name for field in spark_schema(SHARDS)])


def write_manifest(lake: Lake, recipe: ExportSettings, versions: dict[str, int], uri: str) -> None:
    """Write manifest.json, the last file of an export, and delete shards that it does not name."""
    rows = lake.read(SHARDS).where(F.col("export") == recipe.name).orderBy("shard").collect()
    shards = [{name: row[name] for name in ("shard", "split", "num_samples", "num_bytes", "sha256")} for row in rows]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["split"]] = totals.get(row["split"], 0) + row["num_samples"]
    manifest = {
        "eval_sets": eval_sets(lake),
        "export": recipe.name,
        "recipe_hash": recipe.recipe_hash(),
        "recipe": recipe.model_dump(mode="json", exclude={"uri"}),
        "table_versions": versions,
        "num_samples": totals,
        "shards": shards,
    }
    store = open_store(uri)
    put_bytes(store, MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
    delete_others(store, ".tar", {shard["shard"] for shard in shards})


if __name__ == "__main__":
    main(STAGE)
