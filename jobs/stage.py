"""One stage of a run: skip it when nothing it reads has changed, run it, reconcile its counts, record it in `runs`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs.tables import Lake, spark_schema
from schemas.rejects import REJECTS, Reason
from schemas.runs import RUNS
from schemas.table import Table

# Stages whose requests or decoders may fail for a reason that passes.
_TRYING_AGAIN = ("fetch_articles", "fetch_images", "find_eval_overlap")


@dataclass(frozen=True)
class Counts:
    """What became of a stage's inputs; `filtered` by reason."""

    num_in: int
    num_ok: int
    num_rejected: int
    filtered: Mapping[str, int] = field(default_factory=dict)

    @property
    def num_filtered(self) -> int:
        """Inputs that the settings leave out."""
        return sum(self.filtered.values())

    def __add__(self, other: Counts) -> Counts:
        """Counts of both together."""
        reasons = self.filtered.keys() | other.filtered.keys()
        filtered = {reason: self.filtered.get(reason, 0) + other.filtered.get(reason, 0) for reason in sorted(reasons)}
        return Counts(self.num_in + other.num_in, self.num_ok + other.num_ok, self.num_rejected + other.num_rejected, filtered)

    @property
    def reconciled(self) -> bool:
        """True when every input is accounted for."""
        return self.num_in == self.num_ok + self.num_rejected + self.num_filtered


@dataclass(frozen=True)
class RunContext:
    """Identity of one run: every stage of a pipeline shares it.

    known_inputs: `newest_inputs` as the run began; None to look them up when they are asked for.
    """

    run_id: str
    started: datetime
    known_inputs: Mapping[str, str] | None = None

    @classmethod
    def new(cls) -> RunContext:
        """A context that starts now; its id sorts by time."""
        now = datetime.now(UTC)
        return cls(f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}", now)

    def last_inputs(self, lake: Lake, stage: str) -> str | None:
        """What the newest run of the stage before this one read and left, as JSON; None before the first."""
        known = newest_inputs(lake) if self.known_inputs is None else self.known_inputs
        return known.get(stage)


RunFunction = Callable[[SparkSession, Settings, RunContext], Counts]


class Job(Protocol):
    """What a job module offers: the tables it reads, those it alone writes, the settings sections that decide, and `run`.

    It may also have `mark(settings)`: in words, what else decides the result, such as a file that the settings only name;
    `left(lake, settings)`: a digest of what it leaves beside its tables, as files or rejects; `check(lake, settings, inputs)`:
    UnusableSettings for what need not wait for the stages before it, given what the job's last recorded run read (None before the
    first); and `guard(lake, settings)`: UnusableSettings where it may neither run nor count as up to date.
    """

    READS: tuple[Table, ...]
    WRITES: tuple[Table, ...]
    SECTIONS: tuple[str, ...]

    @property
    def run(self) -> RunFunction:
        """Do the work and count what became of each input."""


@dataclass(frozen=True)
class StageResult:
    """How a stage ended; `counts` is None when it was skipped as up to date."""

    stage: str
    seconds: float
    counts: Counts | None


class ReconciliationError(RuntimeError):
    """A stage whose inputs are not all accounted for."""


def run_stage(spark: SparkSession, settings: Settings, context: RunContext, job: Job, stage: str) -> StageResult:
    """Run one job on created tables unless it is up to date; ReconciliationError when its counts do not add up."""
    lake = Lake(spark, settings.lake)
    started, clock = datetime.now(UTC), monotonic()
    guard = getattr(job, "guard", None)
    if guard is not None:
        guard(lake, settings)
    inputs = stage_inputs(lake, settings, job)
    if not _retries(lake, stage, settings) and context.last_inputs(lake, stage) == _with_outputs(lake, settings, inputs, job):
        return StageResult(stage, monotonic() - clock, None)
    note = json.dumps({"run_id": context.run_id, "stage": stage, "settings": settings.public_dump()})
    with lake.commit_note(note):
        counts = job.run(spark, settings, context)
        if not counts.reconciled:
            raise ReconciliationError(
                f"{stage}: {counts.num_in} inputs, but {counts.num_ok} ok + {counts.num_rejected} rejected"
                f" + {counts.num_filtered} filtered"
            )
        result = StageResult(stage, monotonic() - clock, counts)
        _record(lake, settings, context, result, (started, _with_outputs(lake, settings, inputs, job)))
    return result


def check_settings(lake: Lake, settings: Settings, context: RunContext, job: Job, stage: str) -> None:
    """What a job can say of the settings before any stage has run; UnusableSettings."""
    check = getattr(job, "check", None)
    if check is not None:
        check(lake, settings, context.last_inputs(lake, stage))


def stage_inputs(lake: Lake, settings: Settings, job: Job) -> str:
    """What decides the stage's result, as JSON: commits of the tables read, settings digests and, if there is one, its mark."""
    digests = {section: getattr(settings, section).digest() for section in job.SECTIONS}
    marks: dict[str, object] = {"tables": lake.commits(job.READS), "settings": digests}
    own_mark = getattr(job, "mark", None)
    if own_mark is not None:
        marks["mark"] = own_mark(settings)
    return json.dumps(marks, sort_keys=True)


