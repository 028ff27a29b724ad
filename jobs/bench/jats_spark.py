"""The stage extract_figures, from bytes in Delta to rows in Delta, beside the extractor alone in as many processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs.arrow_frames import map_batches
from jobs.bench.beside import beside
from jobs.bench.generated_images import complete
from jobs.bench.jats_kernel import EXTRACTOR
from jobs.bench.real_articles import written_articles
from jobs.bench.stages import bench_session, local_options, stage_seconds
from jobs.tables import Lake
from schemas.documents import DOCUMENTS, STORED
from udfs.batches import no_cycle_search
from udfs.batches.extraction import RESULT, Extract
from udfs.jats import Limits, extract_article

STAGE = "extract_figures"
NUM_ARTICLES = 36_000
ROUNDS = 2
_WARM_UP = 2_000
_PER_FILE = 500

Document = tuple[str, Path]


def run(shared_data: Path | None, num_articles: int = NUM_ARTICLES) -> list[dict[str, Any]]:
    """Articles per second of all cores: read documents, extract, stage, write three tables; or read files and extract only.

    `jats_spark_unwritten` reads and extracts in Spark as well, but throws the rows away: what is lost before any is written.
    """
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as scratch, _pool(cores) as pool:
        folder = Path(scratch)
        documents = numbered(written_articles(made(folder / "articles"), shared_data), num_articles)
        options = local_options(folder)
        with bench_session(options) as spark:
            numbers = count()
            stage_rate(spark, folder / f"lake{next(numbers)}", options, documents[:_WARM_UP])
            kernel_rate(pool, documents[:_WARM_UP], cores)

            def whole() -> float:
                return stage_rate(spark, folder / f"lake{next(numbers)}", options, documents)

            def unwritten() -> float:
                return unwritten_rate(spark, folder / "lake1", options, num_articles)

            def alone() -> float:
                return kernel_rate(pool, documents, cores)

            measured = {"jats_spark": beside(whole, alone, ROUNDS), "jats_spark_unwritten": beside(unwritten, alone, ROUNDS)}
    reference = f"{EXTRACTOR} alone in {cores} processes on the same articles"
    return [each.entry(name, "articles/s", reference, num_articles, cores) for name, each in measured.items()]


def numbered(paths: Sequence[Path], num_articles: int) -> list[Document]:
    """That many accessions, each with one of the files: these come again under other accessions."""
    return [(f"PMC{1 + number}.1", paths[number % len(paths)]) for number in range(num_articles)]


def stage_rate(spark: SparkSession, lake_folder: Path, options: list[str], documents: Sequence[Document]) -> float:
    """Articles per second of the stage on a new archive that holds these documents."""
    settings = load_settings("local", [*options, f"lake.uri={lake_folder}"])
    lake = Lake(spark, settings.lake)
    lake.create()
    store(lake, lake_folder.with_name(f"{lake_folder.name}-documents"), documents)
    return len(documents) / stage_seconds(spark, settings, STAGE, len(documents))


def unwritten_rate(spark: SparkSession, lake_folder: Path, options: list[str], num_articles: int) -> float:
    """Articles per second of reading and extracting the documents of an archive, whose rows nobody takes."""
    lake = Lake(spark, load_settings("local", [*options, f"lake.uri={lake_folder}"]).lake)
    started = time.perf_counter()
    files = lake.read(DOCUMENTS).select("accession", "etag", "metadata", "xml")
    map_batches(files, Extract(Limits()), RESULT).write.format("noop").mode("overwrite").save()
    return num_articles / (time.perf_counter() - started)


def store(lake: Lake, scratch: Path, documents: Sequence[Document]) -> None:
    """Append the documents to the archive's table, as fetching leaves them."""
    made(scratch)
    for start in range(0, len(documents), _PER_FILE):
        rows = [
            {"accession": name, "etag": "etag", "state": STORED, "metadata": metadata(name), "xml": path.read_bytes()}
            for name, path in documents[start : start + _PER_FILE]
        ]
        pq.write_table(pa.Table.from_pylist(rows), scratch / f"{start}.parquet")
    lake.append(DOCUMENTS, complete(DOCUMENTS, lake.spark.read.parquet(str(scratch))))


def metadata(accession: str) -> str:
    """The metadata JSON of an article version that has nothing to add to the XML."""
    pmcid, _, version = accession.partition(".")
    return json.dumps({"pmcid": pmcid, "version": int(version), "license_code": "CC BY", "is_pmc_openaccess": True})


def kernel_rate(pool: ProcessPoolExecutor, documents: Sequence[Document], cores: int) -> float:
    """Articles per second of the extractor in `cores` processes, each with every so-many-th document."""
    started = time.perf_counter()
    list(pool.map(extract_all, [documents[core::cores] for core in range(cores)]))
    return len(documents) / (time.perf_counter() - started)


def extract_all(documents: Sequence[Document]) -> int:
    """Read and extract documents one after the other; their figures."""
    found = (extract_article(path.read_bytes(), name, json.loads(metadata(name))) for name, path in documents)
    with no_cycle_search():  # as in the stage
        return sum(len(extraction.figures) for extraction in found)


def made(folder: Path) -> Path:
    """The folder, which now exists."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _pool(num_processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(num_processes, mp_context=multiprocessing.get_context("spawn"))
