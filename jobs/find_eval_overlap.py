"""Find the archive's images that evaluation sets contain, so that no training set does.

Reads: images, the evaluation sets. Writes: eval_overlap (key image_sha256, eval_set), rejects.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, dataclass, replace
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.public_values import public_values
from conf.settings import DuplicateSettings, Settings, UnusableSettings
from jobs.arrow_frames import map_batches, narrow_rows, sql_columns
from jobs.comparable_images import comparable_images, distance_256, hash_version
from jobs.entry import main
from jobs.hash_looks import hash_looks
from jobs.hash_pairs import hash_pairs
from jobs.options import image_options, refusals
from jobs.stage import Counts, RunContext, sync_rejects
from jobs.tables import Lake, spark_schema
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.images import IMAGES
from schemas.rejects import REJECTS
from schemas.table import Table
from udfs.batches.eval_images import FILE, LISTED, NAMED, RESULT, TEXT, HashEvalImages, ReadFiles
from udfs.storage import list_files, listing_digest, revisions_digest

STAGE = "find_eval_overlap"
READS: tuple[Table, ...] = (IMAGES,)
WRITES: tuple[Table, ...] = (EVAL_OVERLAP,)
SECTIONS = ("duplicates", "eval", "images")
FILES_PER_TASK = 1000
LOOK = ("phash_trimmed", "phash256_trimmed")
_NO_CONTENT = bytes(32)  # the hash of one colour: a shape without anything in it


@dataclass(frozen=True)
class ComparedSet:
    """Where an evaluation set lay when it was compared, and digests of what it held: as a copy of it has it, and as it was there.

    uri and revision: None as of older archives.
    """

    uri: str | None
    digest: str
    revision: str | None = None


def mark(settings: Settings) -> str:
    """The hash definition, where the sets lie, what they hold, both bounds; UnusableSettings for a set that is not there."""
    sets = {name: list(astuple(found)) for name, found in sets_now(settings).items()}
    return json.dumps([hash_version(settings), sets, settings.duplicates.max_distance, settings.duplicates.max_distance_256])


def sets_now(settings: Settings) -> dict[str, ComparedSet]:
    """The sets that the settings name, by name; UnusableSettings for one that is not there."""
    found, problems = {}, []
    for name, uri in sorted(settings.eval.sets.items()):
        try:
            found[name] = set_at(name, uri)
        except UnusableSettings as problem:
            problems.append(str(problem))
    if problems:
        raise UnusableSettings("\n".join(problems))
    return found


def shown_place(uri: str) -> str:
    """A place as others may read it: who logs in is hidden, but two places stay two."""
    shown = str(public_values(uri))
    return shown if shown == uri else f"{shown} (SHA-256 {hashlib.sha256(uri.encode()).hexdigest()[:12]})"


def check(lake: Lake, settings: Settings, inputs: str | None) -> None:
    """UnusableSettings for a set that is not there or cannot be one, or that the last run compared and nobody names now."""
    check_no_set_is_missing(compared_sets(inputs), sets_now(settings), settings.eval.allow_removed)
    for name, uri in settings.eval.sets.items():
        image_rows(lake, name, uri)


def image_rows(lake: Lake, name: str, uri: str) -> DataFrame | None:
    """The images of a set that is a table, as `Lake.read_images`; UnusableSettings for a table without images."""
    with refusals(f"eval.sets.{name}"):
        return lake.read_images(uri)


def set_at(name: str, uri: str) -> ComparedSet:
    """What a set holds, by the names, sizes and times of its files; UnusableSettings when there is nothing."""
    try:
        files, problem = list(list_files(uri)), f"{uri} holds no file"
    except ValueError as error:
        files, problem = [], str(error)
    digest = listing_digest(files)
    if digest is None:
        raise UnusableSettings(
            f"eval.sets.{name}: {problem}; give a folder of image files or a Delta table with a column `image`"
        )
    return ComparedSet(shown_place(uri), digest, revisions_digest(files))


def compared_sets(inputs: str | None) -> dict[str, ComparedSet]:
    """The sets that a recorded run compared, by name; `inputs` is what `runs` has of it."""
    mark_of_run = json.loads(inputs or "{}").get("mark")
    sets = json.loads(mark_of_run)[1] if mark_of_run else {}
    return {name: ComparedSet(*((None, found) if isinstance(found, str) else found)) for name, found in sets.items()}


def check_no_set_is_missing(before: dict[str, ComparedSet], now: dict[str, ComparedSet], allowed: Collection[str]) -> None:
    """UnusableSettings where a set of the last run is not there now: its images would go back into train without a word.

    It is there where its name stands for the same place, whatever that holds now, or where what it held is there, whatever its
    name. allowed: names of sets that may be missing.
    """
    places = {(name, found.uri) for name, found in now.items()} | {(name, None) for name in now}
    held = {found.digest for found in now.values()}
    missing = {name for name, found in before.items() if (name, found.uri) not in places and found.digest not in held}
    if missing := missing - set(allowed):
        told = ", ".join(f"{name} ({before[name].uri})" if before[name].uri else name for name in sorted(missing))
        raise UnusableSettings(
            f"eval.sets: the last run also kept {told} out of train; name all sets in the profile or on each command line"
            f" (eval.sets.<name>=<folder or table>), or give up what was moved, changed or is meant to go with"
            f" eval.allow_removed='[{', '.join(sorted(missing))}]'"
        )


def check_sets_are_readable(accepted: DataFrame, settings: Settings) -> None:
    """UnusableSettings for a set of which no image can be read, as of a wrong folder: nothing would be kept out for it."""
    readable = {row["eval_set"] for row in accepted.select("eval_set").distinct().collect()}
    if unread := settings.eval.sets.keys() - readable:
        raise UnusableSettings(
            f"eval.sets: of {', '.join(sorted(unread))} no image can be read; name a folder of image files or a Delta table with"
            " images in a column `image`, or leave the set out"
        )


def eval_images(lake: Lake, sets: dict[str, str], max_bytes: int) -> tuple[DataFrame, int, Counter[str]]:
    """Rows of NAMED, every image of the sets; how many files and rows they have, and how many rows show no new one.

    A file goes by its path below the folder, a table's image by its SHA-256.
    """
    frames, total, left_out = [], 0, Counter[str]()
    for name, uri in sorted(sets.items()):
        rows = image_rows(lake, name, uri)
        if rows is None:
            shown, number = folder_files(lake.spark, uri, max_bytes)
        else:
            shown = rows.where("name IS NOT NULL").dropDuplicates(["name"])
            number, num_images, num_distinct = rows.agg(F.count("*"), F.count("name"), F.count_distinct("name")).collect()[0]
            left_out += Counter({"no_image": number - num_images, "repeated": num_images - num_distinct})
        about = (F.lit(name).alias("eval_set"), "name", "content", F.lit(rows is None).alias("is_file"))
        frames.append(shown.select(*about))
        total += number
    return reduce(DataFrame.unionByName, frames, lake.spark.createDataFrame([], sql_columns(NAMED))), total, left_out


def folder_files(spark: SparkSession, uri: str, max_bytes: int) -> tuple[DataFrame, int]:
    """name and content of every file below a folder, in tasks of FILES_PER_TASK, and how many there are.

    Spark's own reader would leave out names that begin with `_` or `.`, unsaid.
    """
    files = [{"name": file.path, "num_bytes": file.num_bytes} for file in list_files(uri)]
    listed = spark.createDataFrame(pa.Table.from_pylist(files, schema=LISTED), sql_columns(LISTED))
    spread = listed.repartition(-(-len(files) // FILES_PER_TASK), "name")
    return map_batches(spread, ReadFiles(uri, max_bytes), FILE), len(files)


def overlaps(images: DataFrame, hashed: DataFrame, near: DataFrame, settings: Settings) -> DataFrame:
    """The rows of `eval_overlap`: archive images with the pixels of an evaluation image, or near it by both hashes.

    near: phash, eval_phash, hamming_distance of hashes within `max_distance`, equal ones included. Images of one look are
    compared once: a crowd of them in the archive and in a set would else be compared image by image. Featureless ones are near
    as others are, unlike among duplicates: nothing is merged here, and an image too many is one that is not trained on.
    """
    archive = images.select(*LOOK, "image_sha256", "pixels_sha256")
    by_pixels = hashed.groupBy("pixels_sha256", "eval_set").agg(
        F.min(F.struct(F.lit(0).alias("hamming_distance"), "eval_image")).alias("nearest")
    )
    columns = ("image_sha256", "eval_set", "nearest")
    found = archive.join(by_pixels, "pixels_sha256").select(*columns)
    by_look = near_looks(archive, hashed, near, settings.duplicates.max_distance_256)
    found = found.unionByName(archive.join(by_look, [*LOOK]).select(*columns))
    best = found.groupBy("image_sha256", "eval_set").agg(F.min("nearest").alias("nearest"))
    version = F.lit(hash_version(settings)).alias("hash_version")
    return best.select("image_sha256", "eval_set", "nearest.*", version).select(*EVAL_OVERLAP.column_names)


def near_looks(archive: DataFrame, hashed: DataFrame, near: DataFrame, max_distance_256: int) -> DataFrame:
    """Per look of the archive (both hashes) and set the nearest evaluation image; what has no content looks like nothing."""
    has_content = F.col("phash256_trimmed") != F.lit(_NO_CONTENT)
    looks = archive.where(has_content).select(*LOOK).distinct().toDF("phash", "phash256")
    of_sets = hashed.where(has_content).groupBy(*LOOK, "eval_set").agg(F.min("eval_image").alias("eval_image"))
    of_sets = of_sets.withColumnsRenamed({"phash_trimmed": "eval_phash", "phash256_trimmed": "eval_phash256"})
    candidates = looks.join(near, "phash").join(of_sets, "eval_phash")
    confirmed = candidates.where(distance_256(F.col("phash256"), F.col("eval_phash256")) <= max_distance_256)
    nearest = F.min(F.struct("hamming_distance", "eval_image")).alias("nearest")
    return confirmed.groupBy("phash", "phash256", "eval_set").agg(nearest).toDF(*LOOK, "eval_set", "nearest")


def near_hashes(lake: Lake, images: DataFrame, hashed: DataFrame, settings: DuplicateSettings) -> DataFrame:
    """phash, eval_phash, hamming_distance of an archive's hash and an evaluation image's that may be near, staged."""
    theirs = hashed.select(F.col("phash_trimmed").alias("phash")).distinct()
    everything = images.select(*LOOK).unionByName(hashed.select(*LOOK)).withColumn("is_featureless", F.lit(False))
    marks = theirs.withColumn("is_new", F.lit(True))
    with narrow_rows(lake.spark, images.count()):
        marked = hash_looks(everything).join(marks, "phash", "left")
        marked = marked.select("phash", "looks", F.coalesce("is_new", F.lit(False)).alias("is_new"))
        together = lake.stage(marked, f"{STAGE}/hashes")
        with hash_pairs(together, settings) as found:
            pairs = lake.stage(found, f"{STAGE}/pairs")
    ends = (("lower_phash", "upper_phash"), ("upper_phash", "lower_phash"))
    ways = [pairs.select(F.col(one).alias("phash"), F.col(two).alias("eval_phash"), "hamming_distance") for one, two in ends]
    equal = theirs.select("phash", F.col("phash").alias("eval_phash"), F.lit(0).alias("hamming_distance"))
    return reduce(DataFrame.union, ways, equal)


def left(lake: Lake, settings: Settings) -> str:
    """The rejects of the sets as a digest: an export is refused for their sake, so they must be those of the comparison."""
    return rejects_digest(lake) if settings.eval.sets else "none"


def rejects_digest(lake: Lake) -> str:
    """What stands in `rejects` of the sets, whatever the order of its rows."""
    mine = lake.read(REJECTS).where(F.col("stage") == STAGE)
    total = F.sum(F.xxhash64("key", "reason").cast("decimal(38)"))
    number, digest = mine.agg(F.count("*"), total).collect()[0]
    return f"{number} rejects {digest}"


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Hash the evaluation sets, compare them with the whole archive, bring the table up to date."""
    lake = Lake(spark, settings.lake)
    check(lake, settings, context.last_inputs(lake, STAGE))
    images = comparable_images(lake.read(IMAGES), settings)
    shown, num_in, left_out = eval_images(lake, settings.eval.sets, settings.images.max_bytes)
    options = replace(image_options(settings), min_side_px=1)  # what is too small for the archive may be a copy of what is not
    hashed = lake.stage(map_batches(shown, HashEvalImages(options), RESULT), f"{STAGE}/eval_images")
    accepted, is_text = hashed.where("reason IS NULL"), F.col("reason") == TEXT
    check_sets_are_readable(accepted, settings)
    if accepted.isEmpty():
        lake.sync(EVAL_OVERLAP, spark.createDataFrame([], spark_schema(EVAL_OVERLAP)))
    else:
        near = near_hashes(lake, images, accepted, settings.duplicates)
        lake.sync(EVAL_OVERLAP, overlaps(images, accepted, near, settings))
    key = F.concat_ws("/", "eval_set", "name").alias("key")
    about = (key, "reason", "detail", F.col("eval_image").alias("fingerprint"))
    refused = hashed.where(F.col("reason").isNotNull() & ~is_text).select(*about)
    num_rejected = sync_rejects(lake, context, STAGE, hashed.select(key), refused)
    counts = Counts(num_in, accepted.count(), num_rejected, dict(left_out + Counter({TEXT: hashed.where(is_text).count()})))
    lake.unstage(STAGE)
    return counts


if __name__ == "__main__":
    main(STAGE)
