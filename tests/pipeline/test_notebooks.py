"""The notebooks run from start to end on an archive that the pipeline made."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from deltalake import DeltaTable
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.jobs.pages import ShownCard, sections
from tests.pipeline.conftest import Archive

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("explore_archive", "train_clip")


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def run(name: str, folder: Path, *overrides: str) -> NotebookNode:
    """The notebook with its outputs, run in a folder; the overrides take the place of those in its first cell of code."""
    notebook = read(name)
    [parameters] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source += f"\nOVERRIDES = {list(overrides)!r}"
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def shown(notebook: NotebookNode, kind: str) -> list[str]:
    """What the cells show of a media type."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def galleries(notebook: NotebookNode) -> list[dict[str, list[ShownCard]]]:
    return [sections(text) for text in shown(notebook, "text/html") if 'class="bm"' in text]


def complaints(notebook: NotebookNode) -> list[str]:
    """What the cells wrote to standard error."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.text for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_outputs_and_with_one_cell_of_parameters(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == code[:1]


@pytest.mark.slow
@pytest.mark.spark
def test_the_archive_is_explored_with_pairs_and_duplicates_as_pictures(sample_archive: Archive, tmp_path: Path) -> None:
    log = f"spark.log_file={tmp_path}/spark.log"
    notebook = run("explore_archive", tmp_path, f"lake.uri={sample_archive.lake}", log, "spark.driver_memory=1g")
    pairs, found, clusters = galleries(notebook)
    assert [len(cards) for cards in pairs.values()] == [12]
    assert all("scatter" in card.text.lower() for cards in found.values() for card in cards)
    known = set(DeltaTable(str(sample_archive.lake / "duplicates")).to_pyarrow_table()["cluster_id"].to_pylist())
    assert len(clusters) == min(6, len(known))
    assert {heading.removeprefix("Cluster ") for heading in clusters} <= known
    assert [cards[0].heading.split(",")[0] for cards in clusters.values()] == ["Canonical"] * len(clusters)
    tables = "".join(shown(notebook, "text/html"))
    assert all(result.stage in tables for result in sample_archive.results)
    assert len(shown(notebook, "image/png")) == 1
    assert not complaints(notebook)


@pytest.mark.slow
def test_a_model_is_trained_and_searched_with(sample_archive: Archive, tmp_path: Path) -> None:
    size = ("samples_total=512", "log_every_samples=64", "data.batch_size=16", "threads=1", "optimiser.warmup_samples=100")
    notebook = run("train_clip", tmp_path, f"data.uri={sample_archive.shards}", f"output={tmp_path}/model", *size)
    summary = json.loads((tmp_path / "model" / "summary.json").read_text(encoding="utf-8"))
    assert summary["samples_seen"] == 512
    assert summary["loss_last"] < 0.9 * summary["loss_first"]
    samples, *searches = galleries(notebook)
    assert len(samples["Training samples"]) == 5
    assert [next(iter(search)) for search in searches] == [
        "Nearest to “bar chart”",
        "Nearest to “computed tomography of the head”",
    ]
    assert all(cards for search in searches for cards in search.values())
    assert len(shown(notebook, "image/png")) == 1
    assert not complaints(notebook)
