"""The benchmark of the inventory measures a real difference between two generated days."""

import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.bench.generated_inventory import DailyChange, write_inventory
from jobs.bench.inventory_diff import check, measured
from jobs.bench.memory import peak_memory, tree_bytes
from udfs.inventory import find_manifest
from udfs.inventory_rows import part_batches
from udfs.source import SourceOptions, open_source

CHANGE = DailyChange(num_added=3, num_changed=5, num_removed=2)


def listed(folder: Path) -> dict[str, str]:
    source = open_source(SourceOptions(str(folder)))
    manifest = find_manifest(source)
    assert manifest is not None
    batches = (batch for part in manifest.parts for batch in part_batches(source, part, manifest.columns))
    return {row["accession"]: row["etag"] for batch in batches for row in batch.to_pylist()}


def test_two_generated_days_differ_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bench.generated_inventory.ROWS_PER_PART", 30)
    for day in (1, 2):
        write_inventory(tmp_path / str(day), 100, day, CHANGE)
    first, second = listed(tmp_path / "1"), listed(tmp_path / "2")
    assert len(first) == len(set(first.values())) == 100
    assert len(second.keys() - first.keys()) == 3
    assert len(first.keys() - second.keys()) == 2
    assert sum(first[name] != second[name] for name in first.keys() & second.keys()) == 5


@pytest.mark.spark
def test_both_days_are_timed_and_the_result_is_checked(spark: SparkSession, tmp_path: Path) -> None:
    entries = measured(spark, tmp_path, 100, CHANGE)
    assert [entry["name"] for entry in entries] == ["inventory_diff", "inventory_load"]
    assert all(entry["value"] > 0 and entry["peak_memory_gb"] > 0.1 for entry in entries)
    with pytest.raises(RuntimeError, match="not as generated"):
        check(tmp_path / "lake" / "inventory", 101, CHANGE)


def test_the_peak_covers_what_was_held_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bench.memory.EVERY_S", 0.01)
    before = tree_bytes()
    with peak_memory() as peak:
        held = b"x" * 300_000_000
        while peak.num_bytes < before + len(held) // 2:  # runs into the test's time limit if nobody looks
            time.sleep(0.01)
        del held
    assert peak.num_bytes - tree_bytes() > 100_000_000
    assert peak.largest["driver"] > 100_000_000
