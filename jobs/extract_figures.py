"""Parse fetched documents into articles, figures and mentions.

Reads: documents. Writes: articles (key accession), figures (accession, figure_id), mentions (accession, figure_id,
mention_no), rejects. The row in `articles` goes first and comes last: a version without one, or with another change mark, is
parsed again. So what a killed run left is mended even if the source has taken its change back meanwhile.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import Settings
from jobs.arrow_frames import map_batches, sql_columns
from jobs.entry import main
from jobs.options import running_tasks
from jobs.stage import Counts, RunContext, sync_rejects
from jobs.tables import Lake
from jobs.waves import is_spread, spread, waves
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS, STORED
from schemas.figures import FIGURES
from schemas.mentions import MENTIONS
from schemas.rejects import REJECTS
from schemas.table import Table
from udfs.batches.extraction import RESULT, Extract
from udfs.jats import EXTRACTOR_VERSION, Limits

STAGE = "extract_figures"
READS: tuple[Table, ...] = (DOCUMENTS,)
WRITES: tuple[Table, ...] = (ARTICLES, FIGURES, MENTIONS)
SECTIONS = ("fetch",)
ARTICLES_PER_TASK = 512
# Each wave reads the whole table `documents`, so it takes in ten of fetching; its keys, some 200 bytes each, go to all executors.
FETCHED_WAVES = 10
MAX_WAVE_KEYS = 500_000
EXTRACTED = (FIGURES, MENTIONS, ARTICLES)


def mark(settings: Settings) -> str:
    """The extractor that runs: another one parses every document again."""
    return f"extractor {EXTRACTOR_VERSION}"


def fingerprint(etag: str = "etag") -> Column:
    """What decides an extraction: the files and the extractor."""
    return F.concat(F.col(etag), F.lit(f" extractor {EXTRACTOR_VERSION}"))


def documents_to_extract(documents: DataFrame, articles: DataFrame, refused: DataFrame) -> DataFrame:
    """Stored documents that this extractor has neither parsed nor refused as they are now."""
    stored = documents.where(F.col("state") == STORED).withColumn("fingerprint", fingerprint())
    done = articles.select("accession", F.concat("etag", F.lit(" extractor "), "extractor_version").alias("fingerprint"))
    known = refused.select(F.col("key").alias("accession"), "fingerprint")
    missing = stored.join(done.unionByName(known), ["accession", "fingerprint"], "left_anti")
    return missing.select("accession", "etag")


def current_articles(documents: DataFrame, articles: DataFrame) -> DataFrame:
    """Accessions of articles that this extractor parsed from the documents as they are: the others were removed or refused."""
    stored = documents.where(F.col("state") == STORED)
    current = articles.where(F.col("extractor_version") == EXTRACTOR_VERSION)
    return current.join(stored, ["accession", "etag"], "left_semi").select("accession")


def rows_of(table: Table, extracted: DataFrame) -> DataFrame:
    """The rows of one table out of the extraction's nested results."""
    accepted = extracted.where(F.col("reason").isNull())
    rows = accepted.select(F.col("article") if table is ARTICLES else F.explode(table.name)).toDF("row")
    return rows.select(*(F.col(f"row.`{name}`").alias(name) for name in table.column_names))


def refusals(extracted: DataFrame) -> DataFrame:
    """Refused articles, and damaged parts of accepted ones (key accession/part), as rejects."""
    whole = extracted.where(F.col("reason").isNotNull()).select(
        F.col("accession").alias("key"), "reason", "detail", fingerprint().alias("fingerprint")
    )
    parts = extracted.select("accession", fingerprint().alias("fingerprint"), F.explode("damage").alias("part"))
    key = F.concat_ws("/", "accession", "part.key").alias("key")
    return whole.unionByName(parts.select(key, "part.reason", "part.detail", "fingerprint"))


def run(spark: SparkSession, settings: Settings, context: RunContext) -> Counts:
    """Extract what is new or changed in waves, and drop what is not from a document as it is now."""
    lake = Lake(spark, settings.lake)
    documents = lake.read(DOCUMENTS)
    refused = lake.read(REJECTS).where(F.col("stage") == STAGE)
    work = lake.stage(documents_to_extract(documents, lake.read(ARTICLES), refused), f"{STAGE}_work")
    stale = lake.stage(stale_articles(lake, work), f"{STAGE}_stale")
    num_in = work.count()
    num_rejected = 0
    num_ok = 0
    for wave in waves(work, ("accession",), num_in, min(FETCHED_WAVES * settings.fetch.wave_size, MAX_WAVE_KEYS)):
        ok, rejected = extract_wave(lake, settings, context, wave, stale)
        num_ok, num_rejected = num_ok + ok, num_rejected + rejected
    if num_in == 0:
        drop(lake, stale)
        write_refusals(lake, context, spark.createDataFrame([], sql_columns(RESULT)))
    for name in (f"{STAGE}_work", f"{STAGE}_stale"):
        lake.unstage(name)
    return Counts(num_in, num_ok, num_rejected)


