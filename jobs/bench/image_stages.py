"""Where the image kernel spends its time: processor time of each stage on the real JPEGs, as a table."""

from __future__ import annotations

import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from jobs.bench.image_kernel import ROUNDS, drawn_jpegs, ours_here, real_jpegs
from udfs.grey_counts import count
from udfs.image_colour import Pixels
from udfs.image_decode import decode
from udfs.image_encode import encode
from udfs.image_features import Features, is_one_colour, measure
from udfs.image_header import open_image, read_header
from udfs.image_margin import content_box
from udfs.image_options import ImageOptions
from udfs.image_record import HASHED_SIDE_PX, WORKING_SIDE_PX
from udfs.image_resize import shrink, shrink_grey, to_grey
from udfs.phash import phash_bits, windowed_bits

_Result = TypeVar("_Result")


class Stopwatch:
    """Seconds of processor time by stage: of each call the fastest of some rounds, added up over the files."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def fastest(self, stage: str, function: Callable[[], _Result]) -> _Result:
        """What the function returns, its fastest round added to the stage."""
        rounds = []
        for _ in range(ROUNDS):
            started = time.process_time()
            result = function()
            rounds.append(time.process_time() - started)
        self.seconds[stage] += min(rounds)
        return result


def time_stages(data: bytes, watch: Stopwatch) -> None:
    """The stages of one image in the kernel's order, each on what those before it made."""
    options = ImageOptions()
    watch.fastest("the whole kernel", lambda: ours_here(data))
    watch.fastest("read the header, count scans", lambda: read_header(data, open_image(data)))
    picture = watch.fastest("decode", lambda: decode(data, open_image(data)))
    watch.fastest("SHA-256 of file and pixels", lambda: (hashlib.sha256(data).digest(), picture.sha256))
    working = watch.fastest("shrink to 512", lambda: shrink(picture.pixels, WORKING_SIDE_PX))
    grey = watch.fastest("grey", lambda: to_grey(working))
    small = watch.fastest("shrink the grey to 256", lambda: shrink_grey(grey, HASHED_SIDE_PX))
    box = watch.fastest("content box", lambda: content_box(small))
    content = small[box.top : box.bottom, box.left : box.right]
    watch.fastest("measures", lambda: measured(working, grey, content))
    watch.fastest("pHash", lambda: phash_bits(picture.pixels))
    watch.fastest("trimmed hashes", lambda: windowed_bits(content))
    watch.fastest("encode", lambda: encode(working, options))


def measured(working: Pixels, grey: Pixels, content: Pixels) -> Features:
    """What the kernel measures of an image, and whether it is of one colour."""
    counts = count(grey)
    is_one_colour(working, counts)
    return measure(working, counts, content)


def report(shared_data: Path | None) -> list[str]:
    """Lines of a Markdown table: mean milliseconds of an image by stage."""
    files = real_jpegs(shared_data) if shared_data is not None else drawn_jpegs()
    ours_here(files[0])  # compiles
    watch = Stopwatch()
    for data in files:
        time_stages(data, watch)
    rows = [f"| {stage} | {seconds / len(files) * 1000:.2f} |" for stage, seconds in watch.seconds.items()]
    return [f"{len(files)} JPEGs", "", "| stage | ms |", "|---|---|", *rows]


if __name__ == "__main__":
    sys.stdout.write("\n".join(report(Path(sys.argv[1]) if len(sys.argv) > 1 else None)) + "\n")
