"""Images whose hashes can be compared: those of the definition that the settings ask for."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs.options import image_options


def hash_version(settings: Settings) -> str:
    """Name of the hash definitions under these settings, as `images.hash_version` keeps it."""
    return image_options(settings).hash_version


def comparable_images(images: DataFrame, settings: Settings) -> DataFrame:
    """Images whose hashes are of the current definition, with is_featureless and without their bytes."""
    columns = ("image_sha256", "pixels_sha256", "phash_trimmed", "phash256_trimmed", "width_px", "height_px")
    featureless = (F.col("entropy_bits") < settings.duplicates.min_entropy_bits).alias("is_featureless")
    return images.where(F.col("hash_version") == hash_version(settings)).select(*columns, featureless)


def other_images(images: DataFrame, settings: Settings) -> DataFrame:
    """image_sha256 of the images with hashes of another definition: they are compared with nothing until fetched again."""
    return images.where(F.col("hash_version") != hash_version(settings)).select("image_sha256")
