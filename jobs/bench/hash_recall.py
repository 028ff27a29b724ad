"""How many changed copies of real figures the trimmed hashes find, and how many different figures they take for copies."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from conf.settings import DuplicateSettings
from jobs.bench.drawings import CHANGED, KINDS, bilevel_copy, drawing
from jobs.bench.figure_changes import CHANGES, OTHER_CHANGES
from jobs.bench.hostile_images import IMAGE_SUFFIXES
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image
from udfs.phash import hamming_distance

NUM_SEEDS = 25


@dataclass(frozen=True)
class Hashes:
    """The hashes by which copies are found and confirmed; those of a featureless image match nothing."""

    phash_trimmed: int
    phash256_trimmed: bytes
    is_featureless: bool

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


def hashes_of(data: bytes, is_shrunk: bool = False) -> Hashes:
    """The hashes of one file, as the pipeline makes them."""
    record = process_image(data, ImageOptions(max_side_px=64, shrink_on_load=is_shrunk))
    is_featureless = record.entropy_bits < DuplicateSettings().min_entropy_bits
    return Hashes(record.phash_trimmed, record.phash256_trimmed, is_featureless)


def figure(path: Path, is_shrunk: bool = False) -> Figure:
    """The hashes of a figure file and of its changed copies, each written to a file and read again."""
    data = path.read_bytes()
    image = Image.fromarray(decode(data, plan(data, ImageOptions()).image).pixels)
    copies = {name: hashes_of(change(image), is_shrunk) for name, change in (CHANGES | OTHER_CHANGES).items()}
    return Figure(path.parent.name, path.stem, hashes_of(data, is_shrunk), copies)


@dataclass(frozen=True)
class Drawn:
    """A drawing of line art: its kind, its hashes and those of its copies by the name of the change."""

    kind: str
    original: Hashes
    copies: dict[str, Hashes]


def drawn(kind_and_seed: tuple[str, int]) -> Drawn:
    """The hashes of a drawing and of its changed copies."""
    image, png = drawing(*kind_and_seed), io.BytesIO()
    image.save(png, "PNG")
    copies = {name: hashes_of((CHANGES | OTHER_CHANGES)[name](image.convert("RGB"))) for name in CHANGED}
    return Drawn(kind_and_seed[0], hashes_of(png.getvalue()), copies | {"bilevel, 3/4": hashes_of(bilevel_copy(image))})


def drawn_report(num_seeds: int, limits: tuple[int, int]) -> list[str]:
    """Lines of a Markdown table: copies of line art that are near as those of evaluation sets must be, and different drawings."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        drawings = list(pool.map(drawn, [(kind, seed) for kind in KINDS for seed in range(num_seeds)], chunksize=8))
    names = list(drawings[0].copies)
    lines = ["", "| line art | wrong pairs | " + " | ".join(names) + " |", "|---|---" + "|---" * len(names) + "|"]
    for kind in (*KINDS, "all"):
        mine = [each for each in drawings if kind in (each.kind, "all")]
        wrong = sum(is_near(one.original, other.original, limits) for one, other in combinations(mine, 2))
        found = [np.mean([is_near(each.original, each.copies[name], limits) for each in mine]) for name in names]
        lines.append(f"| {kind} | {wrong} | " + " | ".join(f"{share:.2f}" for share in found) + " |")
    num_plain = sum(each.original.is_featureless for each in drawings)
    return [
        *lines,
        "",
        f"{len(drawings)} drawings, {num_plain} of them featureless, {len(drawings) * (len(drawings) - 1) // 2} pairs.",
    ]


def is_near(one: Hashes, other: Hashes, limits: tuple[int, int]) -> bool:
    """Whether two images are near by both hashes, featureless or not."""
    near, far = one.distances(other)
    return near <= limits[0] and far <= limits[1]


def report(shared_data: Path, max_distance: int, max_distance_256: int, is_shrunk: bool = False) -> list[str]:
    """Lines of a Markdown table: share of copies found, and wrongly matched pairs of different figures, by rule."""
    paths = sorted(path for path in shared_data.glob("pmc-mirror/*/*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if len(paths) < 2:
        raise SystemExit(f"{shared_data} holds no pmc-mirror folder with figures: give the folder in which it lies")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        figures = list(pool.map(partial(figure, is_shrunk=is_shrunk), paths, chunksize=8))
    pairs = [pair for pair in combinations(figures, 2) if (pair[0].accession, pair[0].stem) != (pair[1].accession, pair[1].stem)]
    lines = [f"{len(figures)} figure files, {len(pairs)} pairs of different figures."]
    for names in (CHANGES, OTHER_CHANGES):
        lines += ["", "| rule | wrong pairs | " + " | ".join(names) + " |", "|---|---" + "|---" * len(names) + "|"]
        for limit, limit_256 in ((max_distance, 256), (max_distance, max_distance_256), (8, max_distance_256)):
            lines.append(_row(figures, pairs, (limit, limit_256), names))
    distances = [one.original.distances(other.original) for one, other in pairs]
    closest = min(far for near, far in distances if near <= max_distance)
    return [*lines, "", f"Closest 256-bit hashes of different figures within {max_distance} bits of 64: {closest} bits."]


def _row(figures: list[Figure], pairs: list[tuple[Figure, Figure]], limits: tuple[int, int], names: Iterable[str]) -> str:
    def matches(one: Hashes, other: Hashes) -> bool:
        return is_near(one, other, limits) and not (one.is_featureless or other.is_featureless)

    wrong = sum(matches(one.original, other.original) for one, other in pairs)
    found = [np.mean([matches(one.original, one.copies[name]) for one in figures]) for name in names]
    rule = f"64 bits, d <= {limits[0]}" + (f", and 256 bits, d <= {limits[1]}" if limits[1] < 256 else "")
    return f"| {rule} | {wrong} | " + " | ".join(f"{share:.3f}" for share in found) + " |"


def main() -> None:
    """Write the table to standard output; arguments: folder of the real articles, and `shrunk` for hashes of shrunk JPEGs."""
    if sys.argv[2:] not in ([], ["shrunk"]):
        raise SystemExit(f"the second argument may be shrunk, not {' '.join(sys.argv[2:])}")
    shared_data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "../shared/data"
    rules = DuplicateSettings()
    lines = report(shared_data, rules.max_distance, rules.max_distance_256, sys.argv[2:] == ["shrunk"])
    lines += drawn_report(NUM_SEEDS, (rules.max_distance, rules.max_distance_256))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
