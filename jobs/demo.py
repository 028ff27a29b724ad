"""The demonstration: a bucket becomes tables, pairs and shards, and a small CLIP learns from them on two processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from conf.load import load_settings
from conf.settings import UnusableSettings
from jobs.describe import archive_summary, tables_grid
from jobs.entry import DONE, UNRECONCILED
from jobs.pipeline import run_pipeline
from jobs.sample import write_sample
from jobs.session import command_session
from jobs.stage import ReconciliationError
from jobs.tables import Lake

SAMPLE_ARTICLES = 150
TRAINING_PROCESSES = 2
# The archive of a demonstration becomes that of whatever source it is given next.
_ANY_SOURCE = ["source.max_removed_fraction=1", "source.allow_older=true"]
TRAINING_EXTRAS = ("torch", "open_clip", "webdataset")


def run_demo(out: Path, source: str | None, ids: str | None, console: Console) -> int:
    """Run everything below `out` and leave summary.json there; the exit code. UnusableSettings without the trainer."""
    check_trainer()
    clock = monotonic()
    if source is None:
        source = str(out / "sample")
        if not (out / "sample" / "truth.json").exists():
            with console.status(f"Drawing a bucket of {SAMPLE_ARTICLES} articles"):
                write_sample(Path(source), SAMPLE_ARTICLES, seed=0)
    overrides = [f"source.uri={source}", f"lake.uri={out}/lake", f"export.uri={out}/shards", f"spark.log_file={out}/spark.log"]
    overrides += _ANY_SOURCE
    settings = load_settings("local", [*overrides, *([f"source.ids={ids}"] if ids else [])])
    spark = command_session(settings, "demo")
    try:
        run_pipeline(spark, settings, console)
        archive = archive_summary(Lake(spark, settings.lake))
    except ReconciliationError as error:
        console.print(f"biomedica: {error}", markup=False)
        return UNRECONCILED
    finally:
        spark.stop()
    training = train(out, settings.export.name, console)
    summary = {"source": source, **archive, "training": training, "seconds": round(monotonic() - clock, 1)}
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    show(summary, out, console)
    return DONE if training is not None else UNRECONCILED


def check_trainer() -> None:
    """UnusableSettings when a package is missing that only training needs."""
    missing = [name for name in TRAINING_EXTRAS if find_spec(name) is None]
    if missing:
        raise UnusableSettings(
            f"the demo trains a model, but {', '.join(missing)} is not installed: pip install 'biomedica-lake[train]'"
        )


def fresh_model(model: Path, manifest: Path) -> Path:
    """The model's folder, emptied when the model in it was trained on another export than the manifest's."""
    known = model / manifest.name
    if model.exists() and not (known.exists() and known.read_bytes() == manifest.read_bytes()):
        shutil.rmtree(model)
    model.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(manifest, known)
    return model


def train(out: Path, export: str, console: Console) -> dict[str, Any] | None:
    """Train the demo model by torchrun and return its summary; None when training failed."""
    console.print(f"\nTraining a small CLIP on {TRAINING_PROCESSES} processes", highlight=False)
    model = fresh_model(out / "model", out / "shards" / export / "manifest.json")
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(TRAINING_PROCESSES)),
        *("-m", "training.train", "--config", "demo", "--resume", "latest"),
        *(f"data.uri={out / 'shards' / export}", f"output={model}"),
    ]
    finished = subprocess.run(command, check=False)
    result = model / "summary.json"
    if finished.returncode or not result.exists():
        return None
    loaded: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return loaded


def show(summary: dict[str, Any], out: Path, console: Console) -> None:
    """Print the summary and what to try next."""
    console.print()
    console.print(tables_grid(summary["tables"]))
    grid = Grid(title="What came out", title_justify="left", show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right")
    for name, value in facts(summary):
        grid.add_row(name, value)
    console.print(grid)
    console.print(f"{out}/summary.json holds the same as data. Next:", highlight=False)
    for command in next_commands(out):
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of everything that the summary shows beside the tables."""
    rows = [(f"rejected: {reason}", f"{number:,}") for reason, number in summary["rejects"].items()]
    rows += [(f"duplicates: {kind}", f"{number:,}") for kind, number in summary["duplicates"].items()]
    shards, training = summary["shards"], summary["training"]
    rows += [("shards", f"{shards['num_shards']:,}"), ("samples in shards", f"{shards['num_samples']:,}")]
    if training is None:
        return [*rows, ("training", "failed; the lines above say why")]
    rows += training_facts(training)
    return [*rows, ("seconds in all", f"{summary['seconds']:,.0f}")]


def training_facts(training: dict[str, Any]) -> list[tuple[str, str]]:
    """Loss, speed and retrieval beside chance."""
    rows = [
        ("loss, first and last", f"{training['loss_first']:.2f} -> {training['loss_last']:.2f}"),
        ("training samples/s", f"{training['samples_per_s']:,.0f}"),
    ]
    evaluation = training["evaluation"]
    for direction in ("image_to_text", "text_to_image"):
        for depth, found in evaluation[direction].items():
            name = f"{direction.replace('_', ' ')} recall@{depth} (chance)"
            rows.append((name, f"{found:.1%} ({evaluation['chance'][depth]:.1%})"))
    return rows


def next_commands(out: Path) -> list[str]:
    """Commands to try on the archive that the demo made; where it lies is said unless the profile says so."""
    lake = "" if str(out.absolute() / "lake") == load_settings("local").lake.uri else f" lake.uri={out}/lake"
    return [
        f'.venv/bin/biomedica sql "SELECT license_group, count(*) FROM pairs GROUP BY 1"{lake}',
        ".venv/bin/biomedica tables pairs",
        f".venv/bin/biomedica rejects{lake}",
        f".venv/bin/biomedica duplicates --html {out}/duplicates.html{lake}",
        f".venv/bin/tensorboard --logdir {out}/model",
    ]
