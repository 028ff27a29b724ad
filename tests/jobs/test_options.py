"""Settings reach the kernels whole."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import UnusableSettings
from jobs.options import (
    fetch_limits,
    image_options,
    requests_per_task,
    running_tasks,
    selected_ids,
    selection,
    source_options,
    tasks_per_executor,
)
from tests.jobs.rows import collected


def test_the_cap_on_requests_is_shared_by_the_tasks() -> None:
    settings = load_settings("local", ["fetch.requests_per_s=12"])
    assert source_options(settings).requests_per_s == 12
    assert source_options(settings, num_tasks=8).requests_per_s == 1.5


@pytest.mark.spark
@pytest.mark.parametrize(("per_executor", "expected"), [(9, 4), (2, 1), (1, 1)])
def test_the_tasks_of_an_executor_share_its_requests_in_flight(spark: SparkSession, per_executor: int, expected: int) -> None:
    assert tasks_per_executor(spark) == running_tasks(spark) == 2
    assert requests_per_task(spark, load_settings("local", [f"fetch.concurrency={per_executor}"])) == expected


def test_every_kernel_option_comes_from_the_settings() -> None:
    settings = load_settings(
        "local",
        [
            "source.uri=s3://mirror",
            "source.endpoint=http://localhost:9",
            "source.license_groups=[other]",
            "source.require_open_access=false",
            "fetch.timeout_s=7",
            "fetch.max_xml_bytes=5",
            "fetch.digest_attempts=9",
            "fetch.max_held_bytes=6",
            "fetch.max_image_bytes=4",
            "images.max_side_px=99",
        ],
    )
    source = source_options(settings)
    assert (source.uri, source.endpoint, source.timeout_s) == ("s3://mirror", "http://localhost:9", 7)
    assert (selection(settings).license_groups, selection(settings).require_open_access) == (("other",), False)
    assert source.max_object_bytes == 5
    assert (fetch_limits(settings).max_xml_bytes, fetch_limits(settings).digest_attempts) == (5, 9)
    assert fetch_limits(settings).max_held_bytes == 6
    assert image_options(settings).max_side_px == 99


@pytest.mark.spark
def test_a_file_of_ids_becomes_a_frame(spark: SparkSession, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("PMC2 # the second\n\nPMC1.3\nPMC2\n", encoding="utf-8")
    frame = selected_ids(spark, load_settings("local", [f"source.ids={ids}"]))
    assert frame is not None
    assert collected(frame) == [("PMC1.3",), ("PMC2",)]


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), (b"\xff\xfe", "cannot be read"), (b"PM1\n", "line 1: 'PM1'")]
)
def test_a_file_of_ids_that_is_none_is_refused_by_name(content: bytes | None, told: str, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    if content is not None:
        ids.write_bytes(content)
    with pytest.raises(UnusableSettings, match=f"ids.txt.*{told}"):
        selected_ids(None, load_settings("local", [f"source.ids={ids}"]))  # type: ignore[arg-type]


def test_a_search_service_that_does_not_answer_is_told_by_its_setting(closed_address: str) -> None:
    settings = load_settings("local", ["source.query=burns", f"source.esearch_url={closed_address}"])
    with pytest.raises(UnusableSettings, match=f"^source.esearch_url: .*{closed_address} does not answer: .*check the address"):
        selected_ids(None, settings)  # type: ignore[arg-type]
