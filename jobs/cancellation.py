"""Cancel what a run has asked of Spark, and know when none of it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

QUIET_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.1


@contextmanager
def tagged_jobs(spark: SparkSession, tag: str) -> Iterator[None]:
    """Let all jobs that this thread begins meanwhile be known by a tag: others of the application may have theirs."""
    spark.sparkContext.addJobTag(tag)
    try:
        yield
    finally:
        with suppress(Py4JError):  # of a JVM that has gone, which would hide why this ends
            spark.sparkContext.removeJobTag(tag)


def cancel_jobs(spark: SparkSession, tag: str) -> bool:
    """Cancel the jobs of a tag until none has run for QUIET_SECONDS; False where one may still run after PATIENCE_SECONDS.

    Ctrl-C ends the waiting of Python alone: in the JVM a write goes on, and begins one job after another until it commits. What
    the JVM does between jobs is not seen here.
    """
    try:
        return _is_quiet(spark, tag)
    except Py4JError:  # the JVM has gone, or goes
        return False


def _is_quiet(spark: SparkSession, tag: str) -> bool:
    context, tracker = spark.sparkContext, spark.sparkContext.statusTracker()
    by_tag = context._jsc.sc().statusTracker()
    began = quiet_since = time.monotonic()
    while (now := time.monotonic()) - quiet_since < QUIET_SECONDS:
        if now - began > PATIENCE_SECONDS:
            return False
        context.cancelJobsWithTag(tag)
        if {*tracker.getActiveJobsIds()} & {*by_tag.getJobIdsForTag(tag)}:
            quiet_since = now
        time.sleep(_LOOK_SECONDS)
    return True
