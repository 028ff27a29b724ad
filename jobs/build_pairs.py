"""Join figures, images, duplicates and licences to the archive's main table, with splits and tombstones.

Reads: documents, articles, figures, mentions, media, images, duplicates, eval_overlap, rejects; of what went also inventory.
Writes: pairs (key pair_id), tombstones (key pair_id), rejects.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from conf.settings import PairSettings, Settings
from jobs.arrow_frames import narrow_rows
from jobs.boilerplate import boilerplate_and_components
from jobs.entry import main
from jobs.figure_licenses import licensed_figures
from jobs.split_groups import split_groups
from jobs.stage import Counts, RunContext, sync_rejects
from jobs.tables import Lake
from jobs.tombstones import bury
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS
from schemas.duplicates import DUPLICATES
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.figures import FIGURES, PAIRED_KINDS
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.mentions import MENTIONS
from schemas.pairs import PAIRS
from schemas.rejects import Reason
from schemas.table import Table

STAGE = "build_pairs"
READS: tuple[Table, ...] = (DOCUMENTS, ARTICLES, FIGURES, MENTIONS, MEDIA, IMAGES, DUPLICATES, EVAL_OVERLAP)
WRITES: tuple[Table, ...] = (PAIRS,)
SECTIONS = ("pairs", "duplicates")
SPLIT_BUCKETS = 1_000_000
# What stands for an image that is in no cluster and no component: itself.
_GROUPS = {"picture": "cluster_id", "component": "near_component"}


def preferred_versions(articles: DataFrame, policy: str = "published") -> DataFrame:
    """The articles with `is_preferred`, by `pairs.version_policy`: published before manuscript, then the highest; or others.

    Only versions that could be parsed are ranked: one that was refused, is left out by its rights or waits hides none of them.
    A retraction that its metadata tell counts all the same, see with_documents_told.
    """
    if policy == "all":
        return articles.withColumn("is_preferred", F.lit(True))
    ranks: dict[str, list[str | Column]] = {"published": ["is_manuscript", F.desc("version")], "highest": [F.desc("version")]}
    order = Window.partitionBy("pmcid").orderBy(*ranks[policy])
    return articles.withColumn("is_preferred", F.row_number().over(order) == 1)


def with_documents_told(articles: DataFrame, documents: DataFrame) -> DataFrame:
    """The articles with what documents say of them though they have no XML, or not the newest.

    `is_retracted` where any known version of their PMCID is; `is_relicensed` where the source has told another licence.
    """
    pmcid = F.substring_index("accession", ".", 1).alias("pmcid")
    retracted = documents.where("is_retracted").select(pmcid).unionByName(articles.where("is_retracted").select("pmcid"))
    known = articles.drop("is_retracted").join(retracted.distinct().withColumn("is_retracted", F.lit(True)), "pmcid", "left")
    relicensed = documents.where("is_relicensed").select("accession", "is_relicensed")
    flags = {name: F.coalesce(name, F.lit(False)) for name in ("is_retracted", "is_relicensed")}
    return known.join(relicensed, "accession", "left").withColumns(flags)


def largest_media(figures: DataFrame, media: DataFrame, images: DataFrame) -> DataFrame:
    """Per figure the medium with the most pixels among those its graphic matches; of equal ones more bytes, then the name."""
    candidates = figures.select("accession", "figure_id", F.explode("media_names").alias("media_name"))
    sized = media.join(images.select("image_sha256", "width_px", "height_px", "entropy_bits", "phash"), "image_sha256")
    pixels = F.col("width_px").cast("long") * F.col("height_px")
    best = F.struct(pixels, "num_bytes", "media_name", "image_sha256", "width_px", "height_px")
    largest = candidates.join(sized, ["accession", "media_name"]).groupBy("accession", "figure_id").agg(F.max(best).alias("best"))
    return largest.select("accession", "figure_id", "best.media_name", "best.image_sha256", "best.width_px", "best.height_px")


def judged_figures(
    figures: DataFrame, articles: DataFrame, chosen: DataFrame, boilerplate: DataFrame, settings: PairSettings
) -> DataFrame:
    """Every figure with its article and image, and `filtered` or `reason` for those that become no pair."""
    article = {"license_in_force": "article_license_code", "is_no_derivatives": "article_is_no_derivatives"}
    about = articles.select(
        *("accession", "pmcid", "title", "doi", "citation", "is_retracted", "is_relicensed", "is_preferred", "year"),
        *(F.col(name).alias(alias) for name, alias in article.items()),
    )
    own = {"license_code": "figure_license_code", "license_url": "figure_license_url"}
    named = figures.select(
        *("accession", "figure_id", "kind", "label", "caption", "rights", "permission", "graphic_ref", "media_names"),
        *(F.col(name).alias(alias) for name, alias in own.items()),
    )
    joined = (
        licensed_figures(named.join(about, "accession"))
        .join(chosen, ["accession", "figure_id"], "left")
        .join(boilerplate.withColumnRenamed("filtered", "boilerplate"), "image_sha256", "left")
    )
    filtered = filter_reason(settings)
    no_image = F.col("image_sha256").isNull()
    reason = F.when(no_image & (F.size("media_names") == 0), str(Reason.NO_MEDIA)).when(no_image, str(Reason.MEDIA_REJECTED))
    return joined.withColumn("filtered", filtered).withColumn("reason", F.when(F.col("filtered").isNull(), reason))


def filter_reason(settings: PairSettings) -> Column:
    """Why a figure is left out by rule; NULL for one that should become a pair."""
    return (
        F.when(~F.col("kind").isin(*PAIRED_KINDS), "kind")
        .when(F.col("graphic_ref").isNull(), "no_graphic")
        .when(~F.col("is_preferred"), "superseded")
        .when(F.col("is_retracted") & F.lit(not settings.include_retracted), "retracted")
        .when(F.col("is_relicensed"), "relicensed")
        .when(~F.col("license_group").isin(*settings.license_groups), "license_group")
        .otherwise(F.col("boilerplate"))
    )


def mentions_of_figures(mentions: DataFrame) -> DataFrame:
    """Per figure its mentions in reading order."""
    one = F.struct("mention_no", "section_path", "paragraph", "start", "end")
    ordered = F.array_sort(F.collect_list(one))
    kept = F.transform(
        ordered, lambda m: F.struct(*(m[name].alias(name) for name in ("section_path", "paragraph", "start", "end")))
    )
    return mentions.groupBy("accession", "figure_id").agg(kept.alias("mentions"))


def assign_split(settings: PairSettings) -> Column:
    """train, val or test from the hash of the split group, so that no group crosses."""
    bucket = F.pmod(F.xxhash64("split_group", F.lit(settings.split_seed)), F.lit(SPLIT_BUCKETS)) / SPLIT_BUCKETS
    return (
        F.when(bucket < settings.val_fraction, "val")
        .when(bucket < settings.val_fraction + settings.test_fraction, "test")
        .otherwise("train")
    )


def pairs_of(
    judged: DataFrame, mentions: DataFrame, duplicates: DataFrame, overlap: DataFrame, settings: PairSettings
) -> DataFrame:
    """The rows of `pairs`: accepted figures with context, cluster, evaluation sets and split.

    duplicates: with `near_component`.
    """
    accepted = judged.where(F.col("filtered").isNull() & F.col("reason").isNull())
    clusters = duplicates.select("image_sha256", "cluster_id", "canonical_sha256", "near_component")
    rows = accepted.join(clusters, "image_sha256", "left").join(mentions_of_figures(mentions), ["accession", "figure_id"], "left")
    rows = rows.withColumns({name: F.coalesce(group, "image_sha256") for name, group in _GROUPS.items()})
    rows = rows.join(sets_of_components(overlap, clusters), "component", "left")
    in_cluster = Window.partitionBy("picture")
    is_image = F.col("image_sha256") == F.coalesce("canonical_sha256", "image_sha256")
    order = in_cluster.orderBy(F.desc(is_image), F.col("year").asc_nulls_last(), "pmcid", "accession", "figure_id")
    rows = rows.withColumn("cluster_rank", F.row_number().over(order)).withColumn("is_canonical", F.col("cluster_rank") == 1)
    rows = rows.join(split_groups(rows.select("pmcid", F.col("component").alias("near_component"))), "pmcid")
    return rows.withColumns(
        {
            "pair_id": F.concat_ws("_", F.translate("accession", ".", "_"), "figure_id"),
            "mentions": F.coalesce("mentions", F.array().cast(mentions_type())),
            "eval_overlap": F.coalesce("eval_overlap", F.array().cast("ARRAY<STRING>")),
            "split": assign_split(settings),
        }
    ).select(*PAIRS.column_names)


def sets_of_components(overlap: DataFrame, clusters: DataFrame) -> DataFrame:
    """component (what near images connect, or an image that nothing is near), eval_overlap: the sets in which one of it stands.

    Of an image that stands in a set, what is near it goes too: a copy cropped a bit further than is found would take its place.
    """
    known = overlap.join(clusters.select("image_sha256", "near_component"), "image_sha256", "left")
    grouped = known.groupBy(F.coalesce("near_component", "image_sha256").alias("component"))
    return grouped.agg(F.array_sort(F.collect_set("eval_set")).alias("eval_overlap"))


def mentions_type() -> str:
    """The type of pairs.mentions."""
    return "ARRAY<STRUCT<section_path: STRING, paragraph: STRING, `start`: INT, `end`: INT>>"


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Judge every figure, bring pairs up to date, bury the pairs that went."""
    lake = Lake(spark, settings.lake)
    figures, media, duplicates = lake.read(FIGURES), lake.read(MEDIA), lake.read(DUPLICATES)
    with narrow_rows(spark):
        boilerplate, near = boilerplate_and_components(lake, media, duplicates, lake.read(IMAGES), settings.duplicates, STAGE)
    chosen = largest_media(figures, media, lake.read(IMAGES))
    articles = preferred_versions(lake.read(ARTICLES), settings.pairs.version_policy)
    articles = with_documents_told(articles, lake.read(DOCUMENTS).select("accession", "is_retracted", "is_relicensed"))
    judged = lake.stage(judged_figures(figures, articles, chosen, boilerplate, settings.pairs), f"{STAGE}/judged")
    shown = duplicates.join(near, "image_sha256")
    pairs = lake.stage(pairs_of(judged, lake.read(MENTIONS), shown, lake.read(EVAL_OVERLAP), settings.pairs), f"{STAGE}/pairs")
    bury(lake, context, pairs)
    lake.sync(PAIRS, pairs)
    num_rejected = write_rejects(lake, context, judged)
    filtered = {
        row["filtered"]: row["count"] for row in judged.where("filtered IS NOT NULL").groupBy("filtered").count().collect()
    }
    counts = Counts(figures.count(), lake.read(PAIRS).count(), num_rejected, filtered)
    lake.unstage(STAGE)
    return counts


def write_rejects(lake: Lake, context: RunContext, judged: DataFrame) -> int:
    """Bring this stage's rejects up to date; how many figures were refused."""
    key = F.concat_ws("/", "accession", "figure_id").alias("key")
    names = F.array_join("media_names", ", ")
    detail = F.concat(F.lit("graphic "), "graphic_ref", F.lit(" matches "), names, F.lit(": refused by fetch_images"))
    nothing = F.concat(F.lit("no file of the article version matches graphic "), "graphic_ref")
    refused = judged.where("reason IS NOT NULL").select(
        key,
        "reason",
        F.when(F.size("media_names") == 0, nothing).otherwise(detail).alias("detail"),
        F.concat_ws(" ", "graphic_ref", F.array_join("media_names", " ")).alias("fingerprint"),
    )
    return sync_rejects(lake, context, STAGE, judged.select(key), refused)


if __name__ == "__main__":
    main(STAGE)
