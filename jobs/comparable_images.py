"""Images whose hashes can be compared, those of one definition of the hashes, and by how much two hashes differ."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings, Settings
from jobs.options import image_options

_WORD_BYTES = 8


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


def distance_256(one: Column, other: Column) -> Column:
    """Bits by which two 256-bit hashes (32 bytes) differ."""
    places = range(1, 4 * _WORD_BYTES, _WORD_BYTES)
    return reduce(lambda total, place: total + F.bit_count(_word(one, place).bitwiseXOR(_word(other, place))), places, F.lit(0))


def _word(hash_bytes: Column, place: int) -> Column:
    return F.conv(F.hex(F.substring(hash_bytes, place, _WORD_BYTES)), 16, -10).cast("long")


def incomparable_images(images: DataFrame, settings: Settings) -> DataFrame:
    """image_sha256 of the images with hashes of another definition: they are compared with nothing until fetched again."""
    return images.where(F.col("hash_version") != hash_version(settings)).select("image_sha256")
