"""What a run tells while it goes: JSON lines, TensorBoard and a progress bar, from the main process alone."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from training.distributed import Ranks


class Metrics:
    """Writes `metrics.jsonl` and `tensorboard/` in a folder; lines past `samples_seen`, of a run cut off, are dropped."""

    def __init__(self, folder: Path, samples_total: int, samples_seen: int, ranks: Ranks) -> None:
        self._is_main = ranks.is_main
        self._progress = Progress(
            BarColumn(20),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} samples  {task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not ranks.is_main,
        )
        self._task = self._progress.add_task("training", total=samples_total, completed=samples_seen, note="")
        if self._is_main:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / "metrics.jsonl"
            kept = [line for line in read_lines(self._path) if line["samples_seen"] <= samples_seen]
            self._path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=samples_seen + 1)

    def __enter__(self) -> Metrics:
        """Start the progress bar."""
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it and close the files."""
        self._progress.stop()
        if self._is_main:
            self._board.close()

    def advance(self, samples_seen: int) -> None:
        """Move the progress bar."""
        self._progress.update(self._task, completed=samples_seen)

    def log(self, samples_seen: int, values: dict[str, float]) -> None:
        """One line of values, if there are any; TensorBoard shows them against the samples seen."""
        if not self._is_main or not values:
            return
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"samples_seen": samples_seen} | values) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, samples_seen)
        shown = "  ".join(f"{name} {values[name]:,.4g}" for name in ("loss", "samples_per_s") if name in values)
        if shown:
            self._progress.update(self._task, note=shown)


def read_lines(path: Path) -> list[dict[str, float]]:
    """The lines of a metrics file, a last one that a crash cut short left out; [] when there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
