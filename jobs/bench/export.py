"""The stage export_shards, from Delta tables to shards, beside webdataset's own writer on the same images."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from conf.load import load_settings
from jobs.bench.beside import beside
from jobs.bench.generated_images import complete
from jobs.bench.hostile_inputs import picture
from jobs.bench.stages import bench_session, local_options, stage_seconds
from jobs.tables import Lake
from schemas.images import IMAGES
from schemas.pairs import PAIRS

STAGE = "export_shards"
NUM_SAMPLES, SAMPLES_PER_SHARD = 20_000, 1_000
ROUNDS = 3
_NUM_PICTURES = 40
_BATCH_ROWS = 256


def run() -> dict[str, Any]:
    """Samples per second of all cores: filter, join, shuffle into shards, write, digest, commit.

    The reference writes the images of the same table with a caption and a JSON each, in the order in which they lie there.
    """
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as scratch, ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        folder = Path(scratch)
        overrides = [f"lake.uri={folder}/lake", f"export.uri={folder}/shards", f"export.samples_per_shard={SAMPLES_PER_SHARD}"]
        overrides += local_options(folder)
        with bench_session(overrides) as spark:
            write_tables(Lake(spark, load_settings("local", overrides).lake), NUM_SAMPLES)
            stage_rate(spark, [*overrides, "export.name=warm"], NUM_SAMPLES)
            names = iter(range(ROUNDS))
            measured = beside(
                lambda: stage_rate(spark, [*overrides, f"export.name=round-{next(names)}"], NUM_SAMPLES),
                lambda: writer_rate(pool, folder, NUM_SAMPLES, cores),
                ROUNDS,
            )
    reference = f"webdataset ShardWriter in {cores} processes, images straight from Parquet"
    return measured.entry("export", "samples/s", reference, NUM_SAMPLES, cores)


def write_tables(lake: Lake, num_samples: int) -> None:
    """Pairs and images of an archive in which every pair is to be exported."""
    lake.create()
    pictures = lake.spark.createDataFrame(
        [(number, jpeg(number)) for number in range(_NUM_PICTURES)], "picture int, image binary"
    )
    numbers = lake.spark.range(num_samples).withColumn("image_sha256", F.sha2(F.col("id").cast("string"), 256))
    images = numbers.withColumn("picture", (F.col("id") % _NUM_PICTURES).cast("int")).join(F.broadcast(pictures), "picture")
    lake.append(IMAGES, complete(IMAGES, images.selectExpr("image_sha256", "image", "'JPEG' AS image_format")))
    pairs = numbers.selectExpr(
        "concat('PMC', id, '_1_F1') AS pair_id",
        "image_sha256",
        "concat('Figure ', id, repeat(' of cells in culture', 20)) AS caption",
        "'article' AS rights",
        "'commercial' AS license_group",
        "false AS is_no_derivatives",
        "'train' AS split",
    )
    lake.append(PAIRS, complete(PAIRS, pairs))


def jpeg(number: int) -> bytes:
    """A noisy picture of the normalised size."""
    stream = io.BytesIO()
    picture(512, 360 + number).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def stage_rate(spark: SparkSession, overrides: list[str], num_samples: int) -> float:
    """Samples per second of one export; RuntimeError unless it holds every pair."""
    settings = load_settings("local", overrides)
    return num_samples / stage_seconds(spark, settings, STAGE, num_samples)


def writer_rate(pool: ProcessPoolExecutor, folder: Path, num_samples: int, processes: int) -> float:
    """Samples per second of webdataset's writer in processes that share the table's files."""
    files = sorted(DeltaTable(str(folder / "lake" / "images")).file_uris())
    started = time.perf_counter()
    shares = [files[number::processes] for number in range(processes)]
    written = sum(pool.map(write_plain, shares, [str(folder / f"plain-{number}") for number in range(processes)]))
    if written != num_samples:
        raise RuntimeError(f"webdataset wrote {written} of {num_samples} samples")
    return num_samples / (time.perf_counter() - started)


def write_plain(files: list[str], prefix: str) -> int:
    """Write the images of Parquet files to shards whose names begin with `prefix`; how many."""
    import webdataset

    written = 0
    with webdataset.ShardWriter(f"{prefix}-%06d.tar", maxcount=SAMPLES_PER_SHARD, verbose=0) as writer:
        for written, image in enumerate(_images(files), start=1):
            about = {"key": f"{written:09d}", "license_group": "commercial"}
            writer.write({"__key__": about["key"], "jpg": image, "txt": "of cells in culture" * 20, "json": about})
    return written


def _images(files: list[str]) -> Iterator[bytes]:
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=["image"]):
            yield from batch["image"].to_pylist()
