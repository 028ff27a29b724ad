from pathlib import Path

from jobs.tables_page import PAGE, tables_page
from schemas.catalog import TABLES

ROOT = Path(__file__).resolve().parents[2]


def section(name: str) -> list[str]:
    return tables_page().split(f"\n## {name}\n")[1].split("\n## ")[0].splitlines()


def test_the_committed_page_is_the_one_that_the_schemas_give() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == tables_page(), "run `python -m jobs.tables_page`"


def test_every_column_of_every_table_has_its_line() -> None:
    for table in TABLES:
        lines = [line for line in section(table.name) if line.startswith("| `")]
        assert [line.split("`")[1] for line in lines] == table.column_names


def test_every_table_is_linked_from_the_overview() -> None:
    overview = tables_page().split("\n## ")[0]
    assert all(f"[{table.name}](#{table.name})" in overview for table in TABLES)


def test_every_line_of_a_table_has_as_many_cells_as_its_head() -> None:
    for block in tables_page().split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


def test_required_columns_say_so() -> None:
    rows = {line.split("`")[1]: line.split(" | ")[2] for line in section("pairs") if line.startswith("| `")}
    assert (rows["pair_id"], rows["caption"]) == ("yes", "")
