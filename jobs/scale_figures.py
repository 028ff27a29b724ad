"""The measured figures from which docs/scale.md is computed: rates out of bench.json, sizes of the real articles."""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

import pyarrow as pa

from schemas.rejects import Rejected
from udfs.images import process_image
from udfs.media_match import split_raster


@dataclass(frozen=True)
class Figures:
    """What was measured; rates are per core and second, sizes are means in bytes, the peak is of all processes together."""

    inventory_diff_s: float
    inventory_cores: float
    inventory_peak_gb: float
    fetch_objects_per_s: float
    fetch_mb_per_s: float
    fetch_ratio: float
    fetch_20ms_ratio: float
    fetch_no_wait_ratio: float
    images_per_s: float
    metadata_bytes: float
    xml_bytes: float
    xml_stored_bytes: float
    image_bytes: float
    image_stored_bytes: float

    def lines(self) -> list[str]:
        """A line of a Markdown table for each figure."""
        return [f"| {name} | {value:.6g} |" for name, value in asdict(self).items()]


def parsed(page: str) -> Figures:
    """The figures out of the lines that stand on a page."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    told = {cell[0]: cell[1] for cell in cells if len(cell) == 2}
    return Figures(**{field.name: float(told[field.name]) for field in fields(Figures)})


def measured(bench: Path, shared_data: Path) -> Figures:
    """The figures of a machine: entries of bench.json, and the sizes of what lies in the shared data."""
    entries = {entry["name"]: entry for entry in json.loads(bench.read_text(encoding="utf-8"))}
    diff, fetch = entries["inventory_diff"], entries["fetch_no_wait"]
    images, stored = image_sizes(shared_data / "pmc-mirror")
    articles = xml_files(shared_data / "jats-sample.tar.xz")
    figures = Figures(
        inventory_diff_s=diff["value"],
        inventory_cores=diff["cores"],
        inventory_peak_gb=diff["peak_memory_gb"],
        fetch_objects_per_s=fetch["value"],
        fetch_mb_per_s=fetch["mb_per_s"],
        **{f"{name}_ratio": entries[name]["ratio"] for name in ("fetch", "fetch_20ms", "fetch_no_wait")},
        images_per_s=entries["image_kernel"]["value"],
        metadata_bytes=fmean(path.stat().st_size for path in shared_data.glob("pmc-mirror/metadata/*.json")),
        xml_bytes=fmean(map(len, articles)),
        xml_stored_bytes=len(pa.compress(b"".join(articles), codec="zstd", asbytes=True)) / len(articles),
        image_bytes=images,
        image_stored_bytes=stored,
    )
    return parsed("\n".join(figures.lines()))  # as precise as the page tells them


def image_sizes(mirror: Path) -> tuple[float, float]:
    """Mean size of the mirror's rasters as they are, and normalised."""
    files = [path.read_bytes() for path in sorted(mirror.glob("PMC*/*")) if split_raster(path.name)[1]]
    stored = []
    for data in files:
        try:
            stored.append(len(process_image(data).image))
        except Rejected:
            continue
    return fmean(map(len, files)), fmean(stored)


def xml_files(archive: Path) -> list[bytes]:
    """The articles of the sample."""
    with tarfile.open(archive) as files:
        return [file.read() for member in files if member.name.endswith(".xml") and (file := files.extractfile(member))]
