"""The optimiser and its learning rate, which follows the number of samples seen."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from conf.train_settings import OptimiserSettings


def build_optimiser(network: nn.Module, settings: OptimiserSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves norms, biases, gains and the logit scale (whatever has less than two axes) alone."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)
    optimiser.register_load_state_dict_pre_hook(_with_own_settings)
    return optimiser


def _with_own_settings(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """A loaded state with the settings that this run has: what changed since the checkpoint is in force."""
    own = [{name: group[name] for name in ("betas", "eps", "weight_decay")} for group in optimiser.param_groups]
    groups = [loaded | values for loaded, values in zip(state["param_groups"], own, strict=True)]
    return state | {"param_groups": groups}


def learning_rate(samples_seen: int, samples_total: int, settings: OptimiserSettings) -> float:
    """Learning rate of the step that ends at `samples_seen`: linear to the peak, then a half cosine to the final fraction."""
    if samples_seen < settings.warmup_samples:
        return settings.learning_rate * samples_seen / settings.warmup_samples
    falling = max(1, samples_total - settings.warmup_samples)
    done = min(1.0, (samples_seen - settings.warmup_samples) / falling)
    floor = settings.learning_rate * settings.final_fraction
    return floor + (settings.learning_rate - floor) * (1 + math.cos(math.pi * done)) / 2


class Schedule:
    """Sets an optimiser's learning rate step by step."""

    def __init__(self, optimiser: torch.optim.Optimizer, settings: OptimiserSettings, samples_total: int) -> None:
        self._optimiser, self._settings, self._samples_total = optimiser, settings, samples_total
        self.samples_seen = 0

    @property
    def rate(self) -> float:
        """Learning rate that is set."""
        return learning_rate(self.samples_seen, self._samples_total, self._settings)

    def advance(self, num_samples: int) -> None:
        """Set the learning rate for a step over the next `num_samples` samples."""
        self.samples_seen += num_samples
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate

    def state_dict(self) -> dict[str, Any]:
        """How far the schedule has come."""
        return {"samples_seen": self.samples_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.samples_seen = state["samples_seen"]
