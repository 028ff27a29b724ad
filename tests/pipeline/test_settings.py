"""Settings of acquisition reach the running jobs: each changed one shows its effect."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow.parquet import ParquetFile
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs import fetch_articles, fetch_images
from jobs.entry import STAGES, job_module
from jobs.sample import write_sample
from jobs.stage import RunContext, run_stage
from jobs.tables import Lake
from tests.pipeline.lakes import overrides, rows
from tests.udfs import test_esearch
from tests.udfs.test_esearch import SearchServer
from udfs.fetch import FetchLimits
from udfs.images import ImageOptions
from udfs.selection import Selection

ACQUIRING = STAGES[: STAGES.index("fetch_images") + 1]
NUM_ARTICLES = 8
NUM_CORES = 2


class Small:
    """An archive of a few articles in a folder, on which stages run under changing settings."""

    def __init__(self, spark: SparkSession, bucket: Path, out: Path) -> None:
        self.spark, self.bucket, self.out = spark, bucket, out
        self.lake = out / "lake"

    def run(self, *stages: str, **settings: object) -> None:
        """Run stages with settings whose dots are written as `__`."""
        changed = [f"{name.replace('__', '.')}={value}" for name, value in settings.items()]
        loaded = load_settings("local", [*overrides(self.bucket, self.out), *changed])
        for stage in stages:
            run_stage(self.spark, loaded, RunContext.new(), job_module(stage), stage)

    def values(self, table: str, column: str) -> list[Any]:
        """A column of a table in order of the key."""
        return [row[column] for row in rows(self.lake, table)]


@pytest.fixture(scope="module")
def small(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Small:
    bucket = tmp_path_factory.mktemp("few")
    write_sample(bucket, NUM_ARTICLES, seed=0)
    archive = Small(spark, bucket, tmp_path_factory.mktemp("few_archive"))
    shutil.copytree(empty_lake, archive.lake)
    archive.run(ACQUIRING[0])
    shutil.copytree(archive.lake, archive.out / "listed")
    archive.run(*ACQUIRING[1:])
    return archive


@pytest.fixture
def other(small: Small, tmp_path: Path) -> Small:
    """An archive of its own that knows the inventory and has fetched nothing."""
    shutil.copytree(small.out / "listed", tmp_path / "lake")
    return Small(small.spark, small.bucket, tmp_path)


def test_the_raw_files_lie_compressed(small: Small) -> None:
    files = [ParquetFile(path) for path in (small.lake / "documents").glob("*.parquet")]
    columns = [group.column(i) for file in files for group in _row_groups(file) for i in range(group.num_columns)]
    raw = {column.path_in_schema: column.compression for column in columns if column.path_in_schema in {"xml", "metadata"}}
    assert raw == {"xml": "ZSTD", "metadata": "ZSTD"}


def _row_groups(file: ParquetFile) -> list[Any]:
    return [file.metadata.row_group(number) for number in range(file.num_row_groups)]


def test_only_what_was_written_since_a_day_is_fetched(other: Small) -> None:
    other.run("fetch_articles", source__since="2026-12-01")
    assert other.values("documents", "accession") == []


def test_only_articles_of_the_chosen_licence_groups_are_stored(small: Small, other: Small) -> None:
    other.run("fetch_articles", source__license_groups="[noncommercial]")
    states = {row["license_group"]: row["state"] for row in rows(other.lake, "documents") if row["is_open_access"]}
    assert states == {group: "stored" if group == "noncommercial" else "filtered" for group in states}
    assert {"commercial", "noncommercial"} <= states.keys()


def test_only_articles_that_a_file_names_are_fetched(small: Small, other: Small, tmp_path: Path) -> None:
    first, second = small.values("documents", "accession")[:2]
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{first}\n")
    other.run("fetch_articles", source__ids=ids)
    assert other.values("documents", "accession") == [first]
    ids.write_text(f"{first}\n{second}\n")
    other.run("fetch_articles", source__ids=ids)
    assert other.values("documents", "accession") == [first, second]


@pytest.fixture
def search(small: Small, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SearchServer, str]]:
    """An ESearch service that finds one article, and that article's PMCID."""
    pmcid = small.values("articles", "pmcid")[0]
    monkeypatch.setattr(test_esearch, "UIDS", [pmcid.removeprefix("PMC")])
    with SearchServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server, pmcid
        server.shutdown()
        thread.join()


def test_only_articles_that_a_search_finds_are_fetched(other: Small, search: tuple[SearchServer, str]) -> None:
    server, pmcid = search
    other.run("fetch_articles", source__query="burns[title]", source__esearch_url=server.url)
    assert {name.split(".")[0] for name in other.values("documents", "accession")} == {pmcid}
    assert server.queries[0]["term"] == ["burns[title]"]


def test_original_bytes_are_kept_when_wanted_and_dropped_when_not(small: Small) -> None:
    assert small.values("originals", "image_sha256") == []
    before = small.values("media", "image_sha256")
    small.run("fetch_images", fetch__keep_image_bytes="true")
    kept = {row["image_sha256"]: row["data"] for row in rows(small.lake, "originals")}
    assert kept.keys() == set(before)
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in kept.items())
    assert small.values("media", "image_sha256") == before
    small.run("fetch_images")
    assert small.values("originals", "image_sha256") == []
    assert small.values("media", "image_sha256") == before


@pytest.mark.parametrize(("partition_bytes", "cap", "is_cut"), [(1, 0, True), (2**30, 0, False), (1, 5000, False)])
def test_tasks_are_cut_by_bytes_unless_they_share_a_cap(
    other: Small, monkeypatch: pytest.MonkeyPatch, partition_bytes: int, cap: int, is_cut: bool
) -> None:
    def leave(lake: Lake, name: str) -> None:
        """What a stage wrote to its scratch place stays: a file for each task."""

    monkeypatch.setattr(Lake, "unstage", leave)
    other.run("fetch_articles", fetch__partition_bytes=partition_bytes, fetch__requests_per_s=cap)
    files = [path for path in (other.lake / "_staging" / "fetch_articles").glob("*.parquet") if path.stat().st_size]
    assert (len(files) > NUM_CORES) == is_cut


def test_every_option_of_a_kernel_is_the_setting_of_the_run(small: Small, other: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def spy(module: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *options: made.setdefault(name, original(*options)))

    spy(fetch_articles, "DocumentFetch")
    spy(fetch_images, "MediaFetch")
    other.run(
        *ACQUIRING[1:],
        source__license_groups="[commercial, other]",
        source__require_open_access="false",
        fetch__requests_per_s=5000,
        fetch__concurrency=6,
        fetch__attempts=7,
        fetch__digest_attempts=3,
        fetch__max_xml_bytes=9_000_000,
        fetch__max_image_bytes=8_000_000,
        fetch__max_held_bytes=7_000_000,
        fetch__keep_image_bytes="true",
        images__max_side_px=100,
    )
    documents, media = made["DocumentFetch"], made["MediaFetch"]
    assert documents.selection == Selection(("commercial", "other"), False)
    for kernel in (documents, media):
        assert kernel.limits == FetchLimits(
            max_xml_bytes=9_000_000, max_image_bytes=8_000_000, digest_attempts=3, max_held_bytes=7_000_000
        )
        assert (kernel.source.uri, kernel.source.requests_per_s, kernel.source.attempts) == (str(small.bucket), 2500, 7)
        assert kernel.concurrency == 3
    assert media.images == ImageOptions(max_side_px=100)
    assert media.keep_bytes
    assert max(other.values("images", "image_width_px")) == 100
    assert other.values("originals", "image_sha256") == other.values("images", "image_sha256")
