"""Which Java a session takes, and what it says when there is none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import UnusableSettings
from jobs.session import check_java, spark_session
from tests.conftest import ROOT


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on PATH: a Java whose version is what its file `version` says."""
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nread -r line < '{tmp_path}/version'\necho \"$line\" >&2\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return program


def say(java: Path, line: str) -> None:
    (java.parents[1] / "version").write_text(f"{line}\n", encoding="utf-8")


def one_sentence() -> str:
    """What a user is told about Java."""
    with pytest.raises(UnusableSettings, match=r"^Spark needs Java [^\n]*\.$") as refused:
        check_java()
    return str(refused.value)


@pytest.mark.parametrize(
    ("line", "version"), [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "21" 2023-09-19 LTS', 21)]
)
def test_java_17_and_21_are_taken(java: Path, line: str, version: int) -> None:
    say(java, line)
    assert check_java() == version


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ('java version "1.8.0_292"', "8"),
        ('openjdk version "11.0.2"', "11"),
        ('openjdk version "25"', "25"),
        ("no such thing", "unknown"),
    ],
)
def test_another_java_is_refused_with_its_version_and_the_fix(java: Path, line: str, version: str) -> None:
    say(java, line)
    told = one_sentence()
    assert f"{java} is version {version}:" in told
    assert "install OpenJDK 17 or 21" in told


def test_without_java_the_fix_is_told(java: Path) -> None:
    java.unlink()
    assert "none was found: install OpenJDK 17 or 21 and put it first on PATH, or point JAVA_HOME at it" in one_sentence()


def test_java_home_counts_before_the_path_and_is_named_when_it_leads_nowhere(
    java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(java, 'openjdk version "17"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    assert f"none was found in JAVA_HOME={tmp_path}/none" in one_sentence()
    monkeypatch.setenv("JAVA_HOME", str(java.parents[1]))
    assert check_java() == 17


@pytest.mark.spark
def test_a_running_session_is_taken_as_it_is_with_the_options_that_may_still_change(spark: SparkSession) -> None:
    before = spark.conf.get("spark.sql.shuffle.partitions")
    options = ["spark.conf.spark.sql.shuffle.partitions=3", "spark.conf.spark.executor.memory=9g"]
    try:
        assert spark_session(load_settings("local", options), "other") is spark
        assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
        assert spark.conf.get("spark.executor.memory", "unset") == "unset"
    finally:
        spark_session(load_settings("local", [f"spark.conf.spark.sql.shuffle.partitions={before}"]), "tests")
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


SLEEPING = """
from conf.load import load_settings
from jobs.entry import interrupted
from jobs.session import command_session
try:
    options = ["spark.master=local[1]", "spark.driver_memory=1g", "spark.log_file=spark.log"]
    spark = command_session(load_settings("local", options), "x")
    print("up", flush=True)
    spark.sql("SELECT reflect('java.lang.Thread', 'sleep', bigint(60000))").collect()
except KeyboardInterrupt:
    raise SystemExit(interrupted())
"""


@pytest.mark.spark
def test_ctrl_c_ends_a_command_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLEEPING]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, **streams) as process:
        assert process.stdout.readline() == "up\n"
        time.sleep(2)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert time.monotonic() - started < 30
    assert (process.returncode, said) == (130, "biomedica: interrupted; the next run goes on where this one was\n")
