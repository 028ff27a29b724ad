"""Pictures from the archive to look at: pairs, and duplicate clusters side by side; each bounded.

Reads: pairs, images, media, articles, duplicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.comparable_images import distance_256
from jobs.gallery_html import Card, Source, cards, fragment, page
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES, EXACT_BYTES, EXACT_PIXELS, NEAR, SELF
from schemas.images import IMAGES
from schemas.media import MEDIA
from udfs.phash import hamming_distance

MAX_MEMBERS = 8
MAX_SOURCES = 3


def pair_gallery(lake: Lake, pairs: DataFrame, limit: int = 12) -> str:
    """An HTML fragment with the first `limit` of some rows of `pairs` (any order and filter), pictures over captions."""
    columns = (
        "pair_id",
        "image_sha256",
        "accession",
        "label",
        "caption",
        "license_code",
        "doi",
        "split",
        "cluster_id",
        "is_canonical",
    )
    rows = pairs.select(*columns).limit(limit).collect()
    known = images_by_sha256(lake, [row["image_sha256"] for row in rows])
    shown = [pair_card(row, known[row["image_sha256"]]) for row in rows if row["image_sha256"] in known]
    num_missing = len(rows) - len(shown)
    note = f"{counted(num_missing, 'image')} gone until the next run" if num_missing else ""
    return fragment([cards(counted(len(shown), "pair"), shown, note)])


def pair_card(row: Row, image: Row) -> Card:
    """A pair as a card: picture, label, caption, source."""
    about = [row["accession"], row["license_code"] or "no licence code", row["split"]]
    if row["cluster_id"]:
        about.append("canonical of its duplicates" if row["is_canonical"] else "duplicate")
    caption = (row["caption"] or "(no caption)",)
    return Card(bytes(image["image"]), row["label"] or row["pair_id"], caption, (Source(", ".join(about), row["doi"]),))


def images_by_sha256(lake: Lake, wanted: Sequence[str]) -> dict[str, Row]:
    """Normalised bytes, size, format and fine hash of some images, by their SHA-256."""
    columns = ("image_sha256", "image", "format", "width_px", "height_px", "num_bytes", "phash256_trimmed")
    rows = lake.read(IMAGES).where(F.col("image_sha256").isin(*wanted)).select(*columns).collect()
    return {row["image_sha256"]: row for row in rows}


def sources_by_sha256(lake: Lake, wanted: Sequence[str]) -> dict[str, tuple[Source, ...]]:
    """Per image the first media that hold it, oldest article first; of more than MAX_SOURCES the last says how many more."""
    about = lake.read(ARTICLES).select("accession", "year", "license_code", "doi")
    media = lake.read(MEDIA).where(F.col("image_sha256").isin(*wanted)).join(about, "accession")
    found: dict[str, list[Row]] = {}
    for row in first_of_each(media, ("image_sha256",), ("year", "accession", "media_name"), MAX_SOURCES).collect():
        found.setdefault(row["image_sha256"], []).append(row)
    return {sha256: _sources(rows) for sha256, rows in found.items()}


def _sources(rows: Sequence[Row]) -> tuple[Source, ...]:
    shown, num_more = [], rows[0]["num_in_group"] - len(rows)
    for row in rows:
        about = ", ".join(str(part) for part in (row["license_code"] or "no licence code", row["year"]) if part)
        shown.append(Source(f"{row['accession']}/{row['media_name']} ({about})", row["doi"]))
    return (*shown, Source(f"and {num_more:,} more")) if num_more else tuple(shown)


def first_of_each(rows: DataFrame, group: Sequence[str], order: Sequence[str], limit: int) -> DataFrame:
    """The first `limit` rows of every group, in order of group and place, with `num_in_group`."""
    members = Window.partitionBy(*group)
    ranked = rows.withColumns(
        {"place": F.row_number().over(members.orderBy(*order)), "num_in_group": F.count(F.lit(1)).over(members)}
    )
    return ranked.where(F.col("place") <= limit).orderBy(*group, "place").drop("place")


def size_line(image: Row) -> str:
    """Size and format of an original image in words."""
    return f"{image['width_px']:,} × {image['height_px']:,} px, {image['format']}, {image['num_bytes'] / 1024:,.0f} KiB"


def doubtful_clusters(duplicates: DataFrame, images: DataFrame, limit: int) -> DataFrame:
    """The `limit` clusters whose near members are farthest by the 256-bit hash, then by 64 bits; those without any come last."""
    hashes = images.select("image_sha256", "hash_version", "phash256_trimmed")
    canonical = hashes.toDF("canonical_sha256", "hash_version", "canonical_phash256")
    near = duplicates.where(F.col("kind") == NEAR).select("cluster_id", "image_sha256", "canonical_sha256")
    near = near.join(hashes, "image_sha256").join(canonical, ["canonical_sha256", "hash_version"])
    distance = F.max(distance_256(F.col("phash256_trimmed"), F.col("canonical_phash256"))).alias("farthest_256")
    order = (F.desc_nulls_last("farthest_256"), F.desc("farthest"), F.desc("num_images"), F.desc("num_files"), "cluster_id")
    clusters = repeated_clusters(duplicates).join(near.groupBy("cluster_id").agg(distance), "cluster_id", "left")
    return clusters.orderBy(*order).limit(limit)


def repeated_clusters(duplicates: DataFrame) -> DataFrame:
    """Each cluster of several files with its farthest distance, num_images and num_files; a lone image near one is none."""
    grouped = duplicates.groupBy("cluster_id").agg(
        F.max("hamming_distance").alias("farthest"), F.count("*").alias("num_images"), F.sum("num_media").alias("num_files")
    )
    return grouped.where("num_files > 1")


def shown_members(duplicates: DataFrame, clusters: Sequence[str]) -> dict[str, list[Row]]:
    """Per cluster at most MAX_MEMBERS of its rows: the canonical image, then the others from the farthest on."""
    rows = duplicates.where(F.col("cluster_id").isin(*clusters))
    ranked = rows.withColumns(
        {"is_other": F.col("image_sha256") != F.col("canonical_sha256"), "nearness": -F.col("hamming_distance")}
    )
    members: dict[str, list[Row]] = {}
    for row in first_of_each(ranked, ("cluster_id",), ("is_other", "nearness", "image_sha256"), MAX_MEMBERS).collect():
        members.setdefault(row["cluster_id"], []).append(row)
    return members


def duplicates_by_kind(lake: Lake) -> list[Row]:
    """Kind, number of images, of files (media), of clusters and largest distance (bits), a row a kind."""
    counts = (
        F.count("*").alias("images"),
        F.sum("num_media").alias("files"),
        F.count_distinct("cluster_id").alias("clusters"),
        F.max("hamming_distance").alias("farthest"),
    )
    return lake.read(DUPLICATES).groupBy("kind").agg(*counts).orderBy("kind").collect()


def duplicates_in_words(lake: Lake) -> str:
    """How many clusters of several files there are, and how many of their files say nothing that another does not."""
    sums = (F.count("*"), F.sum("num_images"), F.sum("num_files"))
    num_clusters, num_images, num_files = repeated_clusters(lake.read(DUPLICATES)).agg(*sums).collect()[0]
    surplus = (num_files or 0) - num_clusters
    shown = f"{counted(num_images or 0, 'image')} in {counted(num_files or 0, 'file')}"
    return f"{counted(num_clusters, 'cluster')} of several files: {shown}, {surplus:,} of them surplus"


def duplicate_gallery(lake: Lake, limit: int = 10) -> str:
    """An HTML fragment with the `limit` most doubtful duplicate clusters, the images of each side by side."""
    return fragment(duplicate_sections(lake, limit))


def duplicates_page(lake: Lake, limit: int = 50) -> str:
    """A whole HTML page of the `limit` most doubtful duplicate clusters."""
    total = repeated_clusters(lake.read(DUPLICATES)).count()
    sections = duplicate_sections(lake, limit)
    return page(f"Duplicate clusters: {len(sections):,} of {total:,}, the most doubtful first", sections)


def duplicate_sections(lake: Lake, limit: int) -> list[str]:
    """A section per cluster."""
    duplicates = lake.read(DUPLICATES)
    clusters = doubtful_clusters(duplicates, lake.read(IMAGES), limit).collect()
    members = shown_members(duplicates, [cluster["cluster_id"] for cluster in clusters])
    wanted = [row["image_sha256"] for rows in members.values() for row in rows]
    images, sources = images_by_sha256(lake, wanted), sources_by_sha256(lake, wanted)
    sections = []
    for cluster in clusters:
        # A stage that ran alone or was killed leaves rows of images that are gone until the next run.
        rows = [row for row in members[cluster["cluster_id"]] if row["image_sha256"] in images]
        shown = [duplicate_card(row, images, sources.get(row["image_sha256"], ())) for row in rows]
        sections.append(cards(f"Cluster {cluster['cluster_id']}", shown, cluster_note(cluster, len(rows))))
    return sections


def cluster_note(cluster: Row, num_shown: int) -> str:
    """A cluster in words."""
    num_images, num_files, num_hidden = cluster["num_images"], cluster["num_files"], cluster["num_images"] - num_shown
    files = f"{counted(num_images, 'image')} in {counted(num_files, 'file')}"
    is_near, fine = cluster["farthest_256"] is not None, f" and {cluster['farthest_256']} of 256"
    is_far = is_near or cluster["farthest"]
    far = f", up to {counted(cluster['farthest'], 'bit')} of 64{fine if is_near else ''} from the canonical one" if is_far else ""
    return f"{files}{far}" + (f"; {counted(num_hidden, 'image')} not shown" if num_hidden else "")


def counted(number: int, noun: str) -> str:
    """A number of things in words: 1 image, 2,000 images."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duplicate_card(member: Row, images: Mapping[str, Row], sources: Sequence[Source]) -> Card:
    """One image of a cluster as a card: how it belongs to it, size, sources."""
    image, canonical = images[member["image_sha256"]], images.get(member["canonical_sha256"])
    heading = {
        SELF: "Canonical",
        EXACT_BYTES: f"Canonical, the same file {member['num_media']:,} times",
        EXACT_PIXELS: "Same pixels",
        NEAR: f"Near: {member['hamming_distance']} of 64 bits differ{fine_distance(image, canonical)}",
    }[member["kind"]]
    return Card(bytes(image["image"]), heading, (size_line(image),), sources, not member["is_other"])


def fine_distance(image: Row, canonical: Row | None) -> str:
    """By how many bits of the 256-bit hash an image differs from the canonical one, as an addition; nothing if that is gone."""
    if canonical is None:
        return ""
    return f", {hamming_distance(*(bytes(row['phash256_trimmed']) for row in (image, canonical)))} of 256"