def stale_articles(lake: Lake, work: DataFrame) -> DataFrame:
    """Accessions with rows that are not from a document as it is now, and that the work will not replace."""
    held = reduce(DataFrame.union, (lake.read(table).select("accession") for table in EXTRACTED))
    current = current_articles(lake.read(DOCUMENTS), lake.read(ARTICLES))
    return held.join(current.unionByName(work.select("accession")), "accession", "left_anti").distinct()


def drop(lake: Lake, stale: DataFrame) -> None:
    """Delete the rows of these articles; mostly there are none, which one query tells."""
    if not stale.isEmpty():
        for table in reversed(EXTRACTED):
            lake.delete(table, lake.read(table).join(stale, "accession", "left_semi"))


def extract_wave(lake: Lake, settings: Settings, context: RunContext, wave: DataFrame, stale: DataFrame) -> tuple[int, int]:
    """Extract one wave of documents and commit it without stale articles, `articles` last; how many were parsed and refused."""
    kernel = Extract(Limits(max_bytes=settings.fetch.max_xml_bytes))
    extracted = lake.stage(map_batches(files_of(lake, wave), kernel, RESULT), STAGE)
    num_rows, num_rejected = count_rows(extracted)
    replaced = wave.select("accession").union(stale)
    current = {table.name: lake.read(table).join(replaced, "accession", "left_semi") for table in EXTRACTED}
    is_new = reduce(DataFrame.union, (rows.select("accession") for rows in current.values())).isEmpty()
    if not is_new:
        lake.delete(ARTICLES, current[ARTICLES.name])
    write_refusals(lake, context, extracted)
    for table in EXTRACTED:
        rows = rows_of(table, extracted)
        if not is_new:
            lake.sync(table, rows, current[table.name])
        elif num_rows[table.name]:
            lake.append(table, rows)
    lake.unstage(STAGE)
    return num_rows[ARTICLES.name], num_rejected


def files_of(lake: Lake, wave: DataFrame) -> DataFrame:
    """Accession, etag, metadata and XML of a wave's documents, in tasks of an even size; the wave's keys go to every executor.

    The documents stay in the tasks that read them where those are many and most of what they read is the wave's.
    """
    held, tasks = lake.read(DOCUMENTS).select("accession", "etag", "metadata", "xml"), running_tasks(lake.spark)
    files, num_rows = held.join(F.broadcast(wave), ["accession", "etag"], "left_semi"), wave.count()
    if is_spread(held, tasks) and 2 * num_rows >= lake.read(DOCUMENTS).count():
        return files
    return spread(files, "accession", num_rows, ARTICLES_PER_TASK, tasks)


def count_rows(extracted: DataFrame) -> tuple[dict[str, int], int]:
    """How many rows of each table, by name, an extraction gives, and how many articles it refused: from its counts alone."""
    article, names = F.col("article"), {FIGURES.name: "num_figures", MENTIONS.name: "num_mentions"}
    sums = [F.coalesce(F.sum(article[number]), F.lit(0)).alias(name) for name, number in names.items()]
    parsed = F.count(article["accession"]).alias(ARTICLES.name)
    counts = extracted.agg(F.count("reason").alias("refused"), parsed, *sums).collect()[0]
    return {table.name: counts[table.name] for table in EXTRACTED}, counts["refused"]


def write_refusals(lake: Lake, context: RunContext, extracted: DataFrame) -> None:
    """Bring this stage's rejects up to date: an article's own and those of its parts, none of a document that is gone."""
    stored = lake.read(DOCUMENTS).where(F.col("state") == STORED).select("accession")
    mine = lake.read(REJECTS).where(F.col("stage") == STAGE).select("key")
    article = F.substring_index("key", "/", 1)
    tried = mine.withColumn("accession", article).join(extracted.select("accession"), "accession", "left_semi").select("key")
    known = mine.withColumn("accession", article).join(stored, "accession", "left_semi").select("key")
    sync_rejects(lake, context, STAGE, tried, refusals(extracted), known)


if __name__ == "__main__":
    main(STAGE)
