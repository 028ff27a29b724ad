"""What the process environment says about Java, spark-submit and the Python of Spark's workers."""

from __future__ import annotations

import os
import sys


def java_home() -> str | None:
    """JAVA_HOME, where it is set."""
    return os.environ.get("JAVA_HOME") or None


def is_submitted() -> bool:
    """True below spark-submit: the driver's JVM already runs, with the submitter's master, memory and jars."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def prepare_workers(is_local: bool) -> None:
    """Have Spark's Python workers run this interpreter, which has the dependencies, unless the environment names another."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if is_local:  # no look-up of the host's own name, which may lead nowhere
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
