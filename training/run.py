"""The parts of a run that have state, and what is known of it at its end."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings
from training.checkpoint import RandomState, Stateful
from training.data import Decoder, Loader, Source
from training.distributed import Ranks
from training.evaluate import Evaluation
from training.model import Clip, build_clip
from training.order import Order
from training.schedule import Schedule, build_optimiser
from training.shards import Export


class Loop:
    """How far a run has come, the time it took, and the losses since the last logged line."""

    def __init__(self, samples_total: int, ranks: Ranks) -> None:
        self.samples_total, self._ranks = samples_total, ranks
        self.samples_seen = self.steps = self.samples_per_step = 0
        self.seconds = self.window_seconds = 0.0
        self.losses: list[float] = []
        self._means: list[float] = []
        self._window: list[Tensor] = []
        self._started = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether the run has seen all its samples."""
        return self.samples_seen >= self.samples_total

    @property
    def has_open_window(self) -> bool:
        """Whether there were steps since the last logged line."""
        return bool(self._means or self._window)

    def start_clock(self) -> None:
        """Training begins or goes on here: what was done since the last step is not its time."""
        self._started = time.perf_counter()

    def advance(self, num_samples: int, loss: Tensor) -> None:
        """Count a step with its loss (scalar)."""
        self.samples_seen += num_samples
        self.steps += 1
        self.samples_per_step = num_samples
        self._window.append(loss)
        elapsed = time.perf_counter() - self._started
        self.seconds += elapsed
        self.window_seconds += elapsed
        self.start_clock()

    def passed(self, every_samples: int | None) -> bool:
        """Whether the last step reached a multiple of `every_samples`; never for None, nor at the end of the run."""
        if every_samples is None or self.is_over:
            return False
        return self.samples_seen // every_samples > (self.samples_seen - self.samples_per_step) // every_samples

    def close_window(self) -> dict[str, float]:
        """Mean loss over the open window's steps and all processes, and samples per second; a new window begins.

        FloatingPointError when the loss is no number any more.
        """
        means = self._share_window()
        loss = sum(means) / len(means)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} after {self.samples_seen} samples: lower optimiser.learning_rate")
        samples_per_s = len(means) * self.samples_per_step / self.window_seconds
        self._means, self.window_seconds = [], 0.0
        self.losses.append(loss)
        return {"loss": loss, "samples_per_s": samples_per_s}

    def _share_window(self) -> list[float]:
        """Loss of each step of the open window, the mean over all processes; all of them call it."""
        self._means += self._ranks.means(self._window)
        self._window = []
        return self._means

    def state_dict(self) -> dict[str, Any]:
        """Counts, times, losses and the open window, the same on all processes, which all call it."""
        return {name: getattr(self, name) for name in _LOOP_STATE} | {"window": [*self._share_window()]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        for name in _LOOP_STATE:
            setattr(self, name, state[name])
        self._means, self._window = [*state["window"]], []


_LOOP_STATE = ("samples_seen", "steps", "samples_per_step", "seconds", "window_seconds", "losses")


@dataclass(frozen=True)
class Run:
    """Everything of a run that a checkpoint holds, in one process."""

    clip: Clip
    optimiser: torch.optim.AdamW
    schedule: Schedule
    loader: Loader
    random: RandomState
    loop: Loop

    @property
    def parts(self) -> dict[str, Stateful]:
        """The parts with state, by the name that checkpoints know them by."""
        return {
            "model": self.clip.network,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
            "loader": self.loader,
            "random": self.random,
            "loop": self.loop,
        }

    def close_window(self) -> dict[str, float]:
        """The values of one logged line."""
        line = self.loop.close_window()
        return line | {"lr": self.schedule.rate, "logit_scale": float(self.clip.network.logit_scale.detach().exp())}


def build_run(settings: TrainSettings, ranks: Ranks) -> Run:
    """A run at its start: the same weights in every process. UnusableSettings when the export has nothing to train on."""
    torch.manual_seed(settings.seed)
    clip = build_clip(settings.model, ranks.device)
    optimiser = build_optimiser(clip.network, settings.optimiser)
    data = settings.data
    export = Export(data.uri, data.store)
    order = Order(export.shards("train"), settings.seed, data.lanes, data.block_samples)
    if not order.num_samples:
        raise UnusableSettings(f"data.uri: the export at {data.uri} has no samples in split train")
    crop = settings.model.crop_scale[0]
    decoder = Decoder(clip.train_transform, clip.tokenizer, clip.image_size, settings.seed, smallest_crop=crop)
    return Run(
        clip=clip,
        optimiser=optimiser,
        schedule=Schedule(optimiser, settings.optimiser, settings.samples_total),
        loader=Loader(Source(export, order, decoder), ranks, data),
        random=RandomState(settings.seed, ranks),
        loop=Loop(settings.samples_total, ranks),
    )


@dataclass(frozen=True)
class Summary:
    """What a finished run leaves in `summary.json`; losses are means over a logging window, the first and the last one."""

    model: str
    num_parameters: int
    world_size: int
    samples_seen: int
    steps: int
    seconds: float
    samples_per_s: float
    loss_first: float
    loss_last: float
    export: str
    recipe_hash: str | None
    evaluation: dict[str, Any]


def summarise(run: Run, settings: TrainSettings, ranks: Ranks, evaluation: Evaluation) -> Summary:
    """The summary of a run that has come to its end."""
    manifest = Export(settings.data.uri, settings.data.store).manifest()
    loop = run.loop
    return Summary(
        model=run.clip.name,
        num_parameters=run.clip.num_parameters,
        world_size=ranks.world_size,
        samples_seen=loop.samples_seen,
        steps=loop.steps,
        seconds=loop.seconds,
        samples_per_s=loop.samples_seen / loop.seconds,
        loss_first=loop.losses[0],
        loss_last=loop.losses[-1],
        export=manifest["export"],
        recipe_hash=manifest.get("recipe_hash"),
        evaluation=asdict(evaluation),
    )
