"""The command line that every job shares: profile and overrides in, exit code out."""

from __future__ import annotations

import importlib
import sys
from typing import cast

from conf.load import PROFILES, load_settings
from conf.settings import UnusableSettings
from jobs.lease import lease
from jobs.session import command_session
from jobs.stage import Counts, Job, ReconciliationError, RunContext, StageResult, run_stage
from jobs.tables import Lake

STAGES = (
    "sync_inventory",
    "fetch_articles",
    "extract_figures",
    "fetch_images",
    "find_duplicates",
    "find_eval_overlap",
    "build_pairs",
    "export_shards",
)
DONE, UNRECONCILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def job_module(stage: str) -> Job:
    """The module of a stage."""
    return cast(Job, importlib.import_module(f"jobs.{stage}"))


def main(stage: str) -> None:
    """Run one job from spark-submit or `python jobs/<stage>.py`; leaves with the exit code."""
    sys.exit(run_job(stage, sys.argv[1:]))


def run_job(stage: str, arguments: list[str]) -> int:
    """Run one job with `--profile NAME key=value ...`; 0 done, 1 not reconciled, 2 wrong use, 130 Ctrl-C."""
    try:
        profile, overrides = parse_arguments(arguments)
        settings = load_settings(profile, overrides)
        spark = command_session(settings, stage)
    except UnusableSettings as error:
        return refuse(error)
    try:
        context = RunContext.new()
        with lease(spark, settings.lake, context.run_id):
            Lake(spark, settings.lake).create()
            write_line(result_line(run_stage(spark, settings, context, job_module(stage), stage)))
    except ReconciliationError as error:
        sys.stderr.write(f"{error}\n")
        return UNRECONCILED
    except UnusableSettings as error:
        return refuse(error)
    except KeyboardInterrupt:
        return interrupted()
    return DONE


def parse_arguments(arguments: list[str]) -> tuple[str, list[str]]:
    """Profile and overrides of a command line; UnusableSettings for anything else."""
    profile, overrides = "local", []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--profile":
            profile = next(rest, "")
        elif argument.startswith("--profile="):
            profile = argument.partition("=")[2]
        elif "=" in argument and not argument.startswith("-"):
            overrides.append(argument)
        else:
            raise UnusableSettings(f"{argument!r} is not known: use --profile {'|'.join(PROFILES)}|FILE.yaml and key=value")
    return profile, overrides


def result_line(result: StageResult) -> str:
    """One line about a stage for people and logs."""
    if result.counts is None:
        return f"{result.stage}: up to date"
    counts = result.counts
    filtered = filtered_line(counts)
    return (
        f"{result.stage}: {counts.num_in} in = {counts.num_ok} ok + {counts.num_rejected} rejected"
        f" + {counts.num_filtered} filtered"
        f"{f' ({filtered})' if filtered else ''}, {result.seconds:.1f} s"
    )


def filtered_line(counts: Counts) -> str:
    """How many inputs were left out for each reason; empty if none was."""
    return ", ".join(f"{reason} {number:,}" for reason, number in counts.filtered.items() if number)


def write_line(text: str) -> None:
    """A line to standard output."""
    sys.stdout.write(f"{text}\n")


def refuse(error: UnusableSettings) -> int:
    """Tell a wrong use on standard error; the exit code for it."""
    sys.stderr.write(f"biomedica: {error}\n")
    return WRONG_USE


def interrupted() -> int:
    """Tell that Ctrl-C ended a run; the exit code for it."""
    sys.stderr.write("biomedica: interrupted; the next run goes on where this one was\n")
    return INTERRUPTED
