"""Images whose hashes can be compared: those of one definition of the hashes."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings, Settings
from jobs.options import image_options


def hash_version(settings: Settings) -> str:
    """Name of the hash definitions under these settings, as `images.hash_version` keeps it."""
    return image_options(settings).hash_version


def hashed_images(images: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """What is compared of images, with is_featureless and hash_version and without their bytes."""
    columns = ("image_sha256", "pixels_sha256", "phash_trimmed", "phash256_trimmed", "width_px", "height_px", "hash_version")
    return images.select(*columns, (F.col("entropy_bits") < settings.min_entropy_bits).alias("is_featureless"))


def comparable_images(images: DataFrame, settings: Settings) -> DataFrame:
    """`hashed_images` of the current definition alone."""
    hashed = hashed_images(images, settings.duplicates)
    return hashed.where(F.col("hash_version") == hash_version(settings)).drop("hash_version")


def incomparable_images(images: DataFrame, settings: Settings) -> DataFrame:
    """image_sha256 of the images with hashes of another definition: they are compared with nothing until fetched again."""
    return images.where(F.col("hash_version") != hash_version(settings)).select("image_sha256")
