"""The page docs/scale.md, computed from measured figures; `python -m jobs.scale_page build/bench.json` writes it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from jobs.bench.__main__ import SHARED_DATA
from jobs.scale_figures import Figures, measured

PAGE = Path("docs", "scale.md")
VERSIONS, OPEN_ACCESS, IMAGES = 9_300_000, 6_400_000, 24_000_000
NEW, CHANGED = 6_000, 25_000
CORES = 100
CORES_PER_EXECUTOR, REQUESTS_PER_EXECUTOR = 4, 32
GETS_PER_PREFIX_S = 5_500
FIRST_BYTE_S = 0.03
USD_PER_CORE_HOUR, USD_PER_GB_MONTH = 0.05, 0.023


@dataclass(frozen=True)
class Load:
    """What is read: numbers of objects."""

    metadata: float
    xml: float
    images: float

    @property
    def requests(self) -> float:
        """All objects."""
        return self.metadata + self.xml + self.images

    def num_bytes(self, figures: Figures) -> float:
        """All bytes."""
        return self.metadata * figures.metadata_bytes + self.xml * figures.xml_bytes + self.images * figures.image_bytes


WHOLE = Load(VERSIONS, OPEN_ACCESS, IMAGES)
DAY = Load(NEW + CHANGED, (NEW + CHANGED) * OPEN_ACCESS / VERSIONS, NEW * IMAGES / VERSIONS)


@dataclass(frozen=True)
class Hours:
    """Core-hours of each step."""

    inventory: float
    articles: float
    images: float

    @property
    def total(self) -> float:
        """All steps."""
        return self.inventory + self.articles + self.images


def core_hours(load: Load, figures: Figures) -> Hours:
    """What a load takes at the measured rates."""
    image_s = 1 / figures.images_per_s + figures.image_bytes / 1e6 / figures.fetch_mb_per_s
    return Hours(
        figures.inventory_diff_s * figures.inventory_cores / 3600,
        (load.metadata + load.xml) / figures.fetch_objects_per_s / 3600,
        load.images * image_s / 3600,
    )


def hours_on(cores: int, load: Load, figures: Figures) -> float:
    """Hours from end to end: articles no faster than S3 gives the one prefix of the metadata, the inventory on its own cores."""
    hours = core_hours(load, figures)
    articles = max(hours.articles / cores, load.metadata / GETS_PER_PREFIX_S / 3600)
    return figures.inventory_diff_s / 3600 + articles + hours.images / cores


def scale_page(figures: Figures) -> str:
    """The whole page as Markdown."""
    return _PAGE.format(**_source(figures), **_times(figures), **_money(figures), lines="\n".join(figures.lines()))


def _source(figures: Figures) -> dict[str, str]:
    """Numbers of objects and bytes."""
    counts = {"v": VERSIONS, "a": OPEN_ACCESS, "i": IMAGES, "n": NEW, "changed": CHANGED, "c": NEW + CHANGED}
    return {
        **{name: f"{count:,}" for name, count in counts.items()},
        **{f"day_{name}": f"{getattr(DAY, name):,.0f}" for name in ("xml", "images", "requests")},
        "requests": f"{WHOLE.requests:,.0f}",
        "bytes": f"{WHOLE.num_bytes(figures) / 1e12:.2f} TB",
        "day_bytes": f"{DAY.num_bytes(figures) / 1e9:.2f} GB",
    }


def _times(figures: Figures) -> dict[str, str]:
    """Core-hours and hours, and what the network does in them."""
    whole, day, hours = core_hours(WHOLE, figures), core_hours(DAY, figures), hours_on(CORES, WHOLE, figures)
    requests_per_s = WHOLE.requests / hours / 3600
    steps = ("inventory", "articles", "images", "total")
    return {
        **{f"h_{step}": f"{getattr(whole, step):.2f}" for step in steps},
        **{f"day_h_{step}": f"{getattr(day, step):.3f}" for step in steps},
        "inventory_peak_gb": f"{figures.inventory_peak_gb:.1f}",
        "gets": f"{GETS_PER_PREFIX_S:,}",
        "metadata_minutes": f"{VERSIONS / GETS_PER_PREFIX_S / 60:.0f}",
        "cores": str(CORES),
        "hours": f"{hours:.1f}",
        "hours_on_2": f"{hours_on(2, WHOLE, figures):.0f}",
        "day_minutes_on_2": f"{hours_on(2, DAY, figures) * 60:.1f}",
        "gbit_per_s": f"{WHOLE.num_bytes(figures) * 8 / hours / 3600 / 1e9:.1f}",
        "requests_per_s": f"{requests_per_s:,.0f}",
        "first_byte_ms": f"{FIRST_BYTE_S * 1000:.0f}",
        "in_flight": f"{requests_per_s * FIRST_BYTE_S:,.0f}",
        "executors": str(CORES // CORES_PER_EXECUTOR),
        "executor_cores": str(CORES_PER_EXECUTOR),
        "concurrency": str(REQUESTS_PER_EXECUTOR),
        "allowed": f"{CORES // CORES_PER_EXECUTOR * REQUESTS_PER_EXECUTOR:,}",
    }


def _money(figures: Figures) -> dict[str, str]:
    """What computing and keeping costs."""
    raw_gb = (OPEN_ACCESS * figures.xml_stored_bytes + VERSIONS * figures.metadata_bytes) / 1e9
    image_gb, original_gb = IMAGES * figures.image_stored_bytes / 1e9, IMAGES * figures.image_bytes / 1e9
    return {
        "core_price": str(USD_PER_CORE_HOUR),
        "compute_usd": f"{core_hours(WHOLE, figures).total * USD_PER_CORE_HOUR:.2f}",
        "day_compute_usd": f"{core_hours(DAY, figures).total * USD_PER_CORE_HOUR:.4f}",
        "raw_gb": f"{raw_gb:,.0f}",
        "image_gb": f"{image_gb:,.0f}",
        "original_gb": f"{original_gb:,.0f}",
        "gb_price": str(USD_PER_GB_MONTH),
        "storage_usd": f"{(raw_gb + image_gb) * USD_PER_GB_MONTH:.0f}",
        "all_storage_usd": f"{(raw_gb + image_gb + original_gb) * USD_PER_GB_MONTH:.0f}",
    }


_PAGE = """# The whole bucket, and a day of it

