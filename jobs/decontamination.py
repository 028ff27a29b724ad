"""Whether pairs may be trained on: near images in one split, evaluation sets looked for, and nothing changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import Settings, UnusableSettings
from jobs import find_duplicates, find_eval_overlap
from jobs.stage import newest_inputs
from jobs.tables import Lake
from schemas.duplicates import DUPLICATES
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.images import IMAGES
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS, Reason
from schemas.table import Table

_PAIRED = "build_pairs"
# What each of these stages must have read or left as it is now, for the pairs to say in which sets their images stand.
_CURRENT: dict[str, tuple[Table, ...]] = {
    find_duplicates.STAGE: (IMAGES, DUPLICATES),
    find_eval_overlap.STAGE: (IMAGES, EVAL_OVERLAP),
    _PAIRED: (IMAGES, DUPLICATES, EVAL_OVERLAP, PAIRS),
}


def check_decontaminated(lake: Lake, settings: Settings) -> None:
    """UnusableSettings where a pair may show what another split or an evaluation set shows, and not say so.

    All images that are here must have been looked at for duplicates, under these bounds, and `pairs` be what was built with the
    clusters. The sets are those of the settings, as they are now, or else those of the last comparison. It must have seen all
    images too, and all files of the sets but those that are texts.
    """
    inputs = newest_inputs(lake)
    recorded = inputs.get(find_eval_overlap.STAGE)
    has_sets = bool(settings.eval.sets or find_eval_overlap.compared_sets(recorded))
    if has_sets and not _is_compared(_recorded(recorded).get("mark"), find_eval_overlap.mark(settings), bool(settings.eval.sets)):
        raise UnusableSettings(
            "eval.sets: the last run of find_eval_overlap compared other sets or contents of them, or under other thresholds"
            f" (duplicates.*) or hashes than this export names; {_run(find_eval_overlap.STAGE, _PAIRED)}"
        )
    if stale := stale_stages(lake, settings, inputs, has_sets):
        raise UnusableSettings(
            "pairs: what they show may stand in another split or in an evaluation set, for images, duplicates, pairs or rejects"
            " have changed since these were looked at, never were, or were under other bounds (duplicates.*);"
            f" {_run(*[stage for stage in _CURRENT if stage in stale or stage == _PAIRED])}"
        )
    if has_sets:
        check_sets_were_read(lake, settings)


def stale_stages(lake: Lake, settings: Settings, inputs: Mapping[str, str], has_sets: bool) -> set[str]:
    """The stages that have not seen the tables as they are, or have left them otherwise; inputs: as of `newest_inputs`."""
    now = lake.commits((IMAGES, DUPLICATES, EVAL_OVERLAP, PAIRS))
    stale = {stage for stage in _CURRENT if not _is_current(inputs.get(stage), now, stage)}
    if _recorded(inputs.get(find_duplicates.STAGE)).get("mark") != find_duplicates.mark(settings):
        stale.add(find_duplicates.STAGE)  # clusters under other bounds may be smaller, or the same by chance
    if not has_sets:
        return stale - {find_eval_overlap.STAGE}
    if _recorded(inputs.get(find_eval_overlap.STAGE)).get("left") != find_eval_overlap.rejects_digest(lake):
        stale.add(find_eval_overlap.STAGE)
    return stale


def check_sets_were_read(lake: Lake, settings: Settings) -> None:
    """UnusableSettings where no image could be read of a file of a set that `eval.allow_unread` does not name."""
    not_accepted = unread(lake).where(~F.col("eval_set").isin(*settings.eval.allow_unread))
    told = F.min(F.struct("key", "reason", "detail")).alias("first")
    rows = not_accepted.groupBy("eval_set").agg(F.count("*").alias("number"), told).orderBy("eval_set").collect()
    if rows:
        sets = "; ".join(
            f"of {row['number']:,} files or rows of {row['eval_set']} (first {row['first']['key']}:"
            f" {row['first']['reason']}, {row['first']['detail']})"
            for row in rows
        )
        raise UnusableSettings(
            f"eval.sets: no image could be read {sets}. They were looked for in no pair. `biomedica rejects` lists them:"
            f" mend them or take them out of the set; {_run(find_eval_overlap.STAGE, _PAIRED)}, which tries again those with"
            f" {Reason.FETCH_FAILED}; or go without them with eval.allow_unread='[{', '.join(row['eval_set'] for row in rows)}]'"
        )


def _run(*stages: str) -> str:
    return f"run {', '.join(stages)} before, with the settings of this export"


def _recorded(inputs: str | None) -> dict[str, Any]:
    """What a run has recorded that it read and left; nothing before the first."""
    recorded: dict[str, Any] = json.loads(inputs or "{}")
    return recorded


def _is_compared(recorded: str | None, now: str, with_sets: bool) -> bool:
    """Whether a recorded comparison was one under this mark; without sets of one's own those recorded stand."""
    if recorded is None:
        return False
    (version, sets, *bounds), (version_now, sets_now, *bounds_now) = json.loads(recorded), json.loads(now)
    return (version, bounds) == (version_now, bounds_now) and (not with_sets or sets == sets_now)


def _is_current(recorded: str | None, now: dict[str, list[int]], stage: str) -> bool:
    known = _recorded(recorded).get("tables", {}) | _recorded(recorded).get("outputs", {})
    return all(known.get(table.name) == now[table.name] for table in _CURRENT[stage])


def eval_sets(lake: Lake) -> dict[str, dict[str, str | int]]:
    """Per evaluation set of the last comparison a digest of what it held, and how many of its files no image could be read of."""
    compared = find_eval_overlap.compared_sets(newest_inputs(lake).get(find_eval_overlap.STAGE))
    counts = num_unread(lake)
    return {name: {"digest": found.digest, "num_unread": counts.get(name, 0)} for name, found in compared.items()}


def num_unread(lake: Lake) -> dict[str, int]:
    """How many files and rows of each evaluation set no image could be read of: they are compared with nothing."""
    return {row["eval_set"]: row["count"] for row in unread(lake).groupBy("eval_set").count().collect()}


def unread(lake: Lake) -> DataFrame:
    """eval_set, key, reason, detail of the files and rows of evaluation sets that may hold an image and gave none.

    Those of one colour were read; they show nothing that could be in the archive.
    """
    mine = lake.read(REJECTS).where((F.col("stage") == find_eval_overlap.STAGE) & (F.col("reason") != Reason.BLANK))
    return mine.select(F.substring_index("key", "/", 1).alias("eval_set"), "key", "reason", "detail")
