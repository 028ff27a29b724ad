"""Whether the tasks of a job together kept to the cap on requests, however late any request arrived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from jobs.fetch_articles import DocumentFetch
from jobs.fetch_images import MediaFetch

REQUESTS_PER_S = 40
NUM_TASKS = 2


@dataclass(frozen=True)
class TimedDocuments(DocumentFetch):
    """Notes when each task has its work."""

    folder: str = ""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Note the time, then fetch."""
        return super().__call__(noted(batches, Path(self.folder, "fetch_articles")))


@dataclass(frozen=True)
class TimedMedia(MediaFetch):
    """Notes when each task has its work."""

    folder: str = ""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Note the time, then fetch."""
        return super().__call__(noted(batches, Path(self.folder, "fetch_images")))


def noted(batches: Iterator[pa.RecordBatch], file: Path) -> Iterator[pa.RecordBatch]:
    """The batches; a line with the time before each, on the clock that all processes of the machine share."""
    for batch in batches:
        with file.open("a") as lines:
            lines.write(f"{time.monotonic()}\n")
        yield batch


def over_the_cap(begin: float, arrived: list[float], requests_per_s: float = REQUESTS_PER_S) -> list[int]:
    """Numbers of the requests that came earlier than tasks that share the cap since `begin` can have sent so many."""
    return [n for n, time_s in enumerate(arrived, start=1) if n > (time_s - begin) * requests_per_s + NUM_TASKS]


def begin_of(file: Path) -> float:
    """The first of the times that `noted` left."""
    return min(float(line) for line in file.read_text().split())
