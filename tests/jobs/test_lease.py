"""One run at a time on an archive; a dead run does not keep the next one waiting."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from py4j.protocol import Py4JNetworkError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.load import load_settings
from conf.settings import LakeSettings, UnusableSettings
from jobs import lease as lease_module
from jobs.cancellation import PATIENCE_SECONDS
from jobs.lease import EXPIRY_SECONDS, lease, this_host
from jobs.session import spark_session
from jobs.tables import CHANGE, UPSERT, Lake
from schemas.inventory import INVENTORY, PRESENT
from tests.jobs.rows import frame

pytestmark = pytest.mark.spark


@pytest.fixture
def settings(tmp_path: Path) -> LakeSettings:
    return LakeSettings(uri=str(tmp_path / "lake"))


def claims(settings: LakeSettings) -> set[str]:
    return {path.name for path in Path(settings.uri, "_lease").iterdir() if not path.name.startswith(".")}


def leave_claim(settings: LakeSettings, host: str, pid: int, seconds_ago: float = 0) -> Path:
    """The claim of another run, as it was when that run was last alive."""
    path = Path(settings.uri, "_lease", f"20261101T010000-abcdef@{host}@{pid}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - seconds_ago,) * 2)
    return path


def finished_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_a_second_run_stops_with_one_sentence_that_says_who_and_what_to_do(spark: SparkSession, settings: LakeSettings) -> None:
    with lease(spark, settings, "first"):
        with pytest.raises(UnusableSettings) as refused, lease(spark, settings, "second"):
            pass
        assert claims(settings) == {f"first@{this_host()}@{os.getpid()}"}
    told = str(refused.value)
    assert told.startswith(f"lake.uri: run first (process {os.getpid()} on {this_host()}) is writing to {settings.uri} and was")
    assert f"or delete {settings.uri}/_lease/first@" in told
    assert "\n" not in told


def test_a_run_that_has_ended_leaves_no_claim_however_it_ended(spark: SparkSession, settings: LakeSettings) -> None:
    with pytest.raises(ZeroDivisionError), lease(spark, settings, "first"):
        raise ZeroDivisionError
    with lease(spark, settings, "second"):
        pass
    assert claims(settings) == set()


@pytest.mark.parametrize(
    ("host", "is_running", "seconds_ago", "is_free"),
    [
        ("", False, 0, True),
        ("", True, 0, False),
        ("", True, EXPIRY_SECONDS + 60, True),
        ("elsewhere", False, 0, False),
        ("elsewhere", False, EXPIRY_SECONDS + 60, True),
    ],
    ids=["dead", "alive", "another process now has its number", "alive elsewhere", "dead elsewhere"],
)
def test_a_claim_counts_as_long_as_its_run_lives(
    spark: SparkSession, settings: LakeSettings, host: str, is_running: bool, seconds_ago: float, is_free: bool
) -> None:
    path = leave_claim(settings, host or this_host(), os.getppid() if is_running else finished_process(), seconds_ago)
    if is_free:
        with lease(spark, settings, "mine"):
            assert not path.exists()
    else:
        with pytest.raises(UnusableSettings, match="is writing to"), lease(spark, settings, "mine"):
            pass
        assert path.exists()


def test_a_claim_with_this_process_number_that_it_does_not_hold_is_void(spark: SparkSession, settings: LakeSettings) -> None:
    path = leave_claim(settings, this_host(), os.getpid())
    with lease(spark, settings, "mine"):
        assert not path.exists()


def test_a_run_renews_its_claim_and_notices_when_it_is_taken_away(
    spark: SparkSession, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "BEAT_SECONDS", 0.02)
    with lease(spark, settings, "mine") as held:
        assert held is not None
        path = Path(settings.uri, "_lease", f"mine@{this_host()}@{os.getpid()}")
        os.utime(path, (1, 1))
        until(lambda: path.stat().st_mtime > 1)
        held.check()
        path.unlink()
        until(lambda: held._is_lost)
        with pytest.raises(UnusableSettings, match=r"this run's claim .* was deleted while it ran"):
            held.check()


WRITES: dict[str, Callable[[Lake, DataFrame], object]] = {
    "append": lambda lake, rows: lake.append(INVENTORY, rows),
    "merge": lambda lake, rows: lake.apply(INVENTORY, rows.withColumn(CHANGE, F.lit(UPSERT))),
    "insert_new": lambda lake, rows: lake.insert_new(INVENTORY, rows),
    "stage": lambda lake, rows: lake.stage(rows, "sync_inventory"),
    "unstage": lambda lake, _: lake.unstage("sync_inventory"),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_run_that_lost_its_claim_writes_nothing_more(lake: Lake, write: str) -> None:
    rows = frame(lake.spark, INVENTORY, {"accession": "PMC1.1", "pmcid": "PMC1", "state": PRESENT})
    scratch = Path(lake.settings.uri, "_staging", "sync_inventory")
    scratch.mkdir(parents=True)
    (scratch / "of another run").touch()
    with lease(lake.spark, lake.settings, "mine"):
        Path(lake.settings.uri, "_lease", f"mine@{this_host()}@{os.getpid()}").unlink()
        with pytest.raises(UnusableSettings, match=r"this run's claim .* was deleted while it ran"):
            WRITES[write](lake, rows)
    assert lake.read(INVENTORY).isEmpty()
    assert [path.name for path in Path(lake.settings.uri, "_staging").rglob("*")] == ["sync_inventory", "of another run"]


def test_ctrl_c_cancels_what_goes_on_before_the_next_run_may_write(lake: Lake) -> None:
    """The write of thousand tasks that is interrupted would go on in the JVM for minutes, and commit beside the next run."""
    row = frame(lake.spark, INVENTORY, {"accession": "PMC1.1", "pmcid": "PMC1", "state": PRESENT})
    slow = lake.spark.range(0, 1000, 1, 1000).where("reflect('java.lang.Thread', 'sleep', bigint(200)) IS NULL").drop("id")
    before = lake.spark.conf.get("spark.driver.memory", "")
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer, started = Timer(3, os.kill, (os.getpid(), signal.SIGINT)), time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt), lease(lake.spark, lake.settings, "mine"):  # noqa: PT012
            timer.start()
            lake.append(INVENTORY, row.crossJoin(slow))
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - started < PATIENCE_SECONDS / 2
    assert lake.spark.sparkContext.statusTracker().getActiveJobsIds() == []
    assert claims(lake.settings) == {f"mine@{this_host()}@{os.getpid()}"}  # until this process has ended, for others
    with lease(lake.spark, lake.settings, "next"):
        lake.append(INVENTORY, row)
    assert claims(lake.settings) == set()
    assert lake.read(INVENTORY).count() == 1
    assert spark_session(load_settings("local", []), "another run of the session") is lake.spark
    assert lake.spark.conf.get("spark.driver.memory", "") == before  # nor is it taken for a new one, with options of its own


@pytest.mark.parametrize("name", ["cancelJobsWithTag", "statusTracker", "removeJobTag"])
def test_a_jvm_that_is_gone_leaves_ctrl_c_what_it_is(
    spark: SparkSession, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def gone(*_: object) -> None:
        raise Py4JNetworkError("Answer from Java side is empty")

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt), lease(spark, settings, "mine"):  # noqa: PT012
        patched.setattr(type(spark.sparkContext), name, gone)
        raise KeyboardInterrupt


def test_ctrl_c_keeps_the_archive_while_something_cannot_be_ended(
    spark: SparkSession, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "cancel_jobs", lambda *_: False)
    with pytest.raises(KeyboardInterrupt), lease(spark, settings, "mine"):
        raise KeyboardInterrupt
    with pytest.raises(UnusableSettings, match=r"run mine .* is writing"), lease(spark, settings, "next"):
        pass
    monkeypatch.setattr(lease_module, "EXPIRY_SECONDS", 0.0)
    time.sleep(1)
    with lease(spark, settings, "next"):
        pass


def until(condition: object) -> None:
    deadline = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_place_that_takes_no_files_is_refused_with_the_way_out(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = LakeSettings(uri=str(tmp_path / "file" / "lake"))
    told = r"lake\.uri: Spark cannot write files below .* lake\.exclusive=false"
    with pytest.raises(UnusableSettings, match=told), lease(spark, place, "mine"):
        pass


def test_where_something_else_keeps_runs_apart_no_claim_is_written(spark: SparkSession, settings: LakeSettings) -> None:
    shared = settings.model_copy(update={"exclusive": False})
    with lease(spark, shared, "mine") as held:
        assert held is None
    assert not Path(settings.uri).exists()
