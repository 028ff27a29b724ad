"""What every measurement of a stage needs: a session of its own, and the seconds of one run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import Settings
from jobs.entry import job_module
from jobs.session import spark_session
from jobs.stage import RunContext, run_stage


def local_options(folder: Path) -> list[str]:
    """Overrides of a session on all cores whose log lies in the folder."""
    return [f"spark.log_file={folder}/spark.log", f"spark.master=local[{os.cpu_count() or 1}]"]


@contextmanager
def bench_session(overrides: list[str]) -> Iterator[SparkSession]:
    """A local session that ends with the context."""
    session = spark_session(load_settings("local", overrides), "bench")
    try:
        yield session
    finally:
        session.stop()


def stage_seconds(spark: SparkSession, settings: Settings, stage: str, num_ok: int | None = None) -> float:
    """Seconds of one run of a stage on created tables; RuntimeError unless it runs and, if given, accepts so many inputs."""
    started = time.perf_counter()
    counts = run_stage(spark, settings, RunContext.new(), job_module(stage), stage).counts
    seconds = time.perf_counter() - started
    if counts is None:
        raise RuntimeError(f"{stage} was up to date, so there is nothing to time: use an empty folder")
    if num_ok not in (None, counts.num_ok):
        raise RuntimeError(f"{stage} accepted {counts.num_ok} inputs instead of {num_ok}: {counts}")
    return seconds
