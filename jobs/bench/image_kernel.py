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

ROUNDS = 9
_QUALITY = 90
_NUM_DRAWN = 24

Kernel = Callable[[bytes], object]


def run(shared_data: Path | None) -> list[dict[str, Any]]:
    """Images per second of one core: ours decodes, measures, hashes and encodes, the reference only decodes and encodes.

    `image_kernel` decodes in full on both sides, `image_kernel_shrunk` lets the decoder of both shrink large images.

    Both are timed by processor time, each file with its fastest round. A round is all files by the one, then all by the other:
    an image follows upon another by the same code, as it does in use. In turns file by file each would also be charged for
    what the other has driven from the caches. Ours works in this process on every file: the time of the helper that the
    kernel calls for a large one would not be counted.
    """
    files = real_jpegs(shared_data) if shared_data is not None else drawn_jpegs()
    ours_here(files[0])  # compiles
    return [
        _entry("image_kernel", files, ours_here, plain_pillow, "decode"),
        _entry("image_kernel_shrunk", files, ours_shrunk, drafting_pillow, "draft and decode"),
    ]


def _entry(name: str, files: list[bytes], kernel: Kernel, pillow: Kernel, decoding: str) -> dict[str, Any]:
    rounds = [([_seconds(pillow, data) for data in files], [_seconds(kernel, data) for data in files]) for _ in range(ROUNDS)]
    reference = sum(map(min, zip(*(of_pillow for of_pillow, _ in rounds), strict=True)))
    ours = sum(map(min, zip(*(of_kernel for _, of_kernel in rounds), strict=True)))
    return {
        "name": name,
        "value": len(files) / ours,
        "unit": "images/s",
        "reference": f"Pillow: {decoding}, LANCZOS to 512, JPEG encode",
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


def ours_shrunk(data: bytes) -> ImageRecord:
    """As `ours_here`, of pixels that the decoder shrank where it could."""
    return process(data, ImageOptions(shrink_on_load=True))


def plain_pillow(data: bytes) -> bytes:
    """Full decode, LANCZOS to the default size, JPEG encode: what a loader without hashes does."""
    return _resized(Image.open(io.BytesIO(data)))


def drafting_pillow(data: bytes) -> bytes:
    """As `plain_pillow`, of pixels that the decoder shrank where it could: as far as the wanted size lets it."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", _fitted(image))
    return _resized(image)


def _resized(opened: Image.Image) -> bytes:
    image = opened if opened.mode == "RGB" else opened.convert("RGB")  # of RGB that would be a copy
    out = io.BytesIO()
    image.resize(_fitted(image), Image.Resampling.LANCZOS).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _fitted(image: Image.Image) -> tuple[int, int]:
    scale = min(1.0, ImageOptions().max_side_px / max(image.size))
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def _seconds(function: Kernel, data: bytes) -> float:
    started = time.process_time()
    function(data)
    return time.process_time() - started


if __name__ == "__main__":
    sys.stdout.write(f"{run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)}\n")
