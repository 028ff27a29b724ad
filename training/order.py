"""Which sample stands at which position: an endless, seeded order that no number of processes changes.

An epoch is the export's shards in a seeded order, cut into lanes of equal length (to within one sample). Position p of an
epoch is the next sample of lane p mod lanes, and a lane is shuffled block by block. Epochs follow each other without a gap:
a batch may hold the last samples of one and the first of the next, so every sample is used exactly once in every epoch.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One shard file as the manifest lists it."""

    name: str
    num_samples: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Span:
    """The samples [start, stop) of a shard, counted from its beginning."""

    shard: Shard
    start: int
    stop: int


@dataclass(frozen=True)
class Place:
    """Where a position lies: the `offset`-th sample of a shuffled block of a lane."""

    epoch: int
    lane: int
    block: int
    offset: int


@dataclass(frozen=True)
class Consumer:
    """One of `total` readers (processes x workers) that share the positions evenly."""

    number: int
    total: int


def consumer(rank: int, world_size: int, worker: int, num_workers: int) -> Consumer:
    """The reader that worker `worker` of process `rank` is; workers of 0 count as one."""
    return Consumer(rank + world_size * worker, world_size * max(1, num_workers))


def positions(start: int, reader: Consumer) -> Iterator[int]:
    """The positions from `start` on that fall to a reader: every `total`-th one, without end."""
    return itertools.count(start + reader.number, reader.total)


@dataclass(frozen=True)
class Order:
    """The endless order over some shards; equal fields, equal order."""

    shards: tuple[Shard, ...]
    seed: int
    lanes: int
    block_samples: int

    @property
    def num_samples(self) -> int:
        """Samples in an epoch."""
        return sum(shard.num_samples for shard in self.shards)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything that fixes the order, shard contents included."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def place(self, position: int) -> Place:
        """Where a position (0 on, over all epochs) lies."""
        epoch, in_epoch = divmod(position, self.num_samples)
        in_lane, lane = divmod(in_epoch, self.lanes)
        return Place(epoch, lane, *divmod(in_lane, self.block_samples))

    def spans(self, epoch: int, lane: int, block: int) -> Iterator[Span]:
        """The parts of shards that hold a lane from its `block`-th block to its end, in reading order."""
        short, longer = divmod(self.num_samples, self.lanes)
        begin = lane * short + min(lane, longer)
        end = begin + short + (lane < longer)
        begin += block * self.block_samples
        for shard in self._shuffled(epoch):
            if min(shard.num_samples, end) > max(begin, 0):
                yield Span(shard, max(begin, 0), min(shard.num_samples, end))
            begin, end = begin - shard.num_samples, end - shard.num_samples

    def shuffle(self, block: list[T], place: Place) -> list[T]:
        """The samples of the block that `place` lies in, in their seeded order."""
        return random.Random(f"{self.seed}/{place.epoch}/{place.lane}/{place.block}").sample(block, len(block))

    def _shuffled(self, epoch: int) -> list[Shard]:
        return random.Random(f"{self.seed}/{epoch}").sample(self.shards, len(self.shards))
