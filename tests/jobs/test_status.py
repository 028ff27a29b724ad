"""What the status says of an archive, and how it looks on a terminal."""

import io
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from rich.console import Console
from typer.testing import CliRunner

from conf.load import load_settings
from conf.settings import LakeSettings, Settings
from jobs.cli import app
from jobs.fetch_articles import wanted_versions
from jobs.lease import lease
from jobs.status import archive_status, counts_by_group, evaluation_sets, running, version_states, waiting
from jobs.status_grids import age, status_grids
from jobs.tables import CHANGE, INSERT, Lake
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS
from schemas.runs import RUNS
from schemas.table import Table
from schemas.tombstones import TOMBSTONES
from tests.jobs.rows import DAY_1, DAY_2, frame
from udfs.jats import EXTRACTOR_VERSION

NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
MANIFEST = "inventory-reports/pmc-oa-opendata/metadata/2026-11-03T01-00Z/manifest.json"
COMPARED = json.dumps({"mark": json.dumps(["phash-1", {"slake": "0", "vqa": "1"}])})


def put(lake: Lake, table: Table, *rows: dict[str, Any]) -> None:
    lake.apply(table, frame(lake.spark, table, *rows).selectExpr("*", f"'{INSERT}' AS {CHANGE}"))


def version(number: int, **values: Any) -> dict[str, Any]:
    return {"accession": f"PMC{number}.1", "pmcid": f"PMC{number}", "etag": "1", "state": PRESENT, **values}


def document(number: int, group: str = "commercial", **values: Any) -> dict[str, Any]:
    about = {"state": "stored", "xml": b"<article/>", "license_group": group, "is_open_access": True, "etag": "1"}
    return {"accession": f"PMC{number}.1", **about, **values}


def run_row(stage: str, started: datetime, run_id: str = "run-2") -> dict[str, Any]:
    inputs = json.dumps({"mark": f"{MANIFEST} 0123"})
    counts = {"num_in": 3, "num_ok": 2, "num_rejected": 1, "num_filtered": 0}
    return {"run_id": run_id, "stage": stage, "started": started, "seconds": 4.25, "inputs": inputs, "filtered": [], **counts}


