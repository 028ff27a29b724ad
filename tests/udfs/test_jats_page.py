"""docs/jats.md tells of every column of the three tables, every kind, place and reason."""

from __future__ import annotations

import re

import pytest

from schemas.articles import ARTICLES
from schemas.figures import FIGURES, KINDS
from schemas.mentions import FOUND_BY, MENTIONS, PLACES
from schemas.table import Table
from tests.conftest import ROOT
from tests.udfs.test_jats_hostile import JATS_REASONS

PAGE = (ROOT / "docs" / "jats.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The page from a heading to the next of the same level."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(text: str, number: int) -> list[str]:
    """Cell of that number of every row of the tables in a text."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [row[number].strip() for row in rows if len(row) > number]


@pytest.mark.parametrize("table", [ARTICLES, FIGURES, MENTIONS], ids=lambda table: table.name)
def test_every_column_is_explained_and_every_column_explained_is_there(table: Table) -> None:
    named = {name.partition(".")[0] for cell in cells(section(table.name), 1) for name in re.findall(r"`([\w.]+)`", cell)}
    assert named == set(table.column_names)


def test_every_kind_place_and_way_of_finding_is_named() -> None:
    kinds = {word for cell in cells(section("figures"), 1) for word in re.split(r"\W+", cell)}
    assert kinds >= set(KINDS)
    words = set(re.split(r"\W+", section("mentions")))
    assert words >= {*PLACES, *FOUND_BY}


def test_every_reason_is_named() -> None:
    assert {cell.strip("`") for cell in cells(section("What is refused"), 0)} >= set(map(str, JATS_REASONS))
