"""spark-submit to a standalone cluster gives the same tables as a local run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import differing_tables, overrides

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
SPARK_HOME = Path(pyspark.__file__).parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A Spark daemon in a process group of its own; its log lies in `folder`."""
    environment = os.environ | {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "PYSPARK_PYTHON": sys.executable,
    }
    with (folder / f"{arguments[0].rsplit('.', 1)[-1]}-{time.monotonic_ns()}.log").open("wb") as log:
        return subprocess.Popen(
            [SPARK_HOME / "bin" / "spark-class", *arguments], stdout=log, stderr=log, env=environment, start_new_session=True
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Address of a master with two workers of one core each."""
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    master = (
        "org.apache.spark.deploy.master.Master",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--webui-port",
        str(free_port()),
    )
    worker = ("org.apache.spark.deploy.worker.Worker", "-c", "1", "-m", "1g", "--host", "127.0.0.1", "--webui-port", "0", address)
    daemons = [start(tmp_path, *master), start(tmp_path, *worker), start(tmp_path, *worker)]
    try:
        wait_for_workers(tmp_path, 2)
        yield address
    finally:
        for daemon in daemons:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()


def wait_for_workers(folder: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while sum(path.read_text(errors="replace").count("Registering worker") for path in folder.glob("Master*.log")) < number:
        assert time.monotonic() < deadline, "the workers did not register"
        time.sleep(0.1)


@pytest.mark.slow
def test_submitting_to_a_cluster_gives_the_tables_of_a_local_run(cluster: str, sample_archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    local_only = ("spark.",)
    settings = [item for item in overrides(sample_archive.bucket, out) if not item.startswith(local_only)]
    tuning = {
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.executor.memory": "800m",
        "spark.driver.host": "127.0.0.1",
        "spark.executorEnv.PYTHONPATH": str(ROOT),
    }
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", cluster, "--packages", DELTA, "--driver-memory", "1g"]
    command += [part for key, value in tuning.items() for part in ("--conf", f"{key}={value}")]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}
    finished = subprocess.run(
        [*command, str(ROOT / "jobs" / "pipeline.py"), "--profile", "cluster", *settings],
        capture_output=True,
        text=True,
        env=environment,
        timeout=500,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert differing_tables(out / "lake", sample_archive.lake) == []
