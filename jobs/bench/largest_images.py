"""Processor time and memory of the helper for images of as many pixels as the bound allows, and of more, as a table."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import psutil  # type: ignore[import-untyped]
from PIL import Image

from jobs.bench.hostile_images import processor_s, running_peak_mb
from schemas.rejects import Rejected
from udfs.image_isolation import IsolatedProcess
from udfs.image_options import ImageOptions

MEGAPIXELS = (50, 64)
_TIMEOUT_S = 60.0
_SMALL_SIDE = 256
_NOISE_LEVELS = 8


def images(megapixels: int) -> Iterator[tuple[str, bytes]]:
    """Pictures with some noise, so that no codec has it easy, by kind."""
    colours = _picture(megapixels)
    grey = colours[:, :, 0]
    picture = Image.fromarray(colours)
    alpha = Image.fromarray(np.dstack([colours, np.full(grey.shape, 200, np.uint8)]))
    yield "PNG with alpha", _encoded(alpha, "PNG", compress_level=1)
    yield "progressive JPEG", _encoded(picture, "JPEG", quality=90, progressive=True)
    yield "WebP", _encoded(picture, "WEBP", quality=80, method=0)
    yield "CMYK TIFF", _encoded(picture.convert("CMYK"), "TIFF")
    yield "16-bit TIFF", _encoded(Image.fromarray(grey.astype(np.uint16) * 200), "TIFF")
    yield "32-bit TIFF, compressed", _tiff(np.multiply(grey, 10_000_000, dtype=np.uint32))
    yield "float TIFF, compressed", _tiff(np.divide(grey, 7, dtype=np.float32))
    yield "float TIFF in colour, compressed", _tiff(np.divide(colours, 7, dtype=np.float32))


def measured(data: bytes) -> tuple[str, float, float]:
    """Outcome, processor time (s) and peak memory (MiB) of a helper that is given one image without the usual limit."""
    helper = IsolatedProcess("udfs.image_record", "process")
    options = ImageOptions(max_pixels=10**9)
    helper.call((_encoded(Image.radial_gradient("L"), "PNG"), options), _TIMEOUT_S)
    started, outcome = processor_s(), "ok"
    try:
        helper.call((data, options), _TIMEOUT_S)
    except Rejected as rejected:
        outcome = str(rejected.reason)
    taken = processor_s() - started
    peak = max(running_peak_mb(child.pid) for child in psutil.Process().children())
    helper.close()
    return outcome, taken, peak


def main() -> None:
    """Write the table to standard output; arguments: millions of pixels."""
    sys.stdout.write("| image | million pixels | MB | outcome | processor time (s) | peak memory (MiB) |\n" + "|---" * 6 + "|\n")
    for megapixels in [int(argument) for argument in sys.argv[1:]] or MEGAPIXELS:
        for name, data in images(megapixels):
            outcome, taken, peak = measured(data)
            sys.stdout.write(f"| {name} | {megapixels} | {len(data) / 1e6:.0f} | {outcome} | {taken:.1f} | {peak:.0f} |\n")


def _picture(megapixels: int) -> npt.NDArray[np.uint8]:
    side = int((megapixels * 10**6) ** 0.5)
    chance = np.random.default_rng(0)
    small = chance.integers(0, 256 - _NOISE_LEVELS, (_SMALL_SIDE, _SMALL_SIDE, 3), dtype=np.uint8)
    smooth = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    noise = chance.integers(0, _NOISE_LEVELS, (side, side, 3), dtype=np.uint8)
    return np.asarray(cv2.add(smooth, noise), dtype=np.uint8)


def _encoded(picture: Image.Image, file_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, file_format, **options)
    return stream.getvalue()


def _tiff(samples: npt.NDArray[Any]) -> bytes:
    done, data = cv2.imencode(".tiff", samples, [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE])
    if not done:
        raise ValueError(f"OpenCV wrote no TIFF of {samples.dtype}")
    return data.tobytes()


if __name__ == "__main__":
    main()
