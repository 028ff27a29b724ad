"""Rows without their parent are found and named."""

import pytest

from jobs.orphans import BURIED_ALIVE, REFERENCES, count_orphans
from jobs.tables import CHANGE, INSERT, Lake
from schemas.documents import DOCUMENTS
from schemas.inventory import INVENTORY, PRESENT, REMOVED
from schemas.mentions import MENTIONS
from schemas.pairs import PAIRS
from schemas.table import Table
from schemas.tombstones import TOMBSTONES
from tests.jobs.rows import frame

pytestmark = pytest.mark.spark


def put(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    lake.apply(table, frame(lake.spark, table, *rows).selectExpr("*", f"'{INSERT}' AS {CHANGE}"))


def test_an_empty_archive_has_no_orphan(lake: Lake) -> None:
    counts = count_orphans(lake)
    assert set(counts.values()) == {0}
    assert len(counts) == len(REFERENCES) + 1


def test_every_row_whose_parent_is_not_there_is_counted(lake: Lake) -> None:
    listed = ({"accession": f"PMC{n}.1", "pmcid": f"PMC{n}", "state": state} for n, state in ((1, PRESENT), (2, REMOVED)))
    put(lake, INVENTORY, *listed)
    put(lake, DOCUMENTS, *({"accession": f"PMC{n}.1", "state": "filtered", "filter_reason": "x"} for n in (1, 2, 3)))
    put(lake, MENTIONS, {"accession": "PMC1.1", "figure_id": "f1", "found_by": "xref", "place": "paragraph"})
    put(lake, PAIRS, {"pair_id": "a", "license_group": "other", "split": "train"})
    put(lake, PAIRS, *({"pair_id": name, "license_group": "other", "split": "train", "license_code": "TDM"} for name in "cd"))
    relicensed = {"pair_id": "c", "reason": "relicensed", "license_code": "CC BY"}
    put(lake, TOMBSTONES, {"pair_id": "a"}, {"pair_id": "b"}, relicensed, relicensed | {"pair_id": "d", "license_code": "TDM"})
    counts = {reference: number for reference, number in count_orphans(lake).items() if number}
    assert counts == {
        "documents without inventory": 2,
        "mentions without figures": 1,
        "pairs without figures": 3,
        "pairs without media": 3,
        BURIED_ALIVE: 2,
    }
