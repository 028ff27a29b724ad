"""Damaged and hostile articles through the extractor, in a process of bounded memory: outcomes, slowest article, largest process.

Run as `python -m jobs.bench.hostile_articles [--count N] [--seed S]`; whatever is neither rows nor a reject ends the run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.bench.article_mutations import mutated
from jobs.bench.real_articles import read_articles
from schemas.rejects import Rejected
from udfs.jats import extract_article

NUM_MUTATED = 10_000
MEMORY_BYTES = 2 * 2**30
SHARED_DATA = Path(__file__).resolve().parents[2] / "../shared/data"
ACCESSION = "PMC1.1"


@dataclass
class Outcome:
    """What became of the articles of one mutation: counts by reason, `ok` and `recovered`; processor time (s)."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest_number: int = -1
    total_s: float = 0.0

    def add(self, number: int, reason: str, seconds: float) -> None:
        """Count one article."""
        self.counts[reason] += 1
        self.total_s += seconds
        if seconds > self.slowest_s:
            self.slowest_s, self.slowest_number = seconds, number


def put_through(originals: list[bytes], count: int, seed: int) -> dict[str, Outcome]:
    """Outcomes by mutation of that many damaged articles."""
    outcomes: dict[str, Outcome] = {}
    for number, (name, damaged) in enumerate(mutated(originals, count, seed)):
        started = time.process_time()
        reason = outcome_of(damaged)
        outcomes.setdefault(name, Outcome()).add(number, reason, time.process_time() - started)
    return outcomes


def outcome_of(damaged: bytes) -> str:
    """`ok`, `recovered` for rows of XML that is not well-formed, or the reason of the reject."""
    try:
        extraction = extract_article(damaged, ACCESSION)
    except Rejected as refusal:
        return str(refusal.reason)
    return "recovered" if extraction.article["is_damaged"] else "ok"


def measure(shared_data: Path, count: int, seed: int) -> dict[str, Any]:
    """Outcomes by mutation, and the resident memory (MiB) of the process before the first article and at its largest."""
    originals = list(read_articles(shared_data).values())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    before_mb = peak_mb()
    outcomes = put_through(originals, count, seed)
    found = {name: vars(outcome) for name, outcome in outcomes.items()}
    return {"count": count, "seed": seed, "before_mb": before_mb, "peak_mb": peak_mb(), "mutations": found}


def peak_mb() -> float:
    """Largest resident memory of this process so far (MiB; Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table_lines(measured: dict[str, Any]) -> list[str]:
    """The measurement as lines of Markdown."""
    lines = ["| mutation | number | outcome | slowest (processor s) | which | mean (ms) |", "|---|---|---|---|---|---|"]
    for name, one in measured["mutations"].items():
        counts = Counter(one["counts"])
        outcomes = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
        slowest = f"{one['slowest_s']:.2f} | {one['slowest_number']}"
        lines.append(f"| {name} | {counts.total()} | {outcomes} | {slowest} | {1000 * one['total_s'] / counts.total():.1f} |")
    memory = f"{measured['peak_mb']:.0f} MiB, of them {measured['before_mb']:.0f} before the first article"
    return [*lines, "", f"{measured['count']} articles, seed {measured['seed']}. Largest process: {memory}."]


def main(arguments: list[str]) -> None:
    """Write the table, or with --json the measurement itself, to standard output."""
    parser = argparse.ArgumentParser(
        prog="jobs.bench.hostile_articles", description="Put damaged articles through the extractor."
    )
    parser.add_argument("--shared-data", type=Path, default=SHARED_DATA)
    parser.add_argument("--count", type=int, default=NUM_MUTATED)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    measured = measure(chosen.shared_data, chosen.count, chosen.seed)
    sys.stdout.write(json.dumps(measured) if chosen.json else "\n".join([*table_lines(measured), ""]))


if __name__ == "__main__":
    main(sys.argv[1:])
