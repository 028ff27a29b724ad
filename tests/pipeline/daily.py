"""A bucket that changes from day to day on a real S3 server, and the archive that follows it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from rich.console import Console

from conf.load import load_settings
from jobs.pipeline import run_pipeline
from jobs.sample import write_sample
from jobs.sample.truth import SampleTruth
from jobs.stage import StageResult
from schemas.catalog import BY_NAME, TABLES
from tests.pipeline.lakes import MAX_ARTICLES_PER_IMAGE, contents, overrides
from tests.udfs.bucket_server import BUCKET, BucketServer
from tests.udfs.fault_proxy import FaultProxy

NUM_ARTICLES = 30
SEED = 0
Rows = dict[str, list[dict[str, Any]]]
Key = tuple[str, ...]


@dataclass(frozen=True)
class DailyState:
    """A day's bucket: its ground truth, and the keys of the objects that were written and deleted since the day before."""

    truth: SampleTruth
    written: frozenset[str]
    deleted: frozenset[str]

    @property
    def changed(self) -> set[str]:
        """Article versions whose metadata object was written: the source marks them as new or changed."""
        return _versions(self.written)

    @property
    def gone(self) -> set[str]:
        """Article versions whose metadata object was deleted."""
        return _versions(self.deleted)


def _versions(keys: frozenset[str]) -> set[str]:
    return {str(accession_of(key)) for key in keys if key.startswith("metadata/")}


@dataclass(frozen=True)
class Day:
    """A day's bucket, what the run of that day read and did, and the archive afterwards."""

    bucket: DailyState
    results: list[StageResult]
    reads: list[str]
    tables: Rows
    versions: dict[str, int]

    @property
    def truth(self) -> SampleTruth:
        """What is in the day's bucket."""
        return self.bucket.truth


class DailyBucket:
    """The sample bucket on a server, brought to a day by writing and deleting only the objects that differ."""

    def __init__(self, server: BucketServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._digests: dict[str, str] = {}

    def become(self, day: int) -> DailyState:
        """Make the server's bucket that of the day."""
        truth = write_sample(self._folder, NUM_ARTICLES, SEED, day, MAX_ARTICLES_PER_IMAGE)
        files = {p.relative_to(self._folder).as_posix(): p for p in self._folder.rglob("*") if p.is_file()}
        digests = {key: hashlib.md5(path.read_bytes()).hexdigest() for key, path in files.items() if key != "truth.json"}
        written = frozenset(key for key, digest in digests.items() if self._digests.get(key) != digest)
        deleted = frozenset(self._digests.keys() - digests.keys())
        for key in written:
            self._server.put(key, files[key].read_bytes())
        for key in deleted:
            self._server.delete(key)
        self._digests = digests
        return DailyState(truth, written, deleted)


def run_day(spark: SparkSession, bucket: DailyState, proxy: FaultProxy, url: str, out: Path) -> Day:
    """Run the pipeline once from the bucket behind the proxy into `out`."""
    num_before = len(proxy.requests)
    settings = [*overrides(Path("unused"), out), f"source.uri=s3://{BUCKET}", f"source.endpoint={url}"]
    results = run_pipeline(spark, load_settings("local", settings), Console(quiet=True))
    reads = [request.key for request in proxy.requests[num_before:]]
    versions = {table.name: DeltaTable(str(out / "lake" / table.name)).version() for table in TABLES}
    return Day(bucket, results, reads, contents(out / "lake"), versions)


def accession_of(key: str) -> str | None:
    """The article version whose object a key is; None for inventories and listings."""
    if key.startswith("metadata/"):
        return key.removeprefix("metadata/").removesuffix(".json")
    return key.partition("/")[0] if key.startswith("PMC") else None


def keyed(rows: list[dict[str, Any]], name: str) -> dict[Key, dict[str, Any]]:
    """Rows of a table by their key."""
    return {tuple(str(row[column]) for column in BY_NAME[name].key): row for row in rows}


def changed_keys(before: Rows, after: Rows, name: str) -> set[Key]:
    """Keys of a table whose rows are new, gone or different."""
    old, new = keyed(before[name], name), keyed(after[name], name)
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def feed(lake: Path, name: str, after: int, upto: int) -> Iterator[dict[str, Any]]:
    """Rows of a table's change data feed in the commits after one version up to another, as Rust's delta-rs reads them."""
    if upto > after:
        yield from pa.table(DeltaTable(str(lake / name)).load_cdf(after + 1, upto)).to_pylist()