@pytest.fixture(scope="module")
def filled(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """An archive with article versions in each state."""
    place = tmp_path_factory.mktemp("status") / "lake"
    lake = Lake(spark, LakeSettings(uri=str(shutil.copytree(empty_lake, place))))
    filtered = {"state": "filtered", "xml": None}
    failed = {"stage": "fetch_articles", "reason": "fetch_failed", "attempts": 2, "fingerprint": "1"}
    broken = {"stage": "extract_figures", "reason": "not_xml", "fingerprint": f"1 extractor {EXTRACTOR_VERSION}"}
    parsed = {"etag": "1", "license_group": "other", "extractor_version": EXTRACTOR_VERSION}
    put(lake, INVENTORY, *(version(n) for n in (1, 2, 3, 4, 5, 6, 7, 10)), version(8, state=REMOVED))
    put(lake, INVENTORY, *(version(n, etag="2") for n in (9, 11, 12)))
    closed = document(3, filter_reason="not_open_access", is_open_access=False, **filtered)
    put(lake, DOCUMENTS, document(2, "noncommercial"), closed, document(4, "other"), *(document(n) for n in (1, 5, 9, 12)))
    put(lake, ARTICLES, *({"accession": f"PMC{n}.1", **parsed} for n in (1, 2, 9)))
    put(
        lake,
        REJECTS,
        {"key": "PMC6.1", "detail": "first", "last_seen": DAY_1, **failed},
        {"key": "PMC99.1", "detail": "[red]newest[/]", "last_seen": DAY_2, **failed},
        {"key": "PMC4.1", "detail": "no element", **broken},
        {"key": "PMC10.1", "detail": "no JSON", **failed, "reason": "metadata_invalid"},
        {"key": "PMC11.1", "detail": "no JSON before it changed", **failed, "reason": "metadata_invalid"},
        {"key": "PMC12.1", "detail": "no element before it changed", **broken},
    )
    put(lake, PAIRS, {"pair_id": "a", "license_group": "commercial", "split": "train"})
    put(lake, TOMBSTONES, {"pair_id": "b", "reason": "retracted"})
    compared = run_row("find_eval_overlap", DAY_1, "run-1") | {"inputs": COMPARED}
    put(lake, RUNS, run_row("sync_inventory", DAY_1, "run-1"), compared)
    put(lake, RUNS, run_row("sync_inventory", DAY_2), run_row("fetch_articles", DAY_2))
    return lake


def settings_of(lake: Lake, *overrides: str) -> Settings:
    return load_settings("local", [f"lake.uri={lake.settings.uri}", *overrides])


@pytest.fixture(scope="module")
def status(filled: Lake) -> dict[str, Any]:
    return archive_status(filled, settings_of(filled))


def shown(status: dict[str, Any]) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    for part in status_grids(status, NOW):
        console.print(part)
    return console.export_text()


def totals(status: dict[str, Any]) -> dict[str, int]:
    return {state: groups["total"] for state, groups in status["versions"].items()}


@pytest.mark.spark
def test_every_listed_version_is_in_one_state(status: dict[str, Any]) -> None:
    assert totals(status) == {"parsed": 2, "not_open_access": 1, "refused": 2, "waiting": 6, "removed": 1}
    assert status["versions"]["parsed"] == {"commercial": 1, "noncommercial": 1, "other": 0, "unknown": 0, "total": 2}
    assert status["versions"]["refused"]["unknown"] == 1
    assert status["pairs"]["commercial"] == status["pairs"]["total"] == 1


@pytest.mark.spark
def test_what_waits_is_what_the_next_run_would_take_up(filled: Lake, status: dict[str, Any]) -> None:
    assert status["waiting"] == {"fetch_articles": 5, "extract_figures": 1, "fetch_images": 0}
    wanted = wanted_versions(filled.read(INVENTORY), None, None)
    assert waiting(filled, settings_of(filled, "fetch.retry_rejected=true"), wanted)["fetch_articles"] == 6


@pytest.mark.spark
def test_versions_that_the_settings_do_not_select_wait_for_nothing(filled: Lake) -> None:
    wanted = wanted_versions(filled.read(INVENTORY), filled.spark.createDataFrame([("PMC9",)], "id string"), None)
    states = counts_by_group(version_states(filled, settings_of(filled), wanted))
    assert states["not_selected"]["total"] == 4
    assert states["waiting"]["total"] == 2


@pytest.mark.spark
def test_a_changed_version_that_was_refused_before_waits(filled: Lake) -> None:
    named = filled.spark.createDataFrame([("PMC11",), ("PMC12",)], "id string")
    inventory = filled.read(INVENTORY).where("pmcid IN ('PMC10', 'PMC11', 'PMC12')")
    states = counts_by_group(version_states(filled, settings_of(filled), wanted_versions(inventory, named, None)))
    assert (states["waiting"]["total"], states["refused"]["total"]) == (3, 2)


@pytest.mark.spark
def test_the_status_of_a_search_asks_nobody_and_counts_what_the_last_one_took_up(filled: Lake, status: dict[str, Any]) -> None:
    nobody = "source.esearch_url=http://127.0.0.1:9/esearch"
    searched = archive_status(filled, settings_of(filled, "source.query=burns", nobody))
    assert (status["selection"], searched["selection"]) == ("settings", "last_search")
    # PMC7 alone is neither here nor refused: whether a search finds it is not known.
    assert totals(searched) == totals(status) | {"waiting": 5, "not_selected": 1}
    assert searched["waiting"] == status["waiting"] | {"fetch_articles": 4}
    assert "as last searched" in shown(searched)
    assert "as last searched" not in shown(status)


@pytest.mark.spark
def test_each_evaluation_set_says_how_many_images_stand_in_it(lake: Lake, status: dict[str, Any]) -> None:
    assert status["evaluation_sets"] == {name: {"num_images": 0, "num_unread": 0} for name in ("slake", "vqa")}
    assert "Evaluation sets" not in shown(status | {"evaluation_sets": {}})
    overlap = {"eval_image": "e", "hamming_distance": 0, "hash_version": "phash-1"}
    put(lake, EVAL_OVERLAP, *({"image_sha256": name, "eval_set": "vqa", **overlap} for name in ("a", "b")))
    put(lake, REJECTS, {"key": "slake/a.txt", "stage": "find_eval_overlap", "reason": "not_an_image", "fingerprint": "1"})
    found = evaluation_sets(lake, settings_of(lake, "eval.sets.new=/data/new", "eval.sets.vqa=/data/vqa"), COMPARED)
    assert found == {"new": None, "slake": {"num_images": 0, "num_unread": 1}, "vqa": {"num_images": 2, "num_unread": 0}}
    told = shown(status | {"evaluation_sets": found})
    assert re.search(r"Evaluation sets +new: not compared yet *\n +slake: 0 images of the", told)
    assert re.search("slake: 0 images of the archive stand in it *\n +1 of its files could not be read *\n", told)
    assert re.search("vqa: 2 images of the archive stand in it *\n", told)


@pytest.mark.spark
def test_refusals_say_why_with_their_newest_example(status: dict[str, Any]) -> None:
    fetch = status["refused"][1]
    assert (fetch["stage"], fetch["reason"], fetch["num_rows"], fetch["attempts"]) == ("fetch_articles", "fetch_failed", 2, 2)
    assert fetch["example"] == {"key": "PMC99.1", "detail": "[red]newest[/]"}
    assert fetch["last_seen"] == "2026-11-02T00:00:00+00:00"


@pytest.mark.spark
def test_the_newest_run_is_told_stage_by_stage(status: dict[str, Any]) -> None:
    run = status["last_run"]
    assert (run["run_id"], run["started"]) == ("run-2", "2026-11-02T00:00:00+00:00")
    assert {row["stage"] for row in run["stages"]} == {"sync_inventory", "fetch_articles"}


@pytest.mark.spark
def test_the_terminal_shows_it_whole_in_80_columns(status: dict[str, Any]) -> None:
    text = shown(status)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "2026-11-03 01:00 UTC (2 days ago)" in text
    assert "[red]newest[/]" in text
    assert "Inconsistent" in text
    for words in ("not open access", "noncommercial", "waits for fetch_articles", "pairs taken out: retracted"):
        assert words in text
    assert [line.split() for line in text.splitlines() if "PMC99.1" in line] == [["fetch_failed", "2", "2", "PMC99.1"]]
    assert "…" not in text.replace("Inconsistent", "")


@pytest.mark.spark
def test_a_run_that_writes_now_is_told_and_one_that_has_ended_is_not(lake: Lake, status: dict[str, Any]) -> None:
    with lease(lake.spark, lake.settings, "20261105T080000-abcdef"):
        (found,) = running(lake)
    assert (found["run_id"], found["pid"]) == ("20261105T080000-abcdef", os.getpid())
    assert f"Running           20261105T080000-abcdef, process {os.getpid()} on" in shown(status | {"running": [found]})
    assert status["running"] == running(lake) == []


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (None, "none yet"),
        ("2026-11-05T09:18:00+00:00", "2026-11-05 09:18 UTC (12 min ago)"),
        ("2026-11-04T01:00:00+00:00", "2026-11-04 01:00 UTC (32 h ago)"),
    ],
)
def test_an_age_is_told_in_its_own_unit(moment: str | None, told: str) -> None:
    assert age(moment, NOW) == told


@pytest.mark.spark
def test_the_command_prints_tables_or_json_even_of_an_empty_archive(lake: Lake) -> None:
    place = f"lake.uri={lake.settings.uri}"
    printed = json.loads(CliRunner().invoke(app, ["status", place, "--json"]).output)
    assert (printed["inventory"], printed["last_run"], printed["versions"]) == (None, None, {})
    shown = CliRunner().invoke(app, ["status", place])
    assert "Newest inventory  none yet" in shown.output
