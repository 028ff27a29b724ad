"""Fixtures that every test may use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conf.load import load_settings
from conf.settings import LakeSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.tables import Lake

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# Frames of a few rows cost what their plans cost: without generated code, adaptive plans, plans in words, statistics that skip no
# file, a collector beside the program and the JVM's second compiler these tests take a fifth of the processor time. Without that
# compiler the JVM's code cache is too small by default. Hadoop starts a process for each file whose mode it sets or whose link it
# reads, a thousand a pipeline: VFORK makes them cheaper.
SMALL_FRAMES = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseParallelGC "
    "-Djdk.lang.Process.launchMechanism=VFORK",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.maxPlanStringLength": "100",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.skipping": "false",
}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real articles and images beside the checkout; tests that need it are skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real articles are not there: put shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one Spark session of all tests in this process: local, two cores, with Delta."""
    from jobs.session import spark_session

    folder = tmp_path_factory.mktemp("spark")
    options = {"spark.master": "local[2]", "spark.driver_memory": "2g", "spark.log_file": folder / "spark.log"}
    options |= {f"spark.conf.{key}": value for key, value in SMALL_FRAMES.items()}
    options["spark.conf.spark.sql.warehouse.dir"] = folder / "warehouse"
    session = spark_session(load_settings("local", [f"{key}={value}" for key, value in options.items()]), "tests")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def empty_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an archive whose tables are created and empty, to be copied and never changed."""
    from jobs.tables import Lake

    folder = tmp_path_factory.mktemp("lakes") / "empty"
    Lake(spark, LakeSettings(uri=str(folder))).create()
    return folder


@pytest.fixture
def lake(spark: SparkSession, empty_lake: Path, tmp_path: Path) -> Lake:
    """An empty archive of a test's own: a copy of created tables, since creating them takes many seconds."""
    from jobs.tables import Lake

    return Lake(spark, LakeSettings(uri=str(shutil.copytree(empty_lake, tmp_path / "lake"))))
