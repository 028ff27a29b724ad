"""Runs the benchmarks, prints them as a table and leaves `bench.json`: every ratio is interleaved with its reference."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

BENCHMARKS = (
    "jats_kernel",
    "jats_spark",
    "inventory_diff",
    "fetch",
    "image_kernel",
    "image_spark",
    "near_duplicates",
    "export",
    "trainer_step",
)
FIELDS = ("name", "value", "unit", "reference", "reference_value", "ratio", "n", "cores")
SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def run_benchmarks(names: tuple[str, ...], shared_data: Path | None, console: Console) -> list[dict[str, Any]]:
    """Results of the named benchmarks in order; each module's `run` takes the shared data if it reads any."""
    results: list[dict[str, Any]] = []
    for name in names:
        with console.status(f"Measuring {name}"):
            run = importlib.import_module(f"jobs.bench.{name}").run
            measured = run(shared_data) if inspect.signature(run).parameters else run()
        results += measured if isinstance(measured, list) else [measured]
    return results


def results_grid(results: list[dict[str, Any]]) -> Grid:
    """The results as a table for the terminal."""
    grid = Grid(title="Benchmarks", title_justify="left")
    for name in ("name", "value", "unit", "reference", "ref. value", "ratio"):
        grid.add_column(name, justify="left" if name in ("name", "unit", "reference") else "right")
    for result in results:
        numbers = {key: f"{result[key]:,.3g}" for key in ("value", "reference_value", "ratio")}
        grid.add_row(
            result["name"],
            numbers["value"],
            result["unit"],
            str(result["reference"]),
            numbers["reference_value"],
            numbers["ratio"],
        )
    return grid


def main(arguments: list[str]) -> int:
    """The command `python -m jobs.bench [--out DIR] [NAME ...]`."""
    parser = argparse.ArgumentParser(prog="jobs.bench", description="Measure the project against its references.")
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], default=list(BENCHMARKS), metavar="NAME")
    chosen = parser.parse_args(arguments)
    console = Console()
    shared_data = SHARED_DATA if SHARED_DATA.is_dir() else None
    results = run_benchmarks(tuple(chosen.names), shared_data, console)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "bench.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    console.print(results_grid(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
