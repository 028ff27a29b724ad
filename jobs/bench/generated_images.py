"""An archive of any number of hashed images, with duplicates and crowds, drawn by Spark: rows only, no picture behind them."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.tables import Lake, spark_schema
from schemas.articles import ARTICLES
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.table import Table
from udfs.phash import HASH_VERSION

NUM_CROWDS = 50
MAX_FLIPS = 6
IMAGES_PER_ARTICLE = 4
_REPEATED_BITS = 0x3333333333333333
_ORIGINALS = 15  # of 20 images; 4 are copies of one of these, 1 stands in a crowd


def write_archive(lake: Lake, num_images: int, is_correlated: bool = False) -> None:
    """Fill images, media and articles of an empty archive: 75 % random images, 20 % copies of these, 5 % in crowds.

    A copy differs from its original by 0 to 6 bits of 64 and as many of 256 (a third of them in nothing: equal pixels). In a
    crowd each bit differs from the centre with a chance of 3/16: its members share keys, but few are near each other. One image
    of twenty stands in two articles. With `is_correlated` the bits of a hash depend on each other, as those of real figures do.
    """
    lake.create()
    numbers = lake.spark.range(num_images)
    lake.append(IMAGES, complete(IMAGES, image_rows(numbers, num_images, is_correlated)))
    again = numbers.where("id % 20 = 3").withColumn("id", F.col("id") + num_images)
    lake.append(MEDIA, complete(MEDIA, media_rows(numbers.union(again), num_images)))
    lake.append(ARTICLES, complete(ARTICLES, article_rows(lake.spark, num_images)))


def image_rows(numbers: DataFrame, num_images: int, is_correlated: bool = False) -> DataFrame:
    """What the duplicate search reads of each image."""
    role = F.col("id") % 20
    is_copy, in_crowd = role.between(_ORIGINALS, 18), role == 19
    drawn = F.pmod(F.xxhash64("id", F.lit("original")), F.lit(num_images // 20)) * 20 + F.pmod(F.hash("id"), F.lit(_ORIGINALS))
    original = F.when(is_copy, drawn).otherwise(F.col("id"))
    flips = F.when(is_copy, F.pmod(F.hash("id", F.lit("flips")), F.lit(MAX_FLIPS + 1))).otherwise(0)
    flips = F.when(F.pmod(F.hash("id", F.lit("same")), F.lit(5)) == 0, 0).otherwise(flips)
    centre = F.xxhash64(F.pmod(F.hash("id"), F.lit(NUM_CROWDS)), F.lit("centre"))
    named = numbers.select("id", original.alias("original"), flips.alias("flips"), is_copy.alias("is_copy"))
    word = _correlated(F.xxhash64("original")) if is_correlated else F.xxhash64("original")
    coarse = F.when(in_crowd, centre.bitwiseXOR(_three_of_sixteen())).otherwise(_flipped(word))
    fine = F.unhex(F.sha2(F.col("original").cast("string"), 256))
    first_word = F.lpad(F.hex(_flipped(F.xxhash64("original", F.lit("fine")))), 16, "0")
    return named.select(
        F.sha2(F.col("id").cast("string"), 256).alias("image_sha256"),
        F.sha2(
            F.concat_ws(" ", F.when(F.col("flips") == 0, F.col("original")).otherwise(F.col("id")), F.col("flips")), 256
        ).alias("pixels_sha256"),
        coarse.alias("phash_trimmed"),
        F.concat(F.unhex(first_word), F.substring(fine, 9, 24)).alias("phash256_trimmed"),
        (F.pmod(F.hash("id"), F.lit(1000)) + 300).alias("width_px"),
        F.lit(400).alias("height_px"),
        F.lit(5.0).cast("float").alias("entropy_bits"),
        F.lit(HASH_VERSION).alias("hash_version"),
    )


def _flipped(word: Column) -> Column:
    for number in range(MAX_FLIPS):
        bit = F.expr(f"shiftleft(1L, pmod(hash(id, {number}), 64))")
        word = word.bitwiseXOR(F.when(F.col("flips") > number, bit).otherwise(F.lit(0).cast("long")))
    return word


def _three_of_sixteen() -> Column:
    words = _words("id")
    return words[0].bitwiseAND(words[1]).bitwiseAND(words[2].bitwiseOR(words[3]))


def _correlated(word: Column) -> Column:
    """Of the 8 columns of bits the third and fourth, seventh and eighth repeat the two before, but for one bit of sixteen.

    Two such hashes differ in 32 bits with a standard deviation of 5.3; independent bits give 4, the trimmed hashes of 147 real
    figures 5.4.
    """
    noise = reduce(Column.bitwiseAND, _words("original"), F.lit(_REPEATED_BITS))
    repeated = F.shiftrightunsigned(word.bitwiseAND(F.lit(~_REPEATED_BITS)), 2)
    return word.bitwiseAND(F.lit(~_REPEATED_BITS)).bitwiseOR(repeated.bitwiseXOR(noise))


def _words(name: str) -> list[Column]:
    return [F.xxhash64(name, F.lit(f"word {number}")) for number in range(4)]


def media_rows(numbers: DataFrame, num_images: int) -> DataFrame:
    """One medium for each number; numbers from `num_images` on show an image again in another article."""
    number = F.col("id")
    article = F.pmod(F.when(number < num_images, number).otherwise(number * 7), F.lit(num_images)) / IMAGES_PER_ARTICLE
    return numbers.select(
        F.concat(F.lit("PMC"), article.cast("long") + 1, F.lit(".1")).alias("accession"),
        F.concat(F.lit("f"), number, F.lit(".jpg")).alias("media_name"),
        F.sha2(F.pmod(number, F.lit(num_images)).cast("string"), 256).alias("image_sha256"),
    )


def article_rows(spark: SparkSession, num_images: int) -> DataFrame:
    """Articles of several licences and years."""
    groups = F.array(*(F.lit(group) for group in ("commercial", "noncommercial", "other")))
    return spark.range(-(-num_images // IMAGES_PER_ARTICLE)).select(
        F.concat(F.lit("PMC"), F.col("id") + 1, F.lit(".1")).alias("accession"),
        F.element_at(groups, (F.pmod(F.hash("id"), F.lit(3)) + 1)).alias("license_group"),
        (F.pmod(F.hash("id"), F.lit(30)) + 1996).alias("year"),
    )


def complete(table: Table, rows: DataFrame) -> DataFrame:
    """Rows with every column of the table: required ones that are missing hold something plain, the others NULL."""
    types = {field.name: field.dataType for field in spark_schema(table)}
    added = {
        column.name: (_plain(column.type) if column.required else F.lit(None)).cast(types[column.name])
        for column in table.columns
        if column.name not in rows.columns
    }
    return rows.withColumns(added).select(*(F.col(name).cast(types[name]) for name in table.column_names))


def _plain(data_type: pa.DataType) -> Column:
    if pa.types.is_list(data_type):
        return F.array()
    if pa.types.is_timestamp(data_type):
        return F.lit("2026-11-01").cast("timestamp")
    return F.lit("1") if pa.types.is_string(data_type) or pa.types.is_binary(data_type) else F.lit(1)
