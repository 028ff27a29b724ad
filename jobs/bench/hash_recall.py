"""How many changed copies of real figures the trimmed hashes find, and how many different figures they take for copies."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from conf.settings import DuplicateSettings
from jobs.bench.hostile_images import IMAGE_SUFFIXES
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image
from udfs.phash import hamming_distance

_LETTER_SHARE = 0.06


@dataclass(frozen=True)
class Hashes:
    """The hashes by which copies are found and confirmed."""

    phash_trimmed: int
    phash256_trimmed: bytes

    def distances(self, other: Hashes) -> tuple[int, int]:
        """Bits by which the 64-bit and the 256-bit hashes differ."""
        near = hamming_distance(self.phash_trimmed, other.phash_trimmed)
        return near, hamming_distance(self.phash256_trimmed, other.phash256_trimmed)


@dataclass(frozen=True)
class Figure:
    """A real figure: its hashes, and those of its copies by the name of the change."""

    accession: str
    stem: str
    original: Hashes
    copies: dict[str, Hashes]


def hashes_of(data: bytes) -> Hashes:
    """The hashes of one file, as the pipeline makes them."""
    record = process_image(data, ImageOptions(max_side_px=64))
    return Hashes(record.phash_trimmed, record.phash256_trimmed)


def figure(path: Path) -> Figure:
    """The hashes of a figure file and of its changed copies, each written to a file and read again."""
    data = path.read_bytes()
    image = Image.fromarray(decode(data, plan(data, ImageOptions()).image).pixels)
    copies = {name: hashes_of(change(image)) for name, change in CHANGES.items()}
    return Figure(path.parent.name, path.stem, hashes_of(data), copies)


def report(shared_data: Path, max_distance: int, max_distance_256: int) -> list[str]:
    """Lines of a Markdown table: share of copies found, and wrongly matched pairs of different figures, by rule."""
    paths = sorted(path for path in shared_data.glob("pmc-mirror/*/*") if path.suffix.lower() in IMAGE_SUFFIXES)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        figures = list(pool.map(figure, paths, chunksize=8))
    pairs = [pair for pair in combinations(figures, 2) if (pair[0].accession, pair[0].stem) != (pair[1].accession, pair[1].stem)]
    lines = [f"{len(figures)} figure files, {len(pairs)} pairs of different figures.", ""]
    lines += ["| rule | wrong pairs | " + " | ".join(CHANGES) + " |", "|---|---" + "|---" * len(CHANGES) + "|"]
    for limit, limit_256 in ((max_distance, 256), (max_distance, max_distance_256), (8, max_distance_256)):
        lines.append(_row(figures, pairs, limit, limit_256))
    closest = min(one.original.distances(other.original)[1] for one, other in pairs)
    return [*lines, "", f"Closest 256-bit hashes of different figures: {closest} bits."]


def _row(figures: list[Figure], pairs: list[tuple[Figure, Figure]], limit: int, limit_256: int) -> str:
    def matches(one: Hashes, other: Hashes) -> bool:
        near, far = one.distances(other)
        return near <= limit and far <= limit_256

    wrong = sum(matches(one.original, other.original) for one, other in pairs)
    found = [np.mean([matches(one.original, one.copies[name]) for one in figures]) for name in CHANGES]
    rule = f"64 bits, d <= {limit}" + (f", and 256 bits, d <= {limit_256}" if limit_256 < 256 else "")
    return f"| {rule} | {wrong} | " + " | ".join(f"{share:.3f}" for share in found) + " |"


def _file(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def _resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float) -> bytes:
    across, down = round(image.width * share), round(image.height * share)
    return _file(image.crop((across, down, image.width - across, image.height - down)), "PNG", compress_level=1)


def _bordered(image: Image.Image) -> bytes:
    return _file(
        ImageOps.expand(image, (round(image.width * 0.05), round(image.height * 0.05)), "white"), "PNG", compress_level=1
    )


def _lettered(image: Image.Image) -> bytes:
    copy, size = image.copy(), max(12, round(min(image.size) * _LETTER_SHARE))
    ImageDraw.Draw(copy).text((size * 0.3, size * 0.2), "A", fill="black", font=ImageFont.load_default(size=size))
    return _file(copy, "JPEG", quality=90)


CHANGES: dict[str, Callable[[Image.Image], bytes]] = {
    "half size": lambda image: _file(_resized(image, 0.5), "JPEG", quality=90),
    "140 px thumbnail": lambda image: _file(_resized(image, 140 / max(image.size)), "JPEG", quality=85),
    "JPEG q30": lambda image: _file(image, "JPEG", quality=30),
    "grey": lambda image: _file(image.convert("L"), "JPEG", quality=90),
    "64-colour GIF": lambda image: _file(image.quantize(64), "GIF"),
    "2 % crop": lambda image: _cropped(image, 0.02),
    "5 % crop": lambda image: _cropped(image, 0.05),
    "5 % border": _bordered,
    "added letter": _lettered,
    "as WebP": lambda image: _file(image, "WEBP", quality=80, method=0),
}


def main() -> None:
    """Write the table to standard output; argument: folder of the real articles."""
    shared_data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "../shared/data"
    rules = DuplicateSettings()
    sys.stdout.write("\n".join(report(shared_data, rules.max_distance, rules.max_distance_256)) + "\n")


if __name__ == "__main__":
    main()
