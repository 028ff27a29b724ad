"""Damaged and hostile images through the image kernel: reasons, slowest image and largest process, as a table."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import psutil  # type: ignore[import-untyped]

from jobs.bench.hostile_inputs import crafted, mutated
from schemas.rejects import Rejected
from udfs.images import process_image

NUM_MUTATED = 10_000
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp"}


@dataclass
class Outcome:
    """What became of a series of files."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest_name: str = ""
    longest_s: float = 0.0
    total_s: float = 0.0

    def add(self, name: str, reason: str, processor: float, clock: float) -> None:
        """Count one file with its seconds of processor time and on the clock."""
        self.counts[reason] += 1
        self.total_s += processor
        self.longest_s = max(self.longest_s, clock)
        if processor > self.slowest_s:
            self.slowest_s, self.slowest_name = processor, name


def real_images(shared_data: Path) -> list[bytes]:
    """The figure files of the real articles, in the order of their paths."""
    files = sorted(path for path in shared_data.glob("pmc-mirror/*/*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return [path.read_bytes() for path in files]


def put_through(inputs: Iterable[tuple[str, bytes]]) -> Outcome:
    """Each file through the kernel; whatever is neither a record nor a reject ends the run."""
    outcome = Outcome()
    for name, data in inputs:
        started, clock = processor_s(), monotonic()
        try:
            process_image(data)
            reason = "ok"
        except Rejected as rejected:
            reason = str(rejected.reason)
        clock = monotonic() - clock
        outcome.add(name, reason, processor_s() - started, clock)
    return outcome


def processor_s() -> float:
    """Processor time used so far by this process and its helpers, running or ended (s): what other programs do is left out."""
    ended = sum(sum(resource.getrusage(kind)[:2]) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    running = [helper.cpu_times() for helper in psutil.Process().children() if helper.status() != psutil.STATUS_ZOMBIE]
    return ended + sum(float(times.user + times.system) for times in running)


def peak_mb() -> tuple[float, float]:
    """Largest resident memory of this process and of its ended helper processes so far (MiB; Linux)."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, helpers = (resource.getrusage(kind).ru_maxrss / 1024 for kind in kinds)
    return own, helpers


def report(shared_data: Path, num_mutated: int = NUM_MUTATED) -> list[str]:
    """Lines of a Markdown table over the crafted and the mutated files."""
    lines = ["| files | number | outcome | slowest (processor s) | which | longest on the clock (s) | mean (ms) |"]
    lines += ["|---" * 7 + "|"]
    series = {
        "crafted": crafted(),
        "mutated": ((f"mutation {number}", data) for number, data in enumerate(mutated(real_images(shared_data), num_mutated))),
    }
    for name, inputs in series.items():
        outcome = put_through(inputs)
        counts = ", ".join(f"{reason} {count}" for reason, count in outcome.counts.most_common())
        number = outcome.counts.total()
        slowest = f"{outcome.slowest_s:.2f} | {outcome.slowest_name} | {outcome.longest_s:.2f}"
        lines.append(f"| {name} | {number} | {counts} | {slowest} | {1000 * outcome.total_s / number:.1f} |")
    return lines


def main() -> None:
    """Write the table to standard output; arguments: folder of the real articles, number of mutations."""
    shared_data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "../shared/data"
    lines = report(shared_data, int(sys.argv[2]) if len(sys.argv) > 2 else NUM_MUTATED)
    own, helpers = peak_mb()
    sys.stdout.write("\n".join([*lines, "", f"Peak memory: {own:.0f} MiB this process, {helpers:.0f} MiB helper.", ""]))


if __name__ == "__main__":
    main()
