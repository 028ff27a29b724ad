"""The processes of a run: who this one is, on which device, and what they tell each other."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ranks:
    """This process among `world_size` that train together."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    def means(self, values: Sequence[Tensor]) -> list[float]:
        """The mean over the processes of each of some scalars."""
        if not values:
            return []
        totals = torch.stack([value.detach() for value in values])
        if self.world_size > 1:
            distributed.all_reduce(totals)
        return [total / self.world_size for total in totals.tolist()]

    def wait(self) -> None:
        """Until all processes have come this far."""
        self.gather(self.rank)

    def gather(self, value: T) -> list[T]:
        """Every process's value, in order of rank, on every process."""
        if self.world_size == 1:
            return [value]
        values: list[T | None] = [None] * self.world_size
        distributed.all_gather_object(values, value)
        return [value for value in values if value is not None]


@contextmanager
def join(threads: int | None = None) -> Iterator[Ranks]:
    """Take this process's place as torchrun's variables say; without them it trains alone. `threads`: CPU threads of it."""
    if threads:
        torch.set_num_threads(threads)
    rank, world_size, local_rank, local_world_size = (int(os.environ.get(name, default)) for name, default in _VARIABLES)
    device = _device(local_rank, local_world_size)
    if world_size > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield Ranks(rank, world_size, device)
    # After an error it stays: with NCCL its end would wait for the others, which wait for this process.
    if world_size > 1:
        distributed.destroy_process_group()


_VARIABLES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "1"))


def _device(local_rank: int, local_world_size: int) -> torch.device:
    """A GPU of its own for each process of this machine; the CPU for all of them where there are too few."""
    num_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if local_world_size <= num_devices:
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
        return device
    if num_devices and not local_rank:
        logger.warning("training on the CPU: %d processes, GPUs: %d", local_world_size, num_devices)
    return torch.device("cpu")
