"""All stages in order, with a progress display and the reconciliation of every stage at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread

from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from conf.load import load_settings
from conf.settings import Settings, UnusableSettings
from jobs.entry import DONE, STAGES, UNRECONCILED, filtered_line, interrupted, job_module, parse_arguments, refuse
from jobs.lease import lease
from jobs.session import command_session
from jobs.stage import ReconciliationError, RunContext, StageResult, check_settings, newest_inputs, run_stage
from jobs.tables import Lake

POLL_SECONDS = 0.3


def run_pipeline(spark: SparkSession, settings: Settings, console: Console) -> list[StageResult]:
    """Run every stage that is not up to date; raises ReconciliationError at the first whose counts do not add up.

    UnusableSettings while another run writes to the same archive, or for settings that a stage cannot use, before the first.
    """
    context = RunContext.new()
    results = []
    with lease(spark, settings.lake, context.run_id) as held, stage_progress(spark, console) as show:
        lake = Lake(spark, settings.lake)
        show("tables")
        lake.create()
        context = replace(context, known_inputs=newest_inputs(lake))
        for stage in STAGES:
            check_settings(lake, settings, context, job_module(stage), stage)
        for stage in STAGES:
            if held:
                held.check()
            show(stage)
            results.append(run_stage(spark, settings, context, job_module(stage), stage))
    console.print(reconciliation(results))
    return results


@contextmanager
def stage_progress(spark: SparkSession, console: Console) -> Iterator[Callable[[str], None]]:
    """A line per stage with its running Spark tasks; yields the function that begins the next stage.

    Where nobody looks on, as in a log file, the line is the time (UTC) and the stage that begins.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<16}"),
        BarColumn(24),
        TextColumn("{task.fields[tasks]}"),
        TimeElapsedColumn(),
    )
    done = Event()
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        lines: list[int] = []

        def begin(stage: str) -> None:
            _finish(progress, lines)
            lines.append(progress.add_task(stage, total=None, tasks=""))
            if not console.is_terminal:
                console.print(f"{datetime.now(UTC):%H:%M:%S} {stage}", highlight=False)

        watcher = Thread(target=_watch, args=(spark, progress, lines, done), daemon=True)
        watcher.start()
        try:
            yield begin
            _finish(progress, lines)
        finally:
            done.set()
            watcher.join()


def _finish(progress: Progress, lines: list[int]) -> None:
    if lines:
        progress.update(lines[-1], total=1, completed=1, tasks="done")  # type: ignore[arg-type]


def _watch(spark: SparkSession, progress: Progress, lines: list[int], done: Event) -> None:
    tracker = spark.sparkContext.statusTracker()
    while not done.wait(POLL_SECONDS):
        running = [info for number in tracker.getActiveStageIds() if (info := tracker.getStageInfo(number)) is not None]
        total, completed = sum(info.numTasks for info in running), sum(info.numCompletedTasks for info in running)
        if lines and total:
            progress.update(lines[-1], total=total, completed=completed, tasks=f"{completed}/{total} tasks")  # type: ignore[arg-type]


def reconciliation(results: list[StageResult]) -> Grid:
    """What became of every stage's inputs, as a table for the terminal; below it why inputs were filtered."""
    why = [f"{result.stage} filtered {told}" for result in results if result.counts and (told := filtered_line(result.counts))]
    title = "Every input is accounted for: in = ok + rejected + filtered"
    grid = Grid(title=title, title_justify="left", caption="\n".join(why), caption_justify="left")
    grid.add_column("stage", no_wrap=True)
    for name in ("in", "ok", "rejected", "filtered", "seconds"):
        grid.add_column(name, justify="right")
    for result in results:
        counts = result.counts
        if counts is None:
            grid.add_row(result.stage, "", "up to date", "", "", f"{result.seconds:.1f}")
        else:
            numbers = (counts.num_in, counts.num_ok, counts.num_rejected, counts.num_filtered)
            grid.add_row(result.stage, *(f"{number:,}" for number in numbers), f"{result.seconds:.1f}")
    return grid


def main(arguments: list[str]) -> int:
    """Run the pipeline with `--profile NAME key=value ...`, as spark-submit does; exit code as of `jobs.entry.run_job`."""
    try:
        profile, overrides = parse_arguments(arguments)
        settings = load_settings(profile, overrides)
        run_pipeline(command_session(settings, "pipeline"), settings, Console())
    except UnusableSettings as error:
        return refuse(error)
    except ReconciliationError as error:
        sys.stderr.write(f"biomedica: {error}\n")
        return UNRECONCILED
    except KeyboardInterrupt:
        return interrupted()
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
