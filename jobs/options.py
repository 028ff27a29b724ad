"""Settings as the plain option objects that kernels take."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from conf.settings import Settings
from udfs.fetch import FetchLimits
from udfs.images import ImageOptions
from udfs.selection import Selection, parse_ids
from udfs.source.options import SourceOptions


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
        requests_per_s=fetch.requests_per_s / num_tasks,
    )


def running_tasks(spark: SparkSession) -> int:
    """How many tasks run at a time."""
    return max(1, spark.sparkContext.defaultParallelism)


def selected_ids(spark: SparkSession, settings: Settings) -> DataFrame | None:
    """The ids (PMCIDs or accessions) of the settings' file as a frame with the column `id`; None for every article."""
    if settings.source.ids is None:
        return None
    path = Path(settings.source.ids)
    if not path.is_file():
        raise ValueError(f"source.ids: there is no file {path}; give a text file with one PMCID or accession a line")
    ids = parse_ids(path.read_text(encoding="utf-8"), str(path))
    return spark.createDataFrame([(name,) for name in sorted(ids.pmcids | ids.accessions)], "id string")


def selection(settings: Settings) -> Selection:
    """Which articles are wanted."""
    return Selection(settings.source.license_groups, settings.source.require_open_access)


def fetch_limits(settings: Settings) -> FetchLimits:
    """Bounds of what is read."""
    return FetchLimits(max_xml_bytes=settings.fetch.max_xml_bytes, max_image_bytes=settings.fetch.max_image_bytes)


def image_options(settings: Settings) -> ImageOptions:
    """What an image may be and how it is normalised."""
    return ImageOptions(**settings.images.model_dump())
