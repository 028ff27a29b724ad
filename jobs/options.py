"""Settings as the plain option objects that kernels take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from conf.settings import Settings, UnusableSettings
from schemas.rejects import Rejected
from udfs.esearch import SearchOptions, search_ids
from udfs.fetch import FetchLimits
from udfs.images import ImageOptions
from udfs.selection import Selection, parse_ids
from udfs.source.options import SourceOptions


@contextmanager
def refusals(setting: str = "") -> Iterator[None]:
    """Around a kernel that is given options alone: the ValueError by which it refuses them becomes UnusableSettings.

    setting: the one that it was given, where it does not know itself.
    """
    try:
        yield
    except ValueError as error:
        raise UnusableSettings(f"{setting}: {error}" if setting else str(error)) from error


@contextmanager
def unanswered(setting: str) -> Iterator[None]:
    """Around requests that a run begins with: where they fail, UnusableSettings by the setting that names the service."""
    try:
        yield
    except (Rejected, ConnectionError) as error:
        raise UnusableSettings(f"{setting}: {error}; check the address and the network, or run again later") from error


def source_setting(settings: Settings) -> str:
    """The settings that say where the source is, as `key=value`."""
    source = settings.source
    return f"source.uri={source.uri}" + (f" source.endpoint={source.endpoint}" if source.endpoint else "")


def source_options(settings: Settings, num_tasks: int = 1) -> SourceOptions:
    """How to open the source; the cap on requests is shared by the tasks that run at a time."""
    source, fetch = settings.source, settings.fetch
    return SourceOptions(
        uri=source.uri,
        bucket=source.bucket,
        region=source.region,
        endpoint=source.endpoint,
        attempts=fetch.attempts,
        timeout_s=fetch.timeout_s,
        connect_timeout_s=fetch.connect_timeout_s,
        first_backoff_s=fetch.first_backoff_s,
        max_backoff_s=fetch.max_backoff_s,
        requests_per_s=fetch.requests_per_s / num_tasks,
        max_object_bytes=max(fetch.max_xml_bytes, fetch.max_image_bytes),
    )


def running_tasks(spark: SparkSession) -> int:
    """How many tasks run at a time."""
    return max(1, spark.sparkContext.defaultParallelism)


def requests_per_task(spark: SparkSession, settings: Settings) -> int:
    """How many requests one task may have in flight: the tasks of an executor share its `fetch.concurrency`."""
    return max(1, settings.fetch.concurrency // tasks_per_executor(spark))


def tasks_per_executor(spark: SparkSession) -> int:
    """How many tasks run at a time on one executor."""
    # The JVM alone knows its executors; it counts the driver among them, which in local mode is the only one.
    num_processes = int(spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size())
    return -(-running_tasks(spark) // max(1, num_processes - 1))


def selected_ids(spark: SparkSession, settings: Settings) -> DataFrame | None:
    """The ids (PMCIDs or accessions) of the settings' file or search as a frame with the column `id`; None for every article."""
    source = settings.source
    if source.query is not None:
        with refusals(), unanswered("source.esearch_url"):
            ids = search_ids(source.query, SearchOptions(source.esearch_url))
    elif source.ids is not None:
        text = read_text(Path(source.ids))
        with refusals():
            ids = parse_ids(text, source.ids)
    else:
        return None
    return spark.createDataFrame([(name,) for name in sorted(ids.pmcids | ids.accessions)], "id string")


def read_text(path: Path) -> str:
    """The text of a file of ids; UnusableSettings when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableSettings(
            f"source.ids: {path} cannot be read ({error}); give a text file with one PMCID or accession a line"
        ) from None


def selection(settings: Settings) -> Selection:
    """Which articles are wanted."""
    return Selection(settings.source.license_groups, settings.source.require_open_access)


def fetch_limits(settings: Settings) -> FetchLimits:
    """Bounds of what is read."""
    names = ("max_metadata_bytes", "max_xml_bytes", "max_image_bytes", "digest_attempts", "max_held_bytes")
    return FetchLimits(**{name: getattr(settings.fetch, name) for name in names})


def image_options(settings: Settings) -> ImageOptions:
    """What an image may be and how it is normalised."""
    return ImageOptions(**settings.images.model_dump())
