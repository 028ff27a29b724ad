"""How current the archive is: its newest inventory, article versions by state and licence, what waits and what was refused.

Only the tables are read: neither the source nor a search is asked.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs import extract_figures, fetch_articles, fetch_images, find_eval_overlap, sync_inventory
from jobs.decontamination import num_unread
from jobs.lease import running_claims
from jobs.listing_checks import inventory_time
from jobs.orphans import count_orphans
from jobs.stage import newest_inputs, refused_for_good
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS, FILTERED
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.figures import FIGURES
from schemas.inventory import INVENTORY, PRESENT
from schemas.licenses import LICENSE_GROUPS
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS, Reason
from schemas.runs import RUNS
from schemas.tombstones import TOMBSTONES

PARSED, REFUSED, WAITING, NOT_SELECTED, GONE = "parsed", "refused", "waiting", "not_selected", "removed"
UNKNOWN = "unknown"
AS_SET, AS_LAST_SEARCHED = "settings", "last_search"
GROUPS = (*LICENSE_GROUPS, UNKNOWN)
_TIME = "yyyy-MM-dd'T'HH:mm:ss'+00:00'"  # sessions are in UTC


def archive_status(lake: Lake, settings: Settings) -> dict[str, Any]:
    """The whole status as plain values, times in ISO 8601 (UTC); what waits is counted under these settings.

    `selection` says what is selected: what the settings name, or with `source.query` what the last search found.
    """
    wanted = selected_versions(lake, settings)
    inputs = newest_inputs(lake)
    followed = inventory_time(inputs.get(sync_inventory.STAGE))
    return {
        "inventory": followed and followed.isoformat(),
        "running": running(lake),
        "last_run": last_run(lake.read(RUNS)),
        "selection": AS_SET if settings.source.query is None else AS_LAST_SEARCHED,
        "versions": counts_by_group(version_states(lake, settings, wanted)),
        "pairs": counts_by_group(lake.read(PAIRS).select(F.lit("pairs").alias("state"), "license_group")).get("pairs", {}),
        "evaluation_sets": evaluation_sets(lake, settings, inputs.get(find_eval_overlap.STAGE)),
        "waiting": waiting(lake, settings, wanted),
        "refused": refused(lake.read(REJECTS)),
        "tombstones": _counts(lake.read(TOMBSTONES), "reason"),
        "orphans": {reference: number for reference, number in count_orphans(lake).items() if number},
    }


def evaluation_sets(lake: Lake, settings: Settings, inputs: str | None) -> dict[str, dict[str, int] | None]:
    """Per evaluation set as it was last compared: images of the archive that stand in it, its files of which no image could be
    read, which stand in for nothing; None for a set that never was compared.

    inputs: what the newest run of `find_eval_overlap` read.
    """
    images, unread = _counts(lake.read(EVAL_OVERLAP), "eval_set"), num_unread(lake)
    compared = find_eval_overlap.compared_sets(inputs)
    known = {name: {"num_images": images.get(name, 0), "num_unread": unread.get(name, 0)} for name in compared}
    return {name: known.get(name) for name in sorted(compared.keys() | settings.eval.sets)}


def selected_versions(lake: Lake, settings: Settings) -> DataFrame:
    """Listed versions that the settings select; with a search those that are here or were refused: it is not made again."""
    if settings.source.query is None:
        return fetch_articles.followed_versions(lake, settings)
    refused_here = lake.read(REJECTS).where(F.col("stage") == fetch_articles.STAGE).select(F.col("key").alias("id"))
    taken_up = lake.read(DOCUMENTS).select(F.col("accession").alias("id")).unionByName(refused_here)
    return fetch_articles.wanted_versions(lake.read(INVENTORY), taken_up, None)


def refused_versions(inventory: DataFrame, rejects: DataFrame) -> DataFrame:
    """Accessions of versions that were refused for good as they are now; one that changed since is not among them."""
    for_good = rejects.where(F.col("reason") != Reason.FETCH_FAILED)
    known = for_good.select(F.col("key").alias("accession"), "stage", F.col("fingerprint").alias("refused_as"))
    marks = {fetch_articles.STAGE: F.col("etag"), extract_figures.STAGE: extract_figures.fingerprint()}
    is_now = reduce(or_, ((F.col("stage") == stage) & (F.col("refused_as") == now) for stage, now in marks.items()))
    return inventory.join(known, "accession").where(is_now).select("accession").distinct()


def version_states(lake: Lake, settings: Settings, wanted: DataFrame) -> DataFrame:
    """State and licence group of every article version that the source lists or listed."""
    here = fetch_articles.as_selected(lake.read(DOCUMENTS), settings)
    about = here.select("accession", "etag", "license_group", F.col("state").alias("kept"), "filter_reason")
    parsed = lake.read(ARTICLES).select("accession", "etag", F.lit(True).alias("is_parsed"))
    parsed = parsed.join(lake.read(DOCUMENTS).where("is_relicensed"), "accession", "left_anti")
    no = refused_versions(lake.read(INVENTORY), lake.read(REJECTS)).withColumn("no", F.lit(True))
    selected = wanted.select("accession", F.lit(True).alias("is_wanted"))
    joined = (
        lake.read(INVENTORY)
        .select("accession", "etag", F.col("state").alias("listed"))
        .join(about, ["accession", "etag"], "left")
        .join(parsed, ["accession", "etag"], "left")
        .join(no, "accession", "left")
        .join(selected, "accession", "left")
    )
    state = (
        F.when(F.col("listed") != PRESENT, GONE)
        .when(F.col("kept") == FILTERED, F.col("filter_reason"))
        .when(F.col("is_parsed"), PARSED)
        .when(F.col("no"), REFUSED)
        .when(F.col("kept").isNull() & F.col("is_wanted").isNull(), NOT_SELECTED)
        .otherwise(WAITING)
    )
    return joined.select(state.alias("state"), F.coalesce("license_group", F.lit(UNKNOWN)).alias("license_group"))


def waiting(lake: Lake, settings: Settings, wanted: DataFrame) -> dict[str, int]:
    """How many inputs each acquiring stage would take up in its next run."""
    documents = lake.read(DOCUMENTS)
    here = fetch_articles.as_selected(documents, settings)
    to_fetch = fetch_articles.versions_to_fetch(wanted, here, refused_for_good(lake, fetch_articles.STAGE, settings))
    refused_here = lake.read(REJECTS).where(F.col("stage") == extract_figures.STAGE)
    to_extract = extract_figures.documents_to_extract(documents, lake.read(ARTICLES), refused_here)
    named = fetch_images.named_media(lake.read(FIGURES), documents, settings.source.bucket)
    refused_media = refused_for_good(lake, fetch_images.STAGE, settings)
    media = fetch_images.media_to_fetch(
        named, fetch_images.media_as_kept(lake, settings), refused_media, fetch_images.options_hash(settings)
    )
    return {
        fetch_articles.STAGE: to_fetch.count(),
        extract_figures.STAGE: to_extract.count(),
        fetch_images.STAGE: media.count(),
    }


def refused(rejects: DataFrame) -> list[dict[str, Any]]:
    """Rejects by stage and reason: how many, the most attempts, when last, and the newest as an example."""
    newest = F.max_by(F.struct("key", "detail"), F.struct("last_seen", "key"))
    last_seen = F.date_format(F.max("last_seen"), _TIME)
    grouped = rejects.groupBy("stage", "reason").agg(
        F.count("*").alias("num_rows"), F.max("attempts").alias("attempts"), last_seen.alias("last_seen"), newest.alias("example")
    )
    return [row.asDict(recursive=True) for row in grouped.orderBy("stage", F.desc("num_rows"), "reason").collect()]


def running(lake: Lake) -> list[dict[str, Any]]:
    """The run that writes to the archive now; more only where runs do not exclude one another."""
    claims = running_claims(lake.spark, lake.settings.uri, datetime.now(UTC))
    return [{"run_id": c.run_id, "host": c.host, "pid": c.pid, "last_seen": c.seen.isoformat(timespec="seconds")} for c in claims]


def last_run(runs: DataFrame) -> dict[str, Any] | None:
    """The newest run that had something to do, stage by stage; None before the first."""
    newest = runs.agg(F.max_by("run_id", "started").alias("run_id"))
    columns = ("stage", "seconds", "num_in", "num_ok", "num_rejected", "num_filtered")
    mine = runs.join(newest, "run_id", "left_semi").orderBy("started")
    rows = mine.select("run_id", F.date_format("started", _TIME).alias("started"), *columns).collect()
    if not rows:
        return None
    stages = [{name: row[name] for name in columns} for row in rows]
    return {"run_id": rows[0]["run_id"], "started": rows[0]["started"], "stages": stages}


def counts_by_group(states: DataFrame) -> dict[str, dict[str, int]]:
    """Rows by state and licence group, and `total` over the groups."""
    counts: dict[str, dict[str, int]] = {}
    for row in states.groupBy("state", "license_group").count().collect():
        counts.setdefault(row["state"], dict.fromkeys(GROUPS, 0))[row["license_group"]] = row["count"]
    return {state: {**groups, "total": sum(groups.values())} for state, groups in sorted(counts.items())}


def _counts(rows: DataFrame, column: str) -> dict[str, int]:
    return {row[column]: row["count"] for row in rows.groupBy(column).count().orderBy(column).collect()}
