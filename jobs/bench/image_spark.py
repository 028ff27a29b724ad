"""The stage fetch_images, from files to Delta tables, beside the image kernel alone in as many processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs.bench.beside import beside
from jobs.bench.generated_images import complete
from jobs.bench.image_kernel import drawn_jpegs, real_jpegs
from jobs.bench.memory import peak_memory
from jobs.bench.stages import bench_session, local_options, stage_seconds
from jobs.tables import Lake
from schemas.documents import DOCUMENTS
from schemas.figures import FIGURES, PAIRED_KINDS
from udfs.images import process_image

STAGE = "fetch_images"
NUM_IMAGES = 20_000
ROUNDS = 2
_PER_ARTICLE = 20
_WARM_UP = 400
_WARM_UPS = 4  # a JVM compiles for some 15 s of processor time in the first run and for 5 s in the fifth


def run(shared_data: Path | None, num_images: int = NUM_IMAGES) -> dict[str, Any]:
    """Images per second of all cores: read, check, process, stage, and write images and media; or read and process only."""
    files = real_jpegs(shared_data) if shared_data is not None else drawn_jpegs()
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as scratch, _pool(cores) as pool:
        folder = Path(scratch)
        paths = write_bucket(folder / "bucket", files, num_images)
        options = [*local_options(folder), f"source.uri={folder}/bucket"]
        with bench_session(options) as spark:
            lakes = (folder / f"lake{number}" for number in count())
            for _ in range(_WARM_UPS):
                stage_rate(spark, next(lakes), options, paths[:_WARM_UP])
            list(pool.map(process_files, [paths[:_PER_ARTICLE]] * cores))
            measured = beside(
                lambda: stage_rate(spark, next(lakes), options, paths), lambda: kernel_rate(pool, paths, cores), ROUNDS
            )
            with peak_memory() as peak:  # not while time is taken: looking at 4 GB twice a second costs a tenth of a core
                stage_rate(spark, next(lakes), options, paths[: num_images // 4])
    reference = f"the kernel alone in {cores} processes on the same files"
    memory = {role: round(num_bytes / 2**20) for role, num_bytes in sorted(peak.largest.items())}
    return measured.entry("image_spark", "images/s", reference, num_images, cores) | {"peak_memory_mb": memory}


def write_bucket(bucket: Path, files: list[bytes], num_images: int) -> list[Path]:
    """`num_images` JPEGs in the bucket's layout, all different: each carries its number in a comment."""
    paths = []
    for number in range(num_images):
        path = bucket / f"PMC{1 + number // _PER_ARTICLE}.1" / f"f{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbered(files[number % len(files)], number))
        paths.append(path)
    return paths


def numbered(jpeg: bytes, number: int) -> bytes:
    """The JPEG with a comment segment behind its first marker: other bytes, the same pixels."""
    return jpeg[:2] + b"\xff\xfe\x00\x0a" + number.to_bytes(8, "big") + jpeg[2:]


def stage_rate(spark: SparkSession, lake_folder: Path, options: list[str], paths: list[Path]) -> float:
    """Images per second of the stage on a new archive whose figures name these files."""
    settings = load_settings("local", [*options, f"lake.uri={lake_folder}"])
    lake = Lake(spark, settings.lake)
    lake.create()
    articles: dict[str, list[Path]] = {}
    for path in paths:
        articles.setdefault(path.parent.name, []).append(path)
    documents = [(name, metadata(name, found), 0) for name, found in articles.items()]
    lake.append(
        DOCUMENTS,
        complete(
            DOCUMENTS,
            spark.createDataFrame(documents, "accession string, metadata string, num_bytes long").selectExpr(
                "*", "'filtered' AS state", "'bench' AS filter_reason", "'other' AS license_group"
            ),
        ),
    )
    figures = [(path.parent.name, path.stem, PAIRED_KINDS[0], [path.name]) for path in paths]
    columns = "accession string, figure_id string, kind string, media_names array<string>"
    lake.append(FIGURES, complete(FIGURES, spark.createDataFrame(figures, columns).selectExpr("*", "'article' AS rights")))
    return len(paths) / stage_seconds(spark, settings, STAGE, len(paths))


def metadata(accession: str, paths: list[Path]) -> str:
    """The metadata JSON of an article version with these media."""
    prefix = f"s3://pmc-oa-opendata/{accession}/"
    urls = [f"{prefix}{path.name}?md5={hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}" for path in paths]
    pmcid, _, version = accession.partition(".")
    return json.dumps({"pmcid": pmcid, "version": int(version), "media_urls": urls})


def kernel_rate(pool: ProcessPoolExecutor, paths: list[Path], cores: int) -> float:
    """Images per second of the kernel in `cores` processes, each with every so-many-th file."""
    started = time.perf_counter()
    list(pool.map(process_files, [paths[core::cores] for core in range(cores)]))
    return len(paths) / (time.perf_counter() - started)


def process_files(paths: list[Path]) -> int:
    """Read and process files one after the other; their number."""
    return sum(1 for _ in _records(paths))


def _records(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        yield process_image(path.read_bytes()).image_sha256


def _pool(num_processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(num_processes, mp_context=multiprocessing.get_context("spawn"))