def _with_outputs(lake: Lake, settings: Settings, inputs: str, job: Job) -> str:
    """The inputs with what the job leaves, tables by commit and the rest by digest: it runs again when others changed that."""
    outputs: dict[str, object] = {"outputs": lake.commits(job.WRITES)}
    left = getattr(job, "left", None)
    if left is not None:
        outputs["left"] = left(lake, settings)
    return json.dumps(json.loads(inputs) | outputs, sort_keys=True)


def newest_inputs(lake: Lake) -> dict[str, str]:
    """What the newest recorded run of each stage read and left, as JSON, by stage."""
    newest = lake.read(RUNS).groupBy("stage").agg(F.max_by("inputs", "started").alias("inputs"))
    return {row["stage"]: row["inputs"] for row in newest.collect()}


def _retries(lake: Lake, stage: str, settings: Settings) -> bool:
    """Whether a stage that reads or decodes files has something to try again though nothing has changed."""
    if stage not in _TRYING_AGAIN:
        return False
    is_fetching = stage.startswith("fetch_")
    failed = (F.col("stage") == stage) & (F.col("reason") == Reason.FETCH_FAILED)
    if not is_fetching:  # the comparison is one with the whole archive: not for what an export goes without
        failed &= ~F.substring_index("key", "/", 1).isin(*settings.eval.allow_unread)
    return (is_fetching and settings.fetch.retry_rejected) or not lake.read(REJECTS).where(failed).isEmpty()


def _record(lake: Lake, settings: Settings, context: RunContext, result: StageResult, marks: tuple[datetime, str]) -> None:
    counts, (started, inputs) = result.counts, marks
    if counts is None:
        return
    row = {
        "run_id": context.run_id,
        "stage": result.stage,
        "started": started,
        "seconds": round(result.seconds, 3),
        "num_in": counts.num_in,
        "num_ok": counts.num_ok,
        "num_rejected": counts.num_rejected,
        "num_filtered": counts.num_filtered,
        "filtered": {key: value for key, value in counts.filtered.items() if value},
        "inputs": inputs,
        "settings": json.dumps(settings.public_dump()),
    }
    values = tuple(row[name] for name in RUNS.column_names)
    lake.append(RUNS, lake.spark.createDataFrame([values], schema=spark_schema(RUNS)))


def sync_rejects(
    lake: Lake, context: RunContext, stage: str, tried: DataFrame, refused: DataFrame, known: DataFrame | None = None
) -> int:
    """Bring a stage's rows of `rejects` up to date and return how many inputs were refused now.

    tried: key of every input looked at now. refused: key, reason, detail, fingerprint, one row a key. known: key of every
    input that still exists; rejects of others are dropped (None: those of `tried`).
    An input refused again with the same fingerprint and reason counts a further attempt only for stages that try again.
    """
    mine = lake.read(REJECTS).where(F.col("stage") == stage)
    if refused.isEmpty() and mine.isEmpty():
        return 0
    lake.sync(REJECTS, rejects_due(mine, tried, refused, tried if known is None else known, stage, context), mine)
    return refused.count()


def refused_for_good(lake: Lake, stage: str, settings: Settings) -> DataFrame | None:
    """Rejects of a fetching stage that it leaves alone while nothing changes: all but failed requests; None to retry them too."""
    if settings.fetch.retry_rejected:
        return None
    return lake.read(REJECTS).where((F.col("stage") == stage) & (F.col("reason") != Reason.FETCH_FAILED))


def rejects_due(
    mine: DataFrame, tried: DataFrame, refused: DataFrame, known: DataFrame, stage: str, context: RunContext
) -> DataFrame:
    """The rows of `rejects` that a stage should have after a run, given those it has; see sync_rejects."""
    waiting = mine.join(tried.select("key"), "key", "left_anti").join(known.select("key"), "key", "left_semi")
    kept = ("fingerprint", "reason", "attempts", "first_seen", "last_seen", "run_id")
    before = mine.select("key", *(F.col(name).alias(f"old_{name}") for name in kept))
    again = (F.col("old_fingerprint") == F.col("fingerprint")) & (F.col("old_reason") == F.col("reason"))
    still = F.lit(stage not in _TRYING_AGAIN) & F.coalesce(again, F.lit(False))
    now = F.lit(context.started)
    rows = refused.join(before, "key", "left").select(
        F.lit(stage).alias("stage"),
        "key",
        "reason",
        "detail",
        "fingerprint",
        F.when(still, F.col("old_attempts")).otherwise(F.coalesce("old_attempts", F.lit(0)) + 1).cast("int").alias("attempts"),
        F.coalesce("old_first_seen", now).alias("first_seen"),
        F.when(still, F.col("old_last_seen")).otherwise(now).alias("last_seen"),
        F.when(still, F.col("old_run_id")).otherwise(F.lit(context.run_id)).alias("run_id"),
    )
    return waiting.select(*REJECTS.column_names).unionByName(rows)
