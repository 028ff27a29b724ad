"""A whole training run beside the same run of open_clip's own trainer, both as commands, from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from jobs.bench.beside import beside

ROUNDS, EPOCHS, BATCH_SIZE = 2, 2, 64
# open_clip is told of the model; its reader does not know the end marks that webdataset puts after each tar since 0.2.96.
_OPEN_CLIP = """
import functools, sys, open_clip, open_clip_train.data as data, open_clip_train.main as trainer
open_clip.add_model_config(sys.argv[1])
data.tar_file_expander = functools.partial(data.tar_file_expander, eof_value=None)
trainer.main(sys.argv[2:])
"""


def measure_runs(export: Path, scratch: Path) -> dict[str, Any]:
    """Samples/s of one process over whole commands, imports and last checkpoint included; same model, batch, data."""
    num_shards = len(list(export.glob("*.tar")))
    num_samples = _num_samples(export)
    own = partial(_rate, lambda output: _own(export, output, num_samples), scratch, num_samples)
    reference = partial(_rate, lambda output: _open_clip(export, output, num_samples, num_shards), scratch, num_samples)
    measured = beside(own, reference, ROUNDS)
    about = f"python -m open_clip_train.main, model demo, {EPOCHS} epochs, batch {BATCH_SIZE}, float32"
    return measured.entry("trainer_vs_open_clip", "samples/s", about, ROUNDS * EPOCHS * num_samples, len(os.sched_getaffinity(0)))


_numbers = count()


def _rate(command: Any, scratch: Path, num_samples: int) -> float:
    threads = max(1, len(os.sched_getaffinity(0)) - 1)
    # One core is left to the reading process that either trainer starts.
    arguments = ["env", f"OMP_NUM_THREADS={threads}", *command(scratch / f"run-{next(_numbers)}")]
    start = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"trainer_vs_open_clip: {' '.join(arguments[-6:])} failed: {done.stderr[-2000:]}")
    return EPOCHS * num_samples / seconds


def _num_samples(export: Path) -> int:
    from training.shards import Export

    return sum(shard.num_samples for shard in Export(str(export)).shards("train"))


def _own(export: Path, output: Path, num_samples: int) -> list[str]:
    command = [sys.executable, "-m", "training.train", "--config", "demo", f"data.uri={export}", f"output={output}"]
    command += [f"data.batch_size={BATCH_SIZE}", "data.workers=1", f"samples_total={EPOCHS * num_samples}", "threads=null"]
    return [*command, "checkpoint.every_samples=1000000", "log_every_samples=1024"]


def _open_clip(export: Path, output: Path, num_samples: int, num_shards: int) -> list[str]:
    from importlib.resources import files

    shards = f"{export}/train-{{000000..{num_shards - 1:06d}}}.tar"
    command = [sys.executable, "-c", _OPEN_CLIP, str(files("conf") / "models"), "--model", "demo", "--train-data", shards]
    command += ["--dataset-type", "webdataset", "--train-num-samples", str(num_samples), "--epochs", str(EPOCHS)]
    command += ["--batch-size", str(BATCH_SIZE), "--workers", "1", "--precision", "fp32", "--local-loss", "--gather-with-grad"]
    return [*command, "--logs", str(output), "--name", "bench", "--warmup", "16", "--save-frequency", str(EPOCHS), "--lr", "1e-3"]
