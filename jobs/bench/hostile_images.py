"""Damaged and hostile images through the image kernel: reasons, slowest image and largest process, as a table."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

import psutil  # type: ignore[import-untyped]

from jobs.bench.hostile_inputs import crafted, mutated
from schemas.rejects import Rejected
from udfs.images import process_image

NUM_MUTATED = 10_000
Measured = tuple[str, float, float]  # reason, processor time, time on the clock
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


def put_through(inputs: Iterable[tuple[str, bytes]], one: Callable[[bytes], Measured] | None = None) -> Outcome:
    """Each file through the kernel, here or as `one` does it; whatever is neither a record nor a reject ends the run."""
    outcome = Outcome()
    for name, data in inputs:
        outcome.add(name, *(one or measured)(data))
    return outcome


def measured(data: bytes) -> Measured:
    """Reason or "ok", processor time and time on the clock (s) of one file."""
    started, clock = processor_s(), monotonic()
    try:
        process_image(data)
        reason = "ok"
    except Rejected as rejected:
        reason = str(rejected.reason)
    clock = monotonic() - clock
    return reason, processor_s() - started, clock


def processor_s() -> float:
    """Processor time used so far by this process and its helpers, running or ended (s): what other programs do is left out."""
    ended = sum(sum(resource.getrusage(kind)[:2]) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    running = [helper.cpu_times() for helper in psutil.Process().children() if helper.status() != psutil.STATUS_ZOMBIE]
    return ended + sum(float(times.user + times.system) for times in running)


def peak_mb() -> tuple[float, float]:
    """Largest resident memory so far of this process and of any helper process, running or ended (MiB; Linux)."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, ended = (resource.getrusage(kind).ru_maxrss / 1024 for kind in kinds)
    return own, max([ended, *(running_peak_mb(helper.pid) for helper in psutil.Process().children())])


def running_peak_mb(pid: int) -> float:
    """Largest resident memory (MiB) of a running process; 0 for one that ended and was not waited for."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def report(shared_data: Path, num_mutated: int = NUM_MUTATED) -> list[str]:
    """Lines of a Markdown table over the crafted and the mutated files, and of the memory that they took."""
    lines = ["| files | number | outcome | slowest (processor s) | which | longest on the clock (s) | mean (ms) |"]
    lines += ["|---" * 7 + "|"]
    mutations = enumerate(mutated(real_images(shared_data), num_mutated))
    lines.append(_row("crafted", put_through(crafted())))
    lines.append(_row("mutated", put_through((f"mutation {number}", data) for number, data in mutations)))
    own, helpers = peak_mb()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        first = put_through(crafted(), lambda data: pool.submit(measured, data).result())
    lines.append(_row("crafted, each as the first of a process", first))
    return [*lines, "", f"Peak memory: {own:.0f} MiB this process, {helpers:.0f} MiB helper."]


def _row(name: str, outcome: Outcome) -> str:
    counts = ", ".join(f"{reason} {count}" for reason, count in outcome.counts.most_common())
    number = outcome.counts.total()
    slowest = f"{outcome.slowest_s:.2f} | {outcome.slowest_name} | {outcome.longest_s:.2f}"
    return f"| {name} | {number} | {counts} | {slowest} | {1000 * outcome.total_s / number:.1f} |"


def main() -> None:
    """Write the table to standard output; arguments: folder of the real articles, number of mutations."""
    shared_data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "../shared/data"
    sys.stdout.write("\n".join([*report(shared_data, int(sys.argv[2]) if len(sys.argv) > 2 else NUM_MUTATED), ""]))


if __name__ == "__main__":
    main()
