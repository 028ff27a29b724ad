"""Whether pairs may be trained on: what evaluation sets were compared with, and that nothing has changed since."""

from __future__ import annotations

import json
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

# What each of these stages must have read or left as it is now, for the pairs to say in which sets their images stand.
_CURRENT: dict[str, tuple[Table, ...]] = {
    find_duplicates.STAGE: (IMAGES, DUPLICATES),
    find_eval_overlap.STAGE: (IMAGES, EVAL_OVERLAP),
    "build_pairs": (IMAGES, DUPLICATES, EVAL_OVERLAP, PAIRS),
}
_SHOWN_KEYS = 3


def check_decontaminated(lake: Lake, settings: Settings) -> None:
    """UnusableSettings where a pair may hold an image of an evaluation set and not say so.

    The sets are those of the settings, as they are now, or else those of the last comparison. It must have seen all images that
    are here, in their clusters, under these thresholds and with no image of a set still to be tried again; `pairs` must be what
    was built with it. Files of a set of which no image can be read (see `eval_sets`) are compared with nothing.
    """
    inputs = newest_inputs(lake)
    recorded = inputs.get(find_eval_overlap.STAGE)
    if not settings.eval.sets and not find_eval_overlap.compared_sets(recorded):
        return
    if not _is_compared(json.loads(recorded or "{}").get("mark"), find_eval_overlap.mark(settings), bool(settings.eval.sets)):
        raise UnusableSettings(
            "eval.sets: the last run of find_eval_overlap compared other sets or contents of them, or under other thresholds"
            f" (duplicates.*) or hashes than this export names; {_run('find_eval_overlap', 'build_pairs')}"
        )
    now = lake.commits((IMAGES, DUPLICATES, EVAL_OVERLAP, PAIRS))
    stale = [stage for stage in _CURRENT if not _is_current(inputs.get(stage), now, stage)]
    if json.loads(inputs.get(find_duplicates.STAGE) or "{}").get("mark") != find_duplicates.mark(settings):
        stale.append(find_duplicates.STAGE)  # clusters under other bounds may be smaller, or the same by chance
    if stale:
        raise UnusableSettings(
            "eval.sets: their images have not been looked for in these pairs, for tables have changed since, were never"
            " compared or were made under other bounds (duplicates.*);"
            f" {_run(*[stage for stage in _CURRENT if stage in stale or stage == 'build_pairs'])}"
        )
    waiting = rejected(lake).where(F.col("reason") == Reason.FETCH_FAILED).orderBy("key")
    if keys := [row["key"] for row in waiting.select("key").limit(_SHOWN_KEYS + 1).collect()]:
        shown = ", ".join(keys[:_SHOWN_KEYS]) + (" and others" if len(keys) > _SHOWN_KEYS else "")
        raise UnusableSettings(
            f"eval.sets: the decoder failed at {shown}, as for lack of memory, so they were not looked for in these pairs;"
            f" {_run('find_eval_overlap', 'build_pairs')}, which tries them again, or take such a file out of its set"
        )


def _run(*stages: str) -> str:
    return f"run {', '.join(stages)} before, with the settings of this export"


def _is_compared(recorded: str | None, now: str, with_sets: bool) -> bool:
    """Whether a recorded comparison was one under this mark; without sets of one's own those recorded stand."""
    if recorded is None:
        return False
    (version, sets, *bounds), (version_now, sets_now, *bounds_now) = json.loads(recorded), json.loads(now)
    return (version, bounds) == (version_now, bounds_now) and (not with_sets or sets == sets_now)


def _is_current(recorded: str | None, now: dict[str, list[int]], stage: str) -> bool:
    inputs: dict[str, Any] = json.loads(recorded or "{}")
    known = inputs.get("tables", {}) | inputs.get("outputs", {})
    return all(known.get(table.name) == now[table.name] for table in _CURRENT[stage])


def eval_sets(lake: Lake) -> dict[str, dict[str, str | int]]:
    """Per evaluation set of the last comparison a digest of what it held, and how many of its files no image could be read of."""
    compared = find_eval_overlap.compared_sets(newest_inputs(lake).get(find_eval_overlap.STAGE))
    unread = num_unread(lake)
    return {name: {"digest": found.digest, "num_rejected": unread.get(name, 0)} for name, found in compared.items()}


def num_unread(lake: Lake) -> dict[str, int]:
    """How many files and rows of each evaluation set no image could be read of: they are compared with nothing."""
    rows = rejected(lake).groupBy(F.substring_index("key", "/", 1).alias("eval_set")).count().collect()
    return {row["eval_set"]: row["count"] for row in rows}


def rejected(lake: Lake) -> DataFrame:
    """The rejects of evaluation sets, by <set>/<file>."""
    return lake.read(REJECTS).where(F.col("stage") == find_eval_overlap.STAGE)
