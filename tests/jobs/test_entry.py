"""The command line of a job: arguments in, exit code out."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conf.settings import Settings, UnusableSettings
from jobs import entry
from jobs.entry import STAGES, job_module, parse_arguments, result_line, run_job
from jobs.lease import lease
from jobs.stage import Counts, StageResult
from jobs.tables import Lake
from tests.conftest import ROOT


def test_profile_and_overrides_come_in_any_order() -> None:
    assert parse_arguments([]) == ("local", [])
    arguments = ["lake.uri=a=b", "--profile", "cluster", "source.ids="]
    assert parse_arguments(arguments) == ("cluster", ["lake.uri=a=b", "source.ids="])
    assert parse_arguments(["--profile=databricks"]) == ("databricks", [])


@pytest.mark.parametrize("argument", ["lake.uri", "--verbose", "--lake.uri=x", "-h"])
def test_other_arguments_are_refused_with_what_is_known(argument: str) -> None:
    with pytest.raises(
        UnusableSettings, match=f"'{argument}' is not known: use --profile local|cluster|databricks and key=value"
    ):
        parse_arguments([argument])


def test_every_stage_has_a_module_with_what_a_run_needs() -> None:
    for stage in STAGES:
        job = job_module(stage)
        assert callable(job.run)
        assert stage == job.STAGE  # type: ignore[attr-defined]
        assert Settings.model_fields.keys() >= set(job.SECTIONS)


def test_a_result_is_one_line_that_adds_up() -> None:
    counts = Counts(6, 3, 1, {"kind": 2, "retracted": 0})
    assert result_line(StageResult("build_pairs", 1.25, counts)) == (
        "build_pairs: 6 in = 3 ok + 1 rejected + 2 filtered (kind 2), 1.2 s"
    )
    assert result_line(StageResult("build_pairs", 0.1, None)) == "build_pairs: up to date"


@pytest.mark.spark
@pytest.mark.parametrize(
    ("counts", "code", "told"),
    [
        (Counts(2, 2, 0), 0, "count: 2 in = 2 ok + 0 rejected + 0 filtered"),
        (Counts(2, 1, 0), 1, "count: 2 inputs, but 1 ok + 0 rejected + 0 filtered"),
        (UnusableSettings("source.uri must be a folder"), 2, "biomedica: source.uri must be a folder"),
    ],
    ids=["done", "not reconciled", "wrong use"],
)
def test_exit_codes(
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    counts: Counts | UnusableSettings,
    code: int,
    told: str,
) -> None:
    def run(*_: object) -> Counts:
        if isinstance(counts, UnusableSettings):
            raise counts
        return counts

    monkeypatch.setattr(entry, "job_module", lambda stage: SimpleNamespace(READS=(), WRITES=(), SECTIONS=(), run=run))
    assert run_job("count", [f"lake.uri={lake.settings.uri}"]) == code
    written = capsys.readouterr()
    assert (written.out if code == 0 else written.err).startswith(told)


@pytest.mark.spark
def test_a_fault_of_the_program_is_no_wrong_use(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> Counts:
        raise ValueError("edges need two ends each")

    monkeypatch.setattr(entry, "job_module", lambda stage: SimpleNamespace(READS=(), WRITES=(), SECTIONS=(), run=run))
    with pytest.raises(ValueError, match="edges need two ends each"):
        run_job("count", [f"lake.uri={lake.settings.uri}"])


@pytest.mark.spark
def test_a_job_waits_for_no_other_run(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    with lease(lake.spark, lake.settings, "first"):
        assert run_job("build_pairs", [f"lake.uri={lake.settings.uri}"]) == 2
    assert capsys.readouterr().err.startswith("biomedica: lake.uri: run first (process ")


@pytest.mark.spark
@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("source.uri=ftp://host", "source.uri must be a folder, s3://bucket or https://host"),
        ("source.uri=/no/such/folder", "source.uri must be a folder that exists"),
    ],
)
def test_a_source_that_is_none_is_wrong_use(lake: Lake, override: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job("sync_inventory", [f"lake.uri={lake.settings.uri}", override]) == 2
    assert capsys.readouterr().err.startswith(f"biomedica: {told}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lake.uri"], "biomedica: 'lake.uri' is not known"),
        (["lake.color=red"], "biomedica: 1 wrong setting(s) in local.yaml or the overrides:\n  lake.color: unknown key"),
        ([], "biomedica: Spark needs Java and none was found"),
    ],
    ids=["argument", "setting", "no Java"],
)
def test_wrong_use_ends_a_job_with_code_2_and_no_traceback(arguments: list[str], told: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"} | {"PATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "build_pairs.py"), *arguments],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(told)
    assert "Traceback" not in ended.stderr


def test_the_readme_lists_every_stage_in_order() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(listed) == STAGES
