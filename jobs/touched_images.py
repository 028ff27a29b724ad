"""Images whose place among duplicates may have changed since a recorded state of the tables, by the tables' change feeds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.images import IMAGES
from schemas.media import MEDIA


def touched_images(lake: Lake, since: Mapping[str, int]) -> DataFrame:
    """image_sha256, phash_trimmed, is_new of every image that came, went or changed its rank after the versions in `since`.

    An image's rank depends on its own row, on the media that have it and on their articles.
    """
    ids = ("image_sha256", "phash_trimmed")
    is_new = F.col("_change_type").isin("insert", "update_postimage").alias("is_new")  # an updated row may have another hash
    changed = lake.changes(IMAGES, since["images"]).select(*ids, is_new)
    moved = lake.changes(MEDIA, since["media"]).select("image_sha256")
    articles = lake.changes(ARTICLES, since["articles"]).select("accession").distinct()
    reranked = lake.read(MEDIA).join(articles, "accession", "left_semi").select("image_sha256")
    used = moved.union(reranked).where("image_sha256 IS NOT NULL").distinct()
    present = lake.read(IMAGES).select(*ids).join(used, "image_sha256", "left_semi").withColumn("is_new", F.lit(False))
    return reduce(DataFrame.unionByName, (changed, present)).groupBy(*ids).agg(F.max("is_new").alias("is_new"))
