"""A standalone Spark cluster on this machine: daemons, executors and spark-submit."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark

from tests.conftest import ROOT, SMALL_FRAMES

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
SPARK_HOME = Path(pyspark.__file__).parent
NUM_WORKERS = 2
UNPACKAGED = shutil.ignore_patterns(".*", "build", "dist", "tests", "docs", "*.egg-info", "__pycache__")
TUNING = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.executor.memory": "800m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": SMALL_FRAMES["spark.driver.extraJavaOptions"],
    "spark.executor.extraJavaOptions": SMALL_FRAMES["spark.driver.extraJavaOptions"],
}
# An interpreter with the dependencies but without the project, as a cluster's has it: without `site`, nothing that an editable
# install left in site-packages takes effect.
BARE_PYTHON = """#!/bin/sh
PYTHONPATH="$PYTHONPATH:{packages}" exec {python} -S "$@"
"""


@dataclass(frozen=True)
class Cluster:
    """A master with workers of one core each; `python` has the dependencies, `package` is the project as a file to submit."""

    address: str
    workers: tuple[int, ...]
    python: Path
    package: Path

    def submit(self, settings: list[str], complaints: Path) -> subprocess.Popen[bytes]:
        """The pipeline under spark-submit, as a process group of its own; what it says on standard error goes to a file."""
        command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", self.address, "--packages", DELTA]
        command += ["--py-files", str(self.package)]
        options = [part for key, value in TUNING.items() for part in ("--conf", f"{key}={value}")]
        command += ["--driver-memory", "1g", *options]
        command += [str(ROOT / "jobs" / "pipeline.py"), "--profile", "cluster"]
        environment = os.environ | {"PYSPARK_PYTHON": str(self.python), "PYTHONPATH": "", "SPARK_LOCAL_IP": "127.0.0.1"}
        # What runs on the cluster has its Spark from spark-submit.
        own = [item for item in settings if not item.startswith("spark.")]
        with complaints.open("wb") as log:
            return subprocess.Popen(
                [*command, *own], stdout=subprocess.DEVNULL, stderr=log, env=environment, start_new_session=True
            )

    def executors(self) -> list[psutil.Process]:
        """The executors' JVMs that run now."""
        children = (child for worker in self.workers for child in psutil.Process(worker).children(recursive=True))
        return [child for child in children if is_executor(child)]


def is_executor(process: psutil.Process) -> bool:
    """Whether a process is an executor's JVM; False for one that is gone."""
    try:
        return any("CoarseGrainedExecutorBackend" in part for part in process.cmdline())
    except psutil.Error:
        return False


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster whose logs and work lie in `folder`; no process is left."""
    python, package = bare_python(folder), packaged(folder)
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    master = ("master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port()))
    worker = ("worker.Worker", "-c", "1", "-m", "1g", "--host", "127.0.0.1", "--webui-port", "0", address)
    daemons = [start(folder, *arguments) for arguments in (master, *(NUM_WORKERS * [worker]))]
    try:
        wait_for_workers(folder)
        yield Cluster(address, tuple(daemon.pid for daemon in daemons[1:]), python, package)
    finally:
        for daemon in daemons:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()


def bare_python(folder: Path) -> Path:
    """A command that runs Python with what is installed here, the project left out."""
    path = folder / "python"
    path.write_text(BARE_PYTHON.format(packages=SPARK_HOME.parent, python=sys.executable))
    path.chmod(0o755)
    return path


def packaged(folder: Path) -> Path:
    """The wheel under the name of a zip file, which Spark puts on its workers' path."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(shutil.copytree(ROOT, folder / "source", ignore=UNPACKAGED))], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel.rename(folder / "biomedica_lake.zip")


def start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A Spark daemon in a process group of its own."""
    environment = os.environ | {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "PYSPARK_PYTHON": sys.executable,
    }
    command = [SPARK_HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments]
    with (folder / f"{name}-{time.monotonic_ns()}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def wait_for_workers(folder: Path) -> None:
    """Return when every worker has registered."""
    deadline = time.monotonic() + 60
    while registered(folder) < NUM_WORKERS:
        if time.monotonic() > deadline:
            raise TimeoutError("the workers did not register")
        time.sleep(0.1)


def registered(folder: Path) -> int:
    """How many workers the master knows."""
    return sum(path.read_text(errors="replace").count("Registering worker") for path in folder.glob("master.Master*.log"))


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
