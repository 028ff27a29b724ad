import json
from pathlib import Path

import torch

from training.distributed import Ranks
from training.metrics import Metrics, read_lines

ALONE = Ranks(0, 1, torch.device("cpu"))


def test_a_resumed_run_drops_the_lines_past_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"samples_seen": count, "loss": 1.0}) + "\n" for count in (10, 20, 30)) + '{"samples_se')
    with Metrics(tmp_path, 40, 20, ALONE) as metrics:
        metrics.log(30, {"loss": 0.5})
    assert [(line["samples_seen"], line["loss"]) for line in read_lines(path)] == [(10, 1.0), (20, 1.0), (30, 0.5)]


def test_only_the_main_process_writes(tmp_path: Path) -> None:
    with Metrics(tmp_path / "run", 40, 0, Ranks(1, 2, torch.device("cpu"))) as metrics:
        metrics.log(30, {"loss": 0.5})
        metrics.advance(30)
    assert not (tmp_path / "run").exists()
