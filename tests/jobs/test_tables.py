"""The archive's tables on real Delta."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from conf.settings import LakeSettings, UnusableSettings
from jobs import tables
from jobs.hadoop_files import HadoopFolder
from jobs.table_ddl import create_statement
from jobs.tables import (
    CHANGE,
    DELETE,
    INSERT,
    UPSERT,
    Changed,
    HistoryGone,
    Lake,
    check_columns,
    differences,
    spark_schema,
)
from schemas.catalog import TABLES
from schemas.images import IMAGES
from schemas.inventory import INVENTORY
from schemas.mentions import MENTIONS
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS
from schemas.runs import RUNS
from schemas.table import Column, Table
from tests.jobs.rows import collected, frame

pytestmark = pytest.mark.spark


def version_row(number: int, etag: str = "a", **values: Any) -> dict[str, Any]:
    return {"accession": f"PMC{number}.1", "pmcid": f"PMC{number}", "version": 1, "etag": etag, "state": "present"} | values


def inventory(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return frame(spark, INVENTORY, *rows)


def marked(spark: SparkSession, *rows: tuple[str, dict[str, Any]]) -> DataFrame:
    """Rows of the inventory with their marks for Lake.apply."""
    frames = [inventory(spark, row).withColumn(CHANGE, F.lit(mark)) for mark, row in rows]
    first, *others = frames
    for other in others:
        first = first.unionByName(other)
    return first


def test_every_table_is_there_with_comments_not_null_and_change_data_feed(spark: SparkSession, empty_lake: Path) -> None:
    for table in TABLES:
        delta = DeltaTable(str(empty_lake / table.name))
        fields = {field.name: field for field in delta.schema().fields}
        assert list(fields) == table.column_names
        for column in table.columns:
            assert fields[column.name].nullable is not column.required
            assert fields[column.name].metadata["comment"] == column.comment
        metadata = delta.metadata()
        assert metadata.description == table.comment
        assert metadata.configuration["delta.enableChangeDataFeed"] == "true"
        for name, condition in table.checks.items():
            assert metadata.configuration[f"delta.constraints.{name}"] == condition


def test_created_tables_have_the_schema_that_spark_is_told(spark: SparkSession, empty_lake: Path) -> None:
    lake = Lake(spark, LakeSettings(uri=str(empty_lake)))
    for table in TABLES:
        assert [(f.name, f.dataType) for f in lake.read(table).schema] == [(f.name, f.dataType) for f in spark_schema(table)]


@pytest.mark.parametrize(("name", "columns"), [("images", "image_sha256"), ("mentions", "accession,figure_id,mention_no")])
def test_statistics_are_kept_of_the_key_alone(empty_lake: Path, name: str, columns: str) -> None:
    assert DeltaTable(str(empty_lake / name)).metadata().configuration["delta.dataSkippingStatsColumns"] == columns


def test_statistics_are_kept_of_what_a_table_is_clustered_by(empty_lake: Path) -> None:
    columns = DeltaTable(str(empty_lake / "pairs")).metadata().configuration["delta.dataSkippingStatsColumns"]
    assert {"license_group", "split"} <= set(columns.split(","))


def test_creating_again_changes_nothing(lake: Lake) -> None:
    lake.create()
    assert lake.versions(TABLES) == {table.name: 0 for table in TABLES}
    assert lake.exists()


def test_a_folder_without_tables_is_no_archive(spark: SparkSession, tmp_path: Path) -> None:
    assert not Lake(spark, LakeSettings(uri=str(tmp_path))).exists()


@pytest.mark.parametrize(
    "row",
    [
        version_row(1, state="lost"),
        version_row(1, accession="PMC2.1"),
    ],
    ids=["known_state", "accession_form"],
)
def test_a_row_that_breaks_a_check_is_refused_and_nothing_is_written(lake: Lake, row: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"):
        lake.sync(INVENTORY, inventory(lake.spark, row))
    assert lake.read(INVENTORY).isEmpty()


def test_a_required_value_that_is_missing_is_refused(lake: Lake) -> None:
    rows = inventory(lake.spark, version_row(1)).withColumn("etag", F.lit(None).cast("string"))
    with pytest.raises(Exception, match="NOT_NULL"):
        lake.sync(INVENTORY, rows)


def test_a_table_of_another_version_is_refused_with_the_way_out(lake: Lake) -> None:
    lake.spark.sql(f"ALTER TABLE {lake.identifier(REJECTS)} ADD COLUMN (extra STRING)")
    lake.create()
    other = Table("rejects", REJECTS.comment, (*REJECTS.columns, Column("new", pa.string(), "Added later")), REJECTS.key, {})
    with pytest.raises(UnusableSettings, match=r"lake\.uri: table rejects at .* another version \(columns \['new'\] differ\)"):
        lake._create(other)


def test_sync_writes_only_rows_that_differ(lake: Lake) -> None:
    spark = lake.spark
    rows = [version_row(number) for number in range(1, 5)]
    assert lake.sync(INVENTORY, inventory(spark, *rows)) == Changed(4, 0)
    before = lake.version(INVENTORY)
    changed = [*rows[1:3], version_row(4, etag="b"), version_row(5)]
    assert lake.sync(INVENTORY, inventory(spark, *changed)) == Changed(2, 1)
    assert collected(lake.read(INVENTORY), "accession", "etag") == [
        ("PMC2.1", "a"),
        ("PMC3.1", "a"),
        ("PMC4.1", "b"),
        ("PMC5.1", "a"),
    ]
    feed = spark.sql(f"SELECT * FROM table_changes_by_path('{lake.path('inventory')}', {before + 1})")
    assert collected(feed, "_change_type", "accession", "etag") == [
        ("delete", "PMC1.1", "a"),
        ("insert", "PMC5.1", "a"),
        ("update_postimage", "PMC4.1", "b"),
        ("update_preimage", "PMC4.1", "a"),
    ]


def test_changes_since_a_commit_that_never_was_are_refused(lake: Lake) -> None:
    now = lake.commit(INVENTORY)
    assert lake.changes(INVENTORY, now).isEmpty()
    with pytest.raises(HistoryGone, match=f"table inventory is at version {now.version} and has not the {now.version + 1} of"):
        lake.changes(INVENTORY, now._replace(version=now.version + 1))


def test_a_table_made_anew_up_to_the_same_version_is_another(lake: Lake) -> None:
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1)))
    before = lake.commit(INVENTORY)
    shutil.rmtree(lake.path("inventory"))
    lake.create()
    lake.sync(INVENTORY, inventory(lake.spark, version_row(2)))
    assert lake.version(INVENTORY) == before.version
    assert lake.commits([INVENTORY]) != {"inventory": list(before)}
    for changes in (0, 1):
        with pytest.raises(HistoryGone):
            lake.changes(INVENTORY, before)
        lake.sync(INVENTORY, inventory(lake.spark, version_row(2), version_row(3 + changes)))


def test_sync_of_equal_rows_makes_no_commit(lake: Lake) -> None:
    run = {"num_in": 3, "num_ok": 1, "num_rejected": 0, "num_filtered": 2, "filtered": {"kind": 1, "license_group": 1}}
    turned = run | {"filtered": {"license_group": 1, "kind": 1}}
    lake.sync(RUNS, frame(lake.spark, RUNS, run))
    before = lake.version(RUNS)
    assert lake.sync(RUNS, frame(lake.spark, RUNS, turned)) == Changed(0, 0)
    assert lake.version(RUNS) == before


def test_sync_of_a_part_leaves_the_rest_alone(lake: Lake) -> None:
    spark = lake.spark
    lake.sync(INVENTORY, inventory(spark, version_row(1), version_row(2)))
    lake.sync(INVENTORY, inventory(spark, version_row(3)), lake.read(INVENTORY).where("pmcid = 'PMC2'"))
    assert collected(lake.read(INVENTORY), "pmcid") == [("PMC1",), ("PMC3",)]


def test_differences_tell_null_from_a_value_and_compare_nested_values(spark: SparkSession) -> None:
    def mention(panels: list[str | None], section: str | None) -> DataFrame:
        return frame(spark, MENTIONS, {"panels": panels, "section_path": section})

    assert differences(MENTIONS, mention(["A", None], None), mention(["A", None], None)).isEmpty()
    for other in (mention(["A"], None), mention(["A", None], "Results"), mention([None, "A"], None)):
        found = differences(MENTIONS, other, mention(["A", None], None))
        assert [row[CHANGE] for row in found.collect()] == [UPSERT]


def test_apply_inserts_updates_and_deletes_in_one_commit(lake: Lake) -> None:
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1), version_row(2)))
    before = lake.version(INVENTORY)
    changes = marked(lake.spark, (INSERT, version_row(3)), (UPSERT, version_row(2, "b")), (DELETE, version_row(1)))
    assert lake.apply(INVENTORY, changes) == Changed(2, 1)
    assert lake.version(INVENTORY) == before + 1
    assert collected(lake.read(INVENTORY), "accession", "etag") == [("PMC2.1", "b"), ("PMC3.1", "a")]


def test_only_new_rows_are_a_plain_append(lake: Lake) -> None:
    lake.apply(INVENTORY, marked(lake.spark, (INSERT, version_row(1))))
    last = lake.spark.sql(f"DESCRIBE HISTORY {lake.identifier(INVENTORY)} LIMIT 1").collect()[0]
    assert last["operation"] == "WRITE"
    assert last["operationParameters"]["mode"] == "Append"


def test_deleting_and_upserting_what_is_not_there(lake: Lake) -> None:
    lake.apply(INVENTORY, marked(lake.spark, (DELETE, version_row(1)), (UPSERT, version_row(2))))
    assert collected(lake.read(INVENTORY), "pmcid") == [("PMC2",)]


def test_delete_takes_keys_alone(lake: Lake) -> None:
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1), version_row(2)))
    keys = lake.read(INVENTORY).where("pmcid = 'PMC1'")
    assert lake.delete(INVENTORY, keys) == Changed(0, 1)
    assert collected(lake.read(INVENTORY), "pmcid") == [("PMC2",)]


def test_insert_new_keeps_the_rows_that_are_there(lake: Lake) -> None:
    lake.insert_new(IMAGES, frame(lake.spark, IMAGES, {"image_sha256": "a", "image": b"old"}))
    both = [{"image_sha256": "a", "image": b"new"}, {"image_sha256": "b", "image": b"new"}]
    lake.insert_new(IMAGES, frame(lake.spark, IMAGES, *both))
    assert collected(lake.read(IMAGES), "image_sha256", "image") == [("a", b"old"), ("b", b"new")]


def test_an_older_version_stays_readable(lake: Lake) -> None:
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1)))
    before = lake.version(INVENTORY)
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1, "b")))
    assert collected(lake.read(INVENTORY, before), "etag") == [("a",)]
    assert collected(lake.read(INVENTORY), "etag") == [("b",)]


def test_commits_inside_a_note_carry_it_and_later_ones_do_not(lake: Lake) -> None:
    note = json.dumps({"settings": {"source": {"uri": "it's here"}}})
    with lake.commit_note(note):
        lake.sync(INVENTORY, inventory(lake.spark, version_row(1)))
        lake.sync(INVENTORY, inventory(lake.spark, version_row(1, "b"), version_row(2)))
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1)))
    history = lake.spark.sql(f"DESCRIBE HISTORY {lake.identifier(INVENTORY)}")
    assert [row["userMetadata"] for row in history.orderBy("version").collect()] == [None, note, note, None]


def test_staged_rows_are_computed_once(lake: Lake) -> None:
    calls = lake.spark.sparkContext.accumulator(0)

    def counted(batches):  # type: ignore[no-untyped-def]
        for batch in batches:
            calls.add(batch.num_rows)
            yield batch

    staged = lake.stage(lake.spark.range(5).mapInArrow(counted, "id long"), "numbers")
    assert (staged.count(), staged.agg(F.sum("id")).collect()[0][0]) == (5, 10)
    assert calls.value == 5
    for other in ("numbers/inner", "numbers_work"):
        lake.stage(lake.spark.range(1), other)
    lake.unstage("numbers")
    assert [path.name for path in Path(lake.path("_staging")).iterdir()] == ["numbers_work"]


def test_a_scratch_place_is_emptied_where_files_are_out_of_reach(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spark: SparkSession, uri: str) -> HadoopFolder:
        return HadoopFolder(spark, "no-such-scheme://place")

    lake.stage(lake.spark.range(5), "numbers")
    monkeypatch.setattr(tables, "HadoopFolder", refuse)
    lake.unstage("numbers")
    assert lake.spark.read.schema("id long").parquet(lake.path("_staging/numbers")).isEmpty()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop("etag"), "etag: missing instead of string"),
        (lambda rows: rows.withColumn("extra", F.lit(1)), "extra: int instead of nothing"),
        (lambda rows: rows.withColumn("version", F.col("version").cast("long")), "version: bigint instead of int"),
    ],
    ids=["missing", "additional", "other type"],
)
def test_a_frame_that_is_not_the_tables_is_refused(spark: SparkSession, change: Any, message: str) -> None:
    rows = inventory(spark, version_row(1))
    check_columns(INVENTORY, rows)
    with pytest.raises(ValueError, match=f"rows do not fit table inventory: {message}"):
        differences(INVENTORY, change(rows), rows)


def test_timestamps_are_read_as_utc(lake: Lake) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1, last_modified=noon)))
    shown = lake.read(INVENTORY).select(F.col("last_modified").cast("string")).collect()[0][0]
    assert shown == "2026-07-01 12:00:00"
    assert DeltaTable(lake.path("inventory")).to_pyarrow_table()["last_modified"].to_pylist() == [noon]


def test_views_have_the_names_of_the_tables_and_show_what_is_written_later(lake: Lake) -> None:
    lake.register_views()
    lake.sync(INVENTORY, inventory(lake.spark, version_row(1)))
    assert (
        lake.spark.sql("SELECT i.pmcid FROM inventory i LEFT JOIN pairs p ON p.accession = i.accession").collect()[0][0] == "PMC1"
    )


def test_the_statement_quotes_what_it_is_given() -> None:
    column = Column("name", pa.string(), "It's a name", required=True)
    table = Table("things", "A thing's row", (column,), ("name",), {"no_quote": "name <> '\\''"}, ("name",))
    statement = create_statement(table, "main.things", "s3://bucket/it's")
    assert "COMMENT 'A thing\\'s row'" in statement
    assert "CLUSTER BY (name)" in statement
    assert "LOCATION 's3://bucket/it\\'s'" in statement
    assert "'delta.constraints.no_quote' = 'name <> \\'\\\\\\'\\''" in statement
    assert statement.startswith("CREATE TABLE IF NOT EXISTS main.things (")


def test_tables_are_named_in_the_catalog_when_there_is_one(spark: SparkSession) -> None:
    assert Lake(spark, LakeSettings(uri="/lake", catalog="main.biomedica")).identifier(PAIRS) == "main.biomedica.pairs"
    assert Lake(spark, LakeSettings(uri="/lake")).identifier(PAIRS) == "delta.`/lake/pairs`"
