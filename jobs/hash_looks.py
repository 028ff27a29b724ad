"""The distinct coarse hashes of images, each with the fine hashes that confirm its pairs."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.arrow_frames import map_batches
from udfs.batches.hash_looks import HASHED, LOOKS, GroupLooks


def hash_looks(images: DataFrame) -> DataFrame:
    """phash, num_images, is_usable and looks of each phash_trimmed; images: as `comparable_images` gives them.

    An image without features has no look: it matches by no hash. Every task holds whole hashes and a batch at a time.
    """
    fine = F.when(~F.col("is_featureless"), F.col("phash256_trimmed"))
    hashed = images.select(F.col("phash_trimmed").alias("phash"), fine.alias("phash256"))
    return map_batches(hashed.repartition("phash").sortWithinPartitions(*HASHED.names), GroupLooks(), LOOKS)
