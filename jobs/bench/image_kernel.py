"""The image kernel beside Pillow's plain decode, resize and encode, on the same JPEGs in turns."""

from __future__ import annotations

import io
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from jobs.bench.hostile_inputs import picture
from udfs.image_options import ImageOptions
from udfs.image_record import ImageRecord, process

ROUNDS = 3
_QUALITY = 90
_NUM_DRAWN = 24


def run(shared_data: Path | None) -> dict[str, Any]:
    """Images per second of one core: ours decodes, measures, hashes and encodes, the reference only decodes and encodes.

    Both take turns file by file and are timed by processor time; each file counts with its fastest round. Ours works in this
    process on every file: the time of the helper that the kernel calls for a large one would not be counted.
    """
    files = real_jpegs(shared_data) if shared_data is not None else drawn_jpegs()
    ours_here(files[0])  # compiles
    ours = reference = 0.0
    for data in files:
        seconds = [(_seconds(plain_pillow, data), _seconds(ours_here, data)) for _ in range(ROUNDS)]
        reference += min(pair[0] for pair in seconds)
        ours += min(pair[1] for pair in seconds)
    return {
        "name": "image_kernel",
        "value": len(files) / ours,
        "unit": "images/s",
        "reference": "Pillow: decode, LANCZOS to 512, JPEG encode",
        "reference_value": len(files) / reference,
        "ratio": reference / ours,
        "n": len(files),
        "cores": 1,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def real_jpegs(shared_data: Path) -> list[bytes]:
    """The JPEG figures of the real articles."""
    return [path.read_bytes() for path in sorted(shared_data.glob("pmc-mirror/*/*.jp*g"))]


def drawn_jpegs() -> list[bytes]:
    """Noisy JPEGs of the median size of real ones, for a machine without real articles."""
    out = []
    for number in range(_NUM_DRAWN):
        stream = io.BytesIO()
        picture(1280, 900 + 4 * number).save(stream, "JPEG", quality=85)
        out.append(stream.getvalue())
    return out


def ours_here(data: bytes) -> ImageRecord:
    """The record of one image, made in this process whatever its size."""
    return process(data, ImageOptions())


def plain_pillow(data: bytes) -> bytes:
    """Full decode, LANCZOS to the default size, JPEG encode: what a loader without hashes does."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = min(1.0, ImageOptions().max_side_px / max(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    out = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _seconds(function: Callable[[bytes], object], data: bytes) -> float:
    started = time.process_time()
    function(data)
    return time.process_time() - started


if __name__ == "__main__":
    sys.stdout.write(f"{run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)}\n")
