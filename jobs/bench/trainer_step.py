"""The trainer beside its references: a bare step, plain webdataset, and open_clip's own trainer on the same shards."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jobs.bench.beside import beside
from jobs.bench.drawn_shards import write_drawn_export
from jobs.bench.trainer_loader import measure_loader
from jobs.bench.trainer_runs import measure_runs

NUM_SAMPLES, SAMPLES_PER_SHARD = 1_024, 128
ROUNDS, STEPS_PER_ROUND = 7, 3
Step = Callable[[], None]


def run() -> list[dict[str, Any]]:
    """The entries loader, trainer_step and trainer_vs_open_clip, each beside its reference; minutes on two cores."""
    with TemporaryDirectory(prefix="biomedica-bench-") as folder:
        export = write_drawn_export(Path(folder) / "drawn", NUM_SAMPLES, SAMPLES_PER_SHARD)
        return [measure_loader(export), measure_step(), measure_runs(export, Path(folder))]


def measure_step() -> dict[str, Any]:
    """Samples/s of the trainer's step on tensors in memory, beside open_clip's model and loss and torch's AdamW alone."""
    import torch

    on_gpu = torch.cuda.is_available()
    model, batch_size = ("ViT-B-32", 512) if on_gpu else ("demo", 32)
    own, bare = _own_step(model, batch_size), _bare_step(model, batch_size)
    for step in (own, bare):
        step()
    measured = beside(partial(_rate, own, batch_size), partial(_rate, bare, batch_size), ROUNDS)
    reference = f"bare loop of open_clip {model}, ClipLoss, torch AdamW; batch {batch_size}"
    n = ROUNDS * STEPS_PER_ROUND * batch_size
    return measured.entry("trainer_step", "samples/s", reference, n, 1 if on_gpu else torch.get_num_threads())


def _rate(step: Step, batch_size: int) -> float:
    import torch

    start = time.perf_counter()
    for _ in range(STEPS_PER_ROUND):
        step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return STEPS_PER_ROUND * batch_size / (time.perf_counter() - start)


def _own_step(model: str, batch_size: int) -> Step:
    import torch
    from torch.nn.utils import clip_grad_norm_

    from conf.train_settings import ModelSettings, OptimiserSettings
    from training.data import Batch
    from training.distributed import Ranks
    from training.loss import backward, build_loss
    from training.model import autocast, build_clip, limit_logit_scale
    from training.schedule import build_optimiser

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clip = build_clip(ModelSettings(name=model), device)
    optimiser, loss = build_optimiser(clip.network, OptimiserSettings()), build_loss(Ranks(0, 1, device))
    images, texts = _tensors(clip.image_size, clip.tokenizer, batch_size, device)
    batch = Batch(images, texts, torch.zeros(batch_size), [])

    def step() -> None:
        backward(clip.network, loss, [batch], partial(autocast, "auto", device))
        clip_grad_norm_(clip.network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        limit_logit_scale(clip.network)

    return step


def _bare_step(model: str, batch_size: int) -> Step:
    import open_clip
    import torch
    from open_clip.loss import ClipLoss

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = open_clip.create_model(model, device=device, output_dict=True)
    optimiser, loss = torch.optim.AdamW(network.parameters(), lr=5e-4), ClipLoss()
    images, texts = _tensors(network.visual.image_size[0], open_clip.get_tokenizer(model), batch_size, device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            value = loss(**network(images, texts))
        value.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def _tensors(image_size: int, tokenizer: Callable[[list[str]], Any], batch_size: int, device: Any) -> tuple[Any, Any]:
    import torch

    texts = tokenizer([f"Line plot {number} of two curves in red and blue over time." for number in range(batch_size)])
    return torch.randn(batch_size, 3, image_size, image_size, device=device), texts.to(device)
