"""The tables as a whole: what users rely on by name, and rules that every one keeps."""

import pyarrow as pa
import pytest

from schemas.catalog import BY_NAME, TABLES
from schemas.table import TIMESTAMP, Table, sql_type

EVERY_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)

CONTRACT = {
    "inventory": ("accession", "pmcid version etag last_modified state first_seen last_seen"),
    "articles": (
        "accession",
        "pmcid version pmid doi title journal article_type year license_code license_group is_open_access is_retracted citation"
        " abstract sections num_figures",
    ),
    "figures": (
        "accession figure_id",
        "xml_id kind label caption_title caption group_caption alt_text attribution rights section_path position graphic_ref",
    ),
    "mentions": ("accession figure_id mention_no", "section_path paragraph start end panels"),
    "media": ("accession media_name", "uri num_bytes md5_expected md5_actual image_sha256"),
    "images": ("image_sha256", "format mode width_px height_px num_bytes phash image hash_version"),
    "duplicates": ("image_sha256", "cluster_id canonical_sha256 kind hamming_distance"),
    "pairs": (
        "pair_id",
        "accession figure_id image_sha256 caption label mentions license_code license_group cluster_id is_canonical split",
    ),
    "shards": ("export shard", "num_samples num_bytes sha256 recipe_hash table_versions"),
    "rejects": ("stage key", "reason detail attempts first_seen last_seen run_id"),
    "runs": ("run_id stage", "started seconds num_in num_ok num_rejected num_filtered settings"),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_promised_tables_keep_their_keys_and_columns(name: str) -> None:
    key, columns = (names.split() for names in CONTRACT[name])
    table = BY_NAME[name]
    assert list(table.key) == key
    assert set(key + columns) <= set(table.column_names)


@EVERY_TABLE
def test_every_column_has_a_comment_and_a_name_of_its_own(table: Table) -> None:
    assert all(len(column.comment) >= 8 for column in table.columns), [c.name for c in table.columns if len(c.comment) < 8]
    assert len({column.name.lower() for column in table.columns}) == len(table.columns)


@EVERY_TABLE
def test_every_type_has_a_sql_name(table: Table) -> None:
    assert all(sql_type(column.type) for column in table.columns)


@EVERY_TABLE
def test_every_column_with_a_unit_says_it(table: Table) -> None:
    units = {"_px": "pixels", "_bytes": "bytes", "seconds": "seconds", "_bits": "bits"}
    for column in table.columns:
        for suffix, unit in units.items():
            if column.name.endswith(suffix) and not pa.types.is_boolean(column.type):
                assert unit in column.comment, column.name


@EVERY_TABLE
def test_checks_name_columns_of_their_table(table: Table) -> None:
    for condition in table.checks.values():
        assert any(name in condition for name in table.column_names), condition


@EVERY_TABLE
def test_times_are_utc(table: Table) -> None:
    assert all(column.type == TIMESTAMP for column in table.columns if pa.types.is_timestamp(column.type))


def test_names_are_unique_and_the_catalog_is_complete() -> None:
    assert len(BY_NAME) == len(TABLES)
    assert BY_NAME.keys() == CONTRACT.keys() | {"documents", "eval_overlap", "hash_pairs", "originals", "tombstones"}
