"""The console command: what it prints, and what it says to wrong use."""

import contextlib
import json
import os
import pty
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli import app, working
from jobs.entry import STAGES
from jobs.tables import CHANGE, Lake
from schemas.catalog import TABLES
from schemas.figures import FIGURES
from schemas.rejects import REJECTS
from tests.jobs.rows import frame

runner = CliRunner()


def test_every_stage_and_task_is_a_command() -> None:
    shown = runner.invoke(app, ["--help"]).output
    assert all(name in shown for name in (*STAGES, "pipeline", "sample", "sql", "tables", "rejects", "demo", "summary"))


@pytest.mark.parametrize("command", [["pipeline"], ["tables"], ["rejects"], ["sql", "SELECT 1"], ["summary"], [STAGES[0]]])
def test_wrong_settings_end_every_command_with_code_2_and_their_name(
    command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    ended = runner.invoke(app, [*command, "lake.color=red"])
    assert ended.exit_code == 2
    assert "lake.color: unknown key" in ended.output


def test_who_waits_at_a_terminal_sees_what_goes_on_though_standard_error_goes_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal, Path(os.devnull).open("w") as log:
        monkeypatch.setattr(sys, "stderr", terminal)
        with working("Starting"):
            os.dup2(log.fileno(), theirs)  # as the start of Spark does
            os.set_blocking(ours, False)
            seen, deadline = b"", time.monotonic() + 20
            while seen.count(b"Starting ...") < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
                with contextlib.suppress(BlockingIOError):
                    seen += os.read(ours, 10_000)
    os.close(ours)
    assert seen.count(b"Starting ...") >= 3


def test_nothing_of_it_is_written_where_nobody_looks_on(capfd: pytest.CaptureFixture[str]) -> None:
    with working("Starting"):
        time.sleep(0.2)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_profile_is_refused() -> None:
    ended = runner.invoke(app, ["tables", "--profile", "laptop"])
    assert ended.exit_code == 2
    assert "--profile must be one of local, cluster, databricks or a YAML file, not 'laptop'" in ended.output


def test_the_columns_of_a_table_need_no_archive() -> None:
    shown = runner.invoke(app, ["tables", "rejects"]).output
    assert "rejects (key: stage, key)" in shown
    assert "Why, from a closed list" in shown
    assert "runs (key:" not in shown


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    ended = runner.invoke(app, ["tables", "images2"])
    assert ended.exit_code == 2
    assert "there is no table 'images2'; the tables are inventory, documents," in ended.output


@pytest.mark.parametrize("arguments", [["--articles", "0"], ["--day", "4"]])
def test_a_sample_out_of_range_is_refused(arguments: list[str], tmp_path: Path) -> None:
    assert runner.invoke(app, ["sample", str(tmp_path / "bucket"), *arguments]).exit_code == 2
    assert not (tmp_path / "bucket").exists()


@pytest.mark.spark
def test_a_place_without_archive_is_told(lake: Lake, tmp_path: Path) -> None:
    ended = runner.invoke(app, ["rejects", f"lake.uri={tmp_path}/none"])
    assert ended.exit_code == 2
    assert f"there is no archive at lake.uri={tmp_path}/none: run `biomedica pipeline` first" in ended.output


@pytest.mark.spark
def test_queries_print_rows_as_a_grid_or_as_json(lake: Lake) -> None:
    row = {"accession": "PMC1.1", "figure_id": "f1", "kind": "figure", "rights": "article", "caption": "A [/b] and [red]B"}
    lake.apply(FIGURES, frame(lake.spark, FIGURES, row).selectExpr("*", f"'insert' AS {CHANGE}"))
    place = f"lake.uri={lake.settings.uri}"
    query = "SELECT caption, label, unhex('00ff') AS bytes FROM figures"
    shown = runner.invoke(app, ["sql", query, place])
    assert shown.exit_code == 0, shown.output
    assert all(text in shown.output for text in ("A [/b] and [red]B", "NULL", "<2 bytes>"))
    printed = runner.invoke(app, ["sql", "SELECT caption, label FROM figures LIMIT 1", place, "--json"])
    assert json.loads(printed.output) == {"caption": row["caption"], "label": None}


@pytest.mark.spark
@pytest.mark.parametrize("query", ["SELECT nothing FROM figures", "SELEKT 1", "SELECT * FROM no_table"])
def test_a_query_that_is_wrong_ends_with_one_line_and_code_2(lake: Lake, query: str) -> None:
    ended = runner.invoke(app, ["sql", query, f"lake.uri={lake.settings.uri}"])
    assert ended.exit_code == 2
    assert ended.output.startswith("biomedica: [")
    assert len(ended.output.splitlines()) == 1


@pytest.mark.spark
def test_a_query_that_fails_as_it_runs_ends_with_one_line_and_code_2(lake: Lake) -> None:
    for query in ("SELECT 1/0", "SELECT raise_error('no')", "SELECT interval 1 month", "SELECT timestamp'0001-01-01'"):
        for options in ([], ["--json"]):
            ended = runner.invoke(app, ["sql", query, f"lake.uri={lake.settings.uri}", *options])
            assert ended.exit_code in ((0, 2) if options else (2,)), query
            if ended.exit_code:
                assert ended.output.startswith("biomedica: the query failed: "), query
                assert len(ended.output.splitlines()) == 1, query


@pytest.mark.spark
def test_tables_and_rejects_are_counted(lake: Lake) -> None:
    rows = [{"stage": "fetch_images", "key": key, "reason": "not_an_image"} for key in "ab"]
    lake.apply(REJECTS, frame(lake.spark, REJECTS, *rows).selectExpr("*", f"'insert' AS {CHANGE}"))
    place = f"lake.uri={lake.settings.uri}"
    rejects = runner.invoke(app, ["rejects", place]).output
    assert [line.split("│")[1:4] for line in rejects.splitlines() if "not_an_image" in line] == [
        [" fetch_images ", " not_an_image ", "    2 "]
    ]
    tables = runner.invoke(app, ["tables", place], env={"COLUMNS": "200"}).output
    assert all(f"{table.name} (key: " in tables for table in TABLES)


def test_a_page_that_cannot_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = runner.invoke(app, ["duplicates", "--html", str(tmp_path / "file" / "page.html"), f"lake.uri={tmp_path}/none"])
    assert ended.exit_code == 2
    assert "page.html cannot be written: " in ended.output
