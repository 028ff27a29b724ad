"""Images whose place among duplicates may have changed since a recorded state of the tables, by the tables' change feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame

from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.images import IMAGES
from schemas.media import MEDIA


def touched_images(lake: Lake, since: Mapping[str, Sequence[int]]) -> DataFrame:
    """image_sha256 and phash_trimmed of every image that came, went or changed its rank after the commits in `since`.

    An image's rank depends on its own row, on the media that have it and on their articles. One that was hashed anew has a row
    for each of its hashes.
    """
    ids = ("image_sha256", "phash_trimmed")
    changed = lake.changes(IMAGES, since["images"]).select(*ids)
    moved = lake.changes(MEDIA, since["media"]).select("image_sha256")
    articles = lake.changes(ARTICLES, since["articles"]).select("accession").distinct()
    reranked = lake.read(MEDIA).join(articles, "accession", "left_semi").select("image_sha256")
    used = moved.union(reranked).where("image_sha256 IS NOT NULL").distinct()
    return changed.unionByName(lake.read(IMAGES).select(*ids).join(used, "image_sha256", "left_semi")).distinct()
