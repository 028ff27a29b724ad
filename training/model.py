"""The open_clip model with its tokenizer and transforms."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from conf.settings import UnusableSettings
from conf.train_settings import ModelSettings
from training.distributed import Ranks

Transform = Callable[[Image.Image], Tensor]
_LARGEST_LOGIT_SCALE = math.log(100)


@dataclass(frozen=True)
class Clip:
    """A two-tower model; `network(images, texts)` gives unit image_features, text_features (n, embed_dim) and logit_scale."""

    name: str
    network: open_clip.CLIP
    tokenizer: Callable[[Any], Tensor]
    train_transform: Transform
    transform: Transform
    image_size: int

    @property
    def num_parameters(self) -> int:
        """Trained numbers in the model."""
        return sum(parameter.numel() for parameter in self.network.parameters())


def build_clip(settings: ModelSettings, device: torch.device) -> Clip:
    """The model on a device, in float32; UnusableSettings when open_clip knows no such name or a file is missing."""
    _register(settings.config)
    if settings.name not in open_clip.list_models():
        raise UnusableSettings(f"model.name: open_clip has no config {settings.name!r}; add one by model.config")
    if settings.weights and not Path(settings.weights).is_file():
        raise UnusableSettings(f"model.weights: {settings.weights} is not a file")
    network, train_transform, transform = open_clip.create_model_and_transforms(
        settings.name,
        pretrained=settings.weights,
        device=device,
        output_dict=True,
        aug_cfg={"scale": settings.crop_scale},
    )
    size = network.visual.image_size
    tokenizer = open_clip.get_tokenizer(settings.name)
    return Clip(settings.name, network, tokenizer, train_transform, transform, max(size) if isinstance(size, tuple) else size)


def parallel(network: nn.Module, ranks: Ranks) -> nn.Module:
    """The network with its gradients averaged over the processes; itself when there is one."""
    if ranks.world_size == 1:
        return network
    devices = [ranks.device] if ranks.device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=devices, gradient_as_bucket_view=True)


def limit_logit_scale(network: open_clip.CLIP) -> None:
    """Keep the inverse temperature between 1 and 100, as CLIP does (arXiv:2103.00020, section 2.5)."""
    with torch.no_grad():
        network.logit_scale.clamp_(0, _LARGEST_LOGIT_SCALE)


def save_open_clip(clip: Clip, folder: Path) -> None:
    """Leave config and weights so that `open_clip.create_model_and_transforms("local-dir:<folder>")` loads the model."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": open_clip.get_model_config(clip.name), "preprocess_cfg": clip.network.visual.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    torch.save(clip.network.state_dict(), folder / "open_clip_pytorch_model.bin")


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """The context of a forward pass: bfloat16 when asked for, or where a GPU has it and `precision` is auto."""
    automatic = precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=automatic or precision == "bfloat16")


@cache
def _register(config: str | None) -> None:
    with as_file(files("conf") / "models") as folder:
        open_clip.add_model_config(folder)
    if config is not None:
        if not Path(config).is_file():
            raise UnusableSettings(f"model.config: {config} is not a file")
        open_clip.add_model_config(Path(config))
