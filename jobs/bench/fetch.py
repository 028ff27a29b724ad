"""Fetching article versions in Spark beside obstore alone: the same objects, as many requests in flight, in turns."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs.arrow_frames import map_batches
from jobs.bench.beside import beside
from jobs.bench.fetch_ceiling import ceiling
from jobs.bench.object_server import serving
from jobs.bench.s3_server import serving_s3
from jobs.bench.stages import bench_session, local_options
from jobs.options import requests_per_task, running_tasks
from udfs.batches.documents import DocumentFetch
from udfs.fetch import FetchLimits
from udfs.selection import Selection
from udfs.source.options import SourceOptions

BUCKET = "pmc-oa-opendata"
NUM_ARTICLES = 20_000
XML_BYTES = 100_000
ROUNDS = 3
BUCKET_DELAY_S = 0.02
CONCURRENCY = 32
COUNTS = pa.schema([pa.field("num_ok", pa.int64()), pa.field("num_bytes", pa.int64())])


def run() -> list[dict[str, Any]]:
    """Objects/s and MB/s (10^6 bytes) of one core: metadata and XML of article versions fetched, parsed and verified in Spark.

    The reference reads the same keys with obstore alone, from as many processes as Spark has tasks and with as many requests in
    flight. Both throw the bytes away. The server (its own process, objects in memory) shares the machine with both. With an S3
    server (moto) that is the limit; with a plain server and the delay of a bucket the limit is the number of requests in flight,
    and without delay (`fetch_no_wait`) nothing but the processor, a quarter of whose time goes into the MD5 of what was read.
    """
    cores = os.cpu_count() or 1
    objects, fewer, few = (article_objects(NUM_ARTICLES // share) for share in (1, 4, 20))
    with TemporaryDirectory() as folder, bench_session(local_options(Path(folder))) as spark:
        return [
            entry(spark, cores, "fetch", few, serving_s3(BUCKET, few)),
            entry(spark, cores, f"fetch_{BUCKET_DELAY_S * 1000:.0f}ms", fewer, serving(BUCKET, fewer, BUCKET_DELAY_S)),
            entry(spark, cores, "fetch_no_wait", objects, serving(BUCKET, objects)),
        ]


def entry(
    spark: SparkSession, cores: int, name: str, objects: Mapping[str, bytes], server: AbstractContextManager[str]
) -> dict[str, Any]:
    """One entry: the objects of article versions from a server that has them."""
    num_articles = len(objects) // 2
    per_object = sum(len(data) for data in objects.values()) / len(objects) / 1e6
    with server as url, ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        options = SourceOptions(f"s3://{BUCKET}", endpoint=url)
        fetch = prepared_fetch(spark, options, num_articles)
        alone = partial(ceiling_of_all, pool, options, sorted(objects), cores)
        alone()
        fetch()
        rates = beside(lambda: len(objects) / fetch() / cores, lambda: len(objects) / alone() / cores, ROUNDS)
    extra = {"mb_per_s": rates.value * per_object, "reference_mb_per_s": rates.reference_value * per_object}
    return rates.entry(name, "objects/s per core", "obstore alone", len(objects), cores) | extra


def article_objects(number: int) -> dict[str, bytes]:
    """Metadata and XML of article versions of the usual size, with true digests; a hundred bodies go round."""
    objects: dict[str, bytes] = {}
    bodies = [b"<article><!-- " + os.urandom(XML_BYTES // 2).hex().encode() + b" --></article>" for _ in range(min(number, 100))]
    digests = [hashlib.md5(body, usedforsecurity=False).hexdigest() for body in bodies]
    for index in range(number):
        accession, body = f"PMC{index + 1}.1", index % len(bodies)
        uri = f"s3://{BUCKET}/{accession}/{accession}.xml?md5={digests[body]}"
        record = {"pmcid": f"PMC{index + 1}", "version": 1, "is_pmc_openaccess": True, "license_code": "CC BY", "xml_url": uri}
        objects[f"metadata/{accession}.json"] = json.dumps(record).encode()
        objects[f"{accession}/{accession}.xml"] = bodies[body]
    return objects


@dataclass(frozen=True)
class Counted:
    """A kernel whose results are counted in its task instead of being handed to Spark: (number fetched, bytes of XML)."""

    kernel: DocumentFetch

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One row a batch."""
        for batch in self.kernel(batches):
            num_ok = batch["reason"].null_count
            num_bytes = pc.sum(pc.binary_length(batch["xml"])).as_py()
            yield pa.RecordBatch.from_pylist([{"num_ok": num_ok, "num_bytes": num_bytes}], schema=COUNTS)


def prepared_fetch(spark: SparkSession, options: SourceOptions, num_articles: int) -> Callable[[], float]:
    """A function that fetches every article version once through the job's own kernel and returns the seconds it took."""
    settings = load_settings("local", [f"fetch.concurrency={CONCURRENCY}"])
    kernel = DocumentFetch(options, Selection(), FetchLimits(), requests_per_task(spark, settings))
    work = spark.range(1, num_articles + 1).selectExpr("concat('PMC', id, '.1') AS accession", "'etag' AS etag")
    work = work.repartition(running_tasks(spark)).persist()
    work.count()

    def fetch() -> float:
        start = time.perf_counter()
        counts = map_batches(work, Counted(kernel), COUNTS).selectExpr("sum(num_ok) AS num_ok").collect()[0]
        if counts["num_ok"] != num_articles:
            raise RuntimeError(f"only {counts['num_ok']} of {num_articles} article versions were fetched")
        return time.perf_counter() - start

    return fetch


def ceiling_of_all(pool: ProcessPoolExecutor, options: SourceOptions, keys: Sequence[str], processes: int) -> float:
    """Seconds that obstore alone needs for every key, `processes` at a time that share the requests in flight."""
    shares = [keys[start::processes] for start in range(processes)]
    start = time.perf_counter()
    list(pool.map(partial(ceiling, options, concurrency=max(1, CONCURRENCY // processes)), shares))
    return time.perf_counter() - start
