"""The one place that makes a Spark session: local, under spark-submit, or the one that is already running."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from conf.environment import is_submitted, java_home, prepare_workers
from conf.settings import Settings, UnusableSettings

JAVA_VERSIONS = (17, 21)
_DELTA_OPTIONS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
_ARCHIVE_OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(32 * 2**20),
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.parquet.columnarReaderBatchSize": "256",  # 4,096, as Spark has it, documents or images are hundreds of MB a task
    "spark.sql.parquet.compression.codec": "zstd",  # XML in two thirds of the bytes of snappy
}


def spark_session(settings: Settings, name: str) -> SparkSession:
    """A session with Delta; UnusableSettings in one sentence when Java is missing or does not fit.

    A running session (Databricks, a notebook) is taken as it is: it must have Delta already.
    """
    running = _running_session()
    if running is not None:
        return _with_options(running, settings)
    if not is_submitted():
        check_java()
    prepare_workers(is_local=(settings.spark.master or "").startswith("local"))
    with _jvm_log(settings):
        session = _builder(settings, name).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return _with_options(session, settings)


def _running_session() -> SparkSession | None:
    """The session of this process, also after Ctrl-C: then the JVM answers by another thread, for which none is active."""
    active: SparkSession | None = SparkSession.getActiveSession() or getattr(SparkSession, "_instantiatedSession", None)
    return active


def command_session(settings: Settings, name: str) -> SparkSession:
    """As spark_session, for a command: Ctrl-C ends it at once.

    In a notebook PySpark's own handler cancels what runs there. It asks the JVM in the middle of another question to it, which
    fails with pages of tracebacks that a command has no use for.
    """
    session = spark_session(settings, name)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupted)
    return session


def _interrupted(*_: object) -> None:
    logging.disable()  # what py4j says of the question that was cut off
    raise KeyboardInterrupt


def check_java() -> int:
    """The major version of the Java that Spark will start; UnusableSettings with the fix when there is none that fits."""
    home = java_home()
    java = shutil.which(Path(home, "bin", "java") if home else "java")
    fix = "install OpenJDK 17 or 21 and put it first on PATH, or point JAVA_HOME at it"
    if java is None:
        raise UnusableSettings(f"Spark needs Java and none was found{f' in JAVA_HOME={home}' if home else ''}: {fix}.")
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', text)  # Java 8 calls itself 1.8
    version = int(match.group(1)) if match else 0
    if version not in JAVA_VERSIONS:
        raise UnusableSettings(f"Spark needs Java 17 or 21, but {java} is version {version or 'unknown'}: {fix}.")
    return version


@contextmanager
def _jvm_log(settings: Settings) -> Iterator[None]:
    """Send what the JVM that starts inside writes to standard error to the settings' log file; shown when it does not start."""
    if settings.spark.log_file is None or is_submitted():
        yield
        return
    path = Path(settings.spark.log_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = os.dup(2)
    with path.open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except Exception as error:
            last_lines = "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            raise UnusableSettings(f"Spark did not start; the end of {path} says:\n{last_lines}") from error
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _builder(settings: Settings, name: str) -> SparkSession.Builder:
    builder = SparkSession.builder.appName(f"biomedica {name}")
    for key, value in (_DELTA_OPTIONS | _ARCHIVE_OPTIONS | settings.spark.conf).items():
        builder = builder.config(key, value)
    # Under spark-submit the driver's JVM already runs: its master, memory and jars are the submitter's.
    if is_submitted():
        return builder
    builder = builder.config("spark.driver.memory", settings.spark.driver_memory)
    if settings.spark.master:
        builder = builder.master(settings.spark.master)
    if settings.spark.delta_jar:
        return builder.config("spark.jars", settings.spark.delta_jar)
    from delta import configure_spark_with_delta_pip

    return configure_spark_with_delta_pip(builder)


def _with_options(session: SparkSession, settings: Settings) -> SparkSession:
    for key, value in (_ARCHIVE_OPTIONS | settings.spark.conf).items():
        if session.conf.isModifiable(key):
            session.conf.set(key, value)
    return session