What acquisition costs, computed from the figures at the end of this page. Counts of the source are those of September 2026:
V = {v} article versions, A = {a} of them open access, I = {i} figure images. A day is assumed to bring
N = {n} new and {changed} changed versions, C = {c} together.

## Requests and bytes

| | formula | whole bucket | a day |
|---|---|---|---|
| inventory | a listing request per 1,000 objects of the reports, manifest, checksum, parts | < 100 | < 100 |
| metadata | V, or C | {v} | {c} |
| XML | A, or C x A / V | {a} | {day_xml} |
| images | I, or N x I / V | {i} | {day_images} |
| **requests** | the sum | **{requests}** | **{day_requests}** |
| **bytes** | number x mean size, summed | **{bytes}** | **{day_bytes}** |

Every version costs its metadata, because the licence stands nowhere else. An image whose digest in the new metadata is the old
one is not read again, so a relicensed or retracted article costs two requests. PDFs, videos and supplements are never read.

## Core-hours

| step | formula | whole bucket | a day |
|---|---|---|---|
| inventory against the table | inventory_diff_s x inventory_cores | {h_inventory} | {day_h_inventory} |
| metadata and XML | requests / fetch_objects_per_s | {h_articles} | {day_h_articles} |
| images, fetch to hash | images x (1 / images_per_s + image_bytes / fetch_mb_per_s) | {h_images} | {day_h_images} |
| **sum** | | **{h_total}** | **{day_h_total}** |

S3 promises {gets} GET/s per prefix and `metadata/` is one, so V metadata take {metadata_minutes} minutes on any number of cores.
On {cores} cores everything takes **{hours} hours**, on 2 cores {hours_on_2} hours; a day's update takes
**{day_minutes_on_2} minutes on 2 cores**. JATS extraction, duplicates and export come on top.

In {hours} hours the network carries {gbit_per_s} Gbit/s and {requests_per_s} requests/s. With {first_byte_ms} ms to the first
byte that is {in_flight} requests in flight; {executors} executors of {executor_cores} cores with `fetch.concurrency` at
{concurrency} have up to {allowed}. `fetch.requests_per_s` caps the whole job.

With a heap of 3 GB (`spark.driver_memory=3g`) all processes that hold the inventory of the whole bucket against its table have
{inventory_peak_gb} GB together.

## Money

- Requests and egress: the bucket belongs to the AWS Open Data programme and is read unsigned; the reader is billed for neither.
- Compute at {core_price} USD per core-hour: {compute_usd} USD for the whole bucket, {day_compute_usd} USD a day.
- Storage: XML as it lies in the table and metadata {raw_gb} GB, normalised images {image_gb} GB; with `fetch.keep_image_bytes`
  another {original_gb} GB. At {gb_price} USD per GB and month {storage_usd} USD, with the originals {all_storage_usd} USD.

## Figures

Measured on two cores, which the fetch shares with a loopback server that answers at once (`fetch_no_wait`): a
fetch from a real bucket has more of them, and waits for the network instead. Rates are per core; sizes are means over the real
articles and figures. The ratios are to obstore alone, which checks nothing, on the same objects with as many requests in flight:
from an S3 server on loopback, with 20 ms before each answer, and with none: there MD5 takes a sixth of the time and the proxy
that keeps redirects within the endpoint, which obstore alone goes without, two sixths.

    python -m jobs.bench inventory_diff fetch image_kernel && python -m jobs.scale_page build/bench.json

| figure | value |
|---|---|
{lines}
"""


if __name__ == "__main__":
    PAGE.write_text(scale_page(measured(Path(sys.argv[1]), SHARED_DATA)), encoding="utf-8")
