"""The page about the whole bucket is what its own figures say."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.scale_figures import Figures, measured, parsed
from jobs.scale_page import DAY, PAGE, WHOLE, core_hours, hours_on, scale_page
from tests.conftest import ROOT

ROUND = Figures(
    inventory_diff_s=360.0,
    inventory_cores=2.0,
    inventory_peak_gb=5.5,
    fetch_objects_per_s=1000.0,
    fetch_mb_per_s=50.0,
    fetch_ratio=0.9,
    fetch_20ms_ratio=0.8,
    fetch_no_wait_ratio=0.5,
    images_per_s=100.0,
    metadata_bytes=1000.0,
    xml_bytes=100_000.0,
    xml_stored_bytes=20_000.0,
    image_bytes=500_000.0,
    image_stored_bytes=30_000.0,
)


def test_the_page_is_up_to_date_with_its_figures() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert text == scale_page(parsed(text))


def test_figures_come_back_from_their_page() -> None:
    assert parsed(scale_page(ROUND)) == ROUND


def test_figures_are_the_benchmarks_entries_and_the_sizes_of_real_files(shared_data: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    entries = [
        {"name": "inventory_diff", "value": 360.0, "cores": 2, "peak_memory_gb": 5.5},
        {"name": "fetch", "ratio": 0.9},
        {"name": "fetch_20ms", "ratio": 0.8},
        {"name": "fetch_no_wait", "value": 1000.0, "mb_per_s": 50.0, "ratio": 0.5},
        {"name": "image_kernel", "value": 100.0},
    ]
    bench.write_text(json.dumps(entries))
    found = measured(bench, shared_data)
    sizes = [path.stat().st_size for path in (shared_data / "pmc-mirror" / "metadata").iterdir()]
    assert found.metadata_bytes == pytest.approx(sum(sizes) / len(sizes), rel=1e-5)
    assert 0 < found.xml_stored_bytes < found.xml_bytes / 3
    assert 0 < found.image_stored_bytes < found.image_bytes
    unmeasured = {name: getattr(ROUND, name) for name in Figures.__annotations__ if name.endswith("_bytes")}
    assert replace(found, **unmeasured) == ROUND


def test_core_hours_are_work_by_rate() -> None:
    hours = core_hours(WHOLE, ROUND)
    assert hours.inventory == pytest.approx(0.2)
    assert hours.articles == pytest.approx(15_700_000 / 1000 / 3600)
    assert hours.images == pytest.approx(24_000_000 * 0.02 / 3600)
    assert core_hours(DAY, ROUND).images == pytest.approx(6_000 * 24 / 9.3 * 0.02 / 3600)


def test_bytes_are_numbers_by_size() -> None:
    assert WHOLE.num_bytes(ROUND) == pytest.approx(9.3e9 + 6.4e11 + 1.2e13)


def test_no_number_of_cores_reads_the_metadata_faster_than_one_prefix_gives_them() -> None:
    quick = replace(ROUND, fetch_objects_per_s=1e9, images_per_s=1e9, fetch_mb_per_s=1e9)
    assert hours_on(100_000, WHOLE, quick) == pytest.approx(0.1 + 9_300_000 / 5_500 / 3600, rel=1e-6)
    assert hours_on(1, WHOLE, ROUND) == pytest.approx(0.1 + core_hours(WHOLE, ROUND).articles + core_hours(WHOLE, ROUND).images)
