"""Which documents are extracted and what comes out of the nested results."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from jobs.arrow_frames import sql_columns
from jobs.extract_figures import current_articles, documents_to_extract, files_of, fingerprint, refusals, rows_of, run
from jobs.stage import Counts, RunContext
from jobs.tables import Changed, Lake
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS, FILTERED, STORED
from schemas.figures import FIGURES
from schemas.mentions import MENTIONS
from schemas.rejects import REJECTS
from schemas.table import Table
from tests.jobs.rows import collected, frame, row
from tests.udfs.jats_articles import article, fig
from udfs.batches.extraction import RESULT
from udfs.jats import EXTRACTOR_VERSION

pytestmark = pytest.mark.spark


def documents(spark: SparkSession, **states: str) -> DataFrame:
    return frame(spark, DOCUMENTS, *({"accession": name, "etag": "2", "state": state} for name, state in states.items()))


def articles(spark: SparkSession, **marks: tuple[str, str]) -> DataFrame:
    """Articles with (etag, extractor version)."""
    rows = [{"accession": name, "etag": etag, "extractor_version": version} for name, (etag, version) in marks.items()]
    return frame(spark, ARTICLES, *rows)


def test_documents_are_extracted_again_for_other_files_or_another_extractor(spark: SparkSession) -> None:
    states = dict.fromkeys(("done", "changed", "old_extractor", "refused", "refused_before", "new"), STORED)
    parsed = articles(spark, done=("2", EXTRACTOR_VERSION), changed=("1", EXTRACTOR_VERSION), old_extractor=("2", "0.1"))
    marks = [("refused", "2"), ("refused_before", "1"), ("new/fig1", "2")]
    refused = spark.createDataFrame(marks, "key string, etag string").select("key", fingerprint().alias("fingerprint"))
    work = documents_to_extract(documents(spark, **states, left_out=FILTERED), parsed, refused)
    assert work.columns == ["accession", "etag"]
    assert collected(work, "accession") == [("changed",), ("new",), ("old_extractor",), ("refused_before",)]


@pytest.mark.parametrize(("num_files", "num_wanted", "is_moved"), [(1, 23, True), (9, 23, False), (9, 3, True)])
def test_a_waves_documents_are_moved_unless_most_of_many_files_are_wanted(
    spark: SparkSession, lake: Lake, num_files: int, num_wanted: int, is_moved: bool
) -> None:
    names = [f"PMC{number}.1" for number in range(1, 28)]
    marks = [*((name, "2") for name in names), ("PMC28.1", "1")]
    held = frame(spark, DOCUMENTS, *({"accession": n, "etag": e, "state": STORED, "xml": b"<article/>"} for n, e in marks))
    wanted = names[-num_wanted:]
    told = {
        "spark.sql.files.openCostInBytes": str(2**30),  # a task a file
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.maxPlanStringLength": "100000",
    }
    before = {key: str(spark.conf.get(key)) for key in told}
    set_all(spark, told)
    try:
        lake.append(DOCUMENTS, held.repartition(num_files))
        wave = spark.createDataFrame([(name, "2") for name in (*wanted, "PMC28.1")], "accession string, etag string")
        files = files_of(lake, wave)
        assert collected(files, "accession") == sorted((name,) for name in wanted)
        plan = plan_of(files)
        assert "BroadcastExchange" in plan
        assert plan.count("Exchange hashpartitioning") == int(is_moved)
    finally:
        set_all(spark, before)


def set_all(spark: SparkSession, options: dict[str, str]) -> None:
    for key, value in options.items():
        spark.conf.set(key, value)


def plan_of(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())  # type: ignore[operator]


def test_articles_are_current_only_when_made_from_stored_files_by_this_extractor(spark: SparkSession) -> None:
    now = documents(spark, done=STORED, changed=STORED, old_extractor=STORED, left_out=FILTERED)
    marks = {"done": "2", "changed": "1", "left_out": "2", "gone": "2"}
    parsed = articles(spark, **{name: (etag, EXTRACTOR_VERSION) for name, etag in marks.items()}, old_extractor=("2", "0.1"))
    assert collected(current_articles(now, parsed)) == [("done",)]


@pytest.fixture
def extracted(spark: SparkSession) -> DataFrame:
    """PMC1.1 with two figures, a mention and a damaged table; PMC2.1 refused."""
    figures = [row(FIGURES, accession="PMC1.1", figure_id=name, kind="figure", rights="article") for name in ("f1", "f2")]
    accepted = {
        "accession": "PMC1.1",
        "etag": "2",
        "article": row(ARTICLES, accession="PMC1.1", num_figures=2),
        "figures": figures,
        "mentions": [row(MENTIONS, accession="PMC1.1", figure_id="f1", panels=["A"])],
        "damage": [{"key": "t1", "reason": "damaged", "detail": "no graphic"}],
    }
    refused = {"accession": "PMC2.1", "etag": "2", "reason": "not_xml", "detail": "no element"}
    table = pa.Table.from_batches([pa.RecordBatch.from_pylist([accepted, refused], schema=RESULT)])
    return spark.createDataFrame(table, sql_columns(RESULT))


def test_nested_results_become_rows_of_their_tables(extracted: DataFrame) -> None:
    assert collected(rows_of(FIGURES, extracted), "accession", "figure_id") == [("PMC1.1", "f1"), ("PMC1.1", "f2")]
    assert collected(rows_of(MENTIONS, extracted), "figure_id", "panels") == [("f1", ["A"])]
    assert collected(rows_of(ARTICLES, extracted), "accession", "num_figures") == [("PMC1.1", 2)]
    for table in (ARTICLES, FIGURES, MENTIONS):
        assert rows_of(table, extracted).columns == table.column_names


def test_refused_articles_and_damaged_parts_become_rejects(extracted: DataFrame) -> None:
    mark = f"2 extractor {EXTRACTOR_VERSION}"
    assert collected(refusals(extracted)) == [
        ("PMC1.1/t1", "damaged", "no graphic", mark),
        ("PMC2.1", "not_xml", "no element", mark),
    ]


def test_changed_articles_are_replaced_and_removed_ones_dropped(spark: SparkSession, lake: Lake) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])

    def stored(accession: str, etag: str, num_figures: int) -> dict[str, Any]:
        xml = article("".join(fig(f"F{number}") for number in range(num_figures)))
        return {"accession": accession, "etag": etag, "state": STORED, "metadata": "{}", "xml": xml}

    def extracted_from(*rows: dict[str, Any]) -> tuple[int, dict[str, int]]:
        lake.sync(DOCUMENTS, frame(spark, DOCUMENTS, *rows))
        counts = run(spark, settings, RunContext.new())
        assert counts.reconciled
        return counts.num_ok, {
            one["accession"]: one["count"] for one in lake.read(FIGURES).groupBy("accession").count().collect()
        }

    kept, changed, removed = stored("PMC1.1", "1", 1), stored("PMC2.1", "1", 3), stored("PMC3.1", "1", 2)
    assert extracted_from(kept, changed, removed) == (3, {"PMC1.1": 1, "PMC2.1": 3, "PMC3.1": 2})
    added = stored("PMC4.1", "1", 1)
    assert extracted_from(kept, stored("PMC2.1", "2", 2), added) == (2, {"PMC1.1": 1, "PMC2.1": 2, "PMC4.1": 1})
    assert lake.read(ARTICLES).count() == 3
    assert extracted_from(kept, added) == (0, {"PMC1.1": 1, "PMC4.1": 1})  # nothing to extract, something to drop
    assert collected(lake.read(ARTICLES), "accession") == [("PMC1.1",), ("PMC4.1",)]


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_change_that_is_taken_back_after_a_kill_leaves_what_was_there(
    spark: SparkSession, lake: Lake, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])

    def document(etag: str, num_figures: int) -> dict[str, Any]:
        xml = article("".join(fig(f"F{number}") for number in range(num_figures)))
        return {"accession": "PMC1.1", "etag": etag, "state": STORED, "metadata": "{}", "xml": xml}

    def run_with(*rows: dict[str, Any]) -> None:
        lake.sync(DOCUMENTS, frame(spark, DOCUMENTS, *rows))
        run(spark, settings, RunContext.new())

    run_with(document("1", 2))
    before = collected(lake.read(FIGURES), "figure_id")
    with monkeypatch.context() as patched:
        patched.setattr(Lake, "apply", killed_after(Lake.apply, FIGURES))
        with pytest.raises(KeyboardInterrupt):
            run_with(*([] if is_gone else [document("2", 3)]))
    assert collected(lake.read(FIGURES), "figure_id") != before
    run_with(document("1", 2))
    assert collected(lake.read(FIGURES), "figure_id") == before
    assert collected(lake.read(ARTICLES), "etag") == [("1",)]


def killed_after(apply: Callable[..., Changed], last: Table) -> Callable[..., Changed]:
    """`Lake.apply` that ends the run as soon as it has written this table."""

    def apply_and_end(lake: Lake, table: Table, changes: DataFrame) -> Changed:
        apply(lake, table, changes)
        if table is last:
            raise KeyboardInterrupt
        return Changed(0, 0)

    return apply_and_end


def test_rejects_go_with_their_documents_though_nothing_is_left_to_extract(spark: SparkSession, lake: Lake) -> None:
    settings = load_settings("local", [f"lake.uri={lake.settings.uri}"])
    broken = {"accession": "PMC1.1", "etag": "1", "state": STORED, "metadata": "{}", "xml": b"no XML"}
    lake.append(DOCUMENTS, frame(spark, DOCUMENTS, broken))
    assert run(spark, settings, RunContext.new()) == Counts(1, 0, 1)
    assert collected(lake.read(REJECTS), "key") == [("PMC1.1",)]
    lake.delete(DOCUMENTS, lake.read(DOCUMENTS))
    assert run(spark, settings, RunContext.new()) == Counts(0, 0, 0)
    assert lake.read(REJECTS).isEmpty()
