"""What a pipeline tells at its end."""

import io

from rich.console import Console

from jobs.pipeline import reconciliation
from jobs.stage import Counts, StageResult

RESULTS = [
    StageResult("fetch_articles", 12.34, None),
    StageResult("fetch_images", 5.0, Counts(1_234_567, 1_234_560, 7)),
    StageResult("build_pairs", 1.0, Counts(9, 2, 1, {"license_group": 4, "superseded": 0, "no_graphic": 2})),
]


def told(results: list[StageResult]) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(reconciliation(results))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_every_stage_has_its_numbers_and_what_was_filtered_its_reasons() -> None:
    lines = told(RESULTS)
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert cells == [
        ["fetch_articles", "", "up to date", "", "", "12.3"],
        ["fetch_images", "1,234,567", "1,234,560", "7", "0", "5.0"],
        ["build_pairs", "9", "2", "1", "6", "1.0"],
    ]
    assert lines[-1] == "build_pairs filtered license_group 4, no_graphic 2"


def test_where_nothing_was_filtered_nothing_stands_below_the_table() -> None:
    assert told(RESULTS[:2])[-1].startswith("└")
