"""Archives made by the pipeline, read by another implementation of Delta and compared."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from schemas.catalog import BY_NAME, TABLES
from tests.conftest import SMALL_FRAMES

# What says when or by which run, not what: two runs that agree differ in these.
VOLATILE = {"rejects": {"first_seen", "last_seen", "run_id", "attempts"}, "shards": {"table_versions"}}
# The logo of the sample stands in more articles than this, and must not connect them.
MAX_ARTICLES_PER_IMAGE = 10
CONTENT_TABLES = tuple(table.name for table in TABLES if table.name != "runs")


def rows(lake: Path, name: str) -> list[dict[str, Any]]:
    """A table's rows as Rust's delta-rs reads them, in order of the key."""
    dropped = VOLATILE.get(name, set())
    listed = DeltaTable(str(lake / name)).to_pyarrow_table().to_pylist()
    ordered = sorted(listed, key=lambda row: tuple(str(row[key]) for key in BY_NAME[name].key))
    return [{column: value for column, value in row.items() if column not in dropped} for row in ordered]


def contents(lake: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table but `runs`, without what depends on the run."""
    return {name: rows(lake, name) for name in CONTENT_TABLES}


def differing_tables(one: Path, other: Path) -> list[str]:
    """Names of the tables whose rows are not the same in both archives."""
    first, second = contents(one), contents(other)
    return [name for name in CONTENT_TABLES if first[name] != second[name]]


def shard_files(export: Path) -> dict[str, str]:
    """SHA-256 of every tar that lies in an export's folder, by name; AssertionError unless the manifest says the same."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in export.glob("*.tar")}
    manifest = json.loads((export / "manifest.json").read_text())
    assert found == {shard["shard"]: shard["sha256"] for shard in manifest["shards"]}
    return found


def overrides(source: Path, out: Path) -> list[str]:
    """Settings of a small local run from `source` into `out`."""
    return [
        f"source.uri={source}",
        f"lake.uri={out}/lake",
        f"export.uri={out}/shards",
        f"spark.log_file={out}/spark.log",
        "spark.master=local[2,4]",  # a task that a busy machine fails is tried again, as on a cluster
        "spark.driver_memory=2g",
        "export.samples_per_shard=40",
        f"duplicates.max_articles_per_image={MAX_ARTICLES_PER_IMAGE}",
        *(f"spark.conf.{key}={value}" for key, value in SMALL_FRAMES.items()),
    ]


def start_pipeline(settings: list[str]) -> subprocess.Popen[bytes]:
    """`biomedica pipeline` as a process group of its own."""
    command = [sys.executable, "-m", "jobs.pipeline", *settings]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, env=os.environ.copy()
    )
