"""Runs that are watched until they are at a certain point, to be killed there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import differing_tables, shard_files

# Scratch places that exist only while the stage runs, so that their coming into being tells that it has begun.
BEGUN = {
    "sync_inventory": "sync_inventory",
    "fetch_articles": "fetch_articles_work",
    "extract_figures": "extract_figures_work",
    "fetch_images": "fetch_images_named",
    "find_duplicates": "find_duplicates",
    "find_eval_overlap": "find_eval_overlap",
    "build_pairs": "build_pairs",
    "export_shards": "export_shards",
}


def wait_until_begun(process: subprocess.Popen[bytes], lake: Path, stage: str) -> None:
    """Return when the stage writes to its scratch place."""
    scratch = lake / "_staging" / BEGUN[stage]
    before = stamp(scratch)
    wait_for(process, lambda: stamp(scratch) != before, f"the scratch place of {stage}")


def wait_for(process: subprocess.Popen[bytes], happened: Callable[[], bool], what: str) -> None:
    """Return when it has happened."""
    deadline = time.monotonic() + 300
    while not happened():
        assert process.poll() is None, f"the run ended before {what}"
        assert time.monotonic() < deadline, f"there was no {what}"
        time.sleep(0.02)


def stamp(folder: Path) -> float:
    """When a folder was last changed; 0 where there is none."""
    return folder.stat().st_mtime if folder.exists() else 0.0


def same_archive(out: Path, undisturbed: Archive) -> bool:
    """Whether tables and shard files are the same."""
    assert differing_tables(out / "lake", undisturbed.lake) == []
    return shard_files(out / "shards" / "default") == shard_files(undisturbed.shards) != {}
