"""The samples of an export as batches: read through webdataset, decoded by workers, split by rank, resumable to the sample."""

from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import gt
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from conf.settings import UnusableSettings
from conf.train_settings import DataSettings, ZeroShotSettings
from training.distributed import Ranks
from training.order import Order, consumer, positions
from training.shards import Export, Reader, Sample

IMAGE_EXTENSIONS = ("jpg", "webp", "png")


@dataclass(frozen=True)
class Batch:
    """Images (n, 3, height, width) float32, texts (n, context_length) int64, labels (n,) int64 (-1: none), n sample keys."""

    images: Tensor
    texts: Tensor
    labels: Tensor
    keys: list[str]

    def to(self, device: torch.device) -> Batch:
        """The batch with its images and texts on a device."""
        if device.type != "cuda":
            return self
        images, texts = (part.pin_memory().to(device, non_blocking=True) for part in (self.images, self.texts))
        return Batch(images, texts, self.labels, self.keys)


@dataclass(frozen=True)
class Decoder:
    """Bytes to tensors: image through `transform`, caption through `tokenizer`, both a function of sample and position.

    `smallest_crop`: share of the image area that `transform` keeps at least.
    """

    transform: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[str], Tensor]
    image_size: int
    seed: int
    zero_shot: ZeroShotSettings | None = None
    smallest_crop: float = 1.0

    def __call__(self, position: int, sample: Sample) -> tuple[Tensor, Tensor, int, str]:
        """Image, tokens, class and key; a random crop is drawn from the seed and the position."""
        caption = sample["txt"].decode("utf-8")
        label = class_of(sample, caption, self.zero_shot) if self.zero_shot else -1
        content = next(sample[extension] for extension in IMAGE_EXTENSIONS if extension in sample)
        return self._image(position, content), self.tokenizer(caption)[0], label, sample["__key__"]

    def _image(self, position: int, content: bytes) -> Tensor:
        image = Image.open(io.BytesIO(content))
        # JPEG decodes to a half, a quarter or an eighth for less work; a tenth more than the smallest crop needs stays.
        side = math.ceil(1.1 * self.image_size / math.sqrt(self.smallest_crop))
        image.draft("RGB", (side, side))
        random_state = torch.default_generator.get_state()
        torch.default_generator.manual_seed(self.seed * 1_000_003 + position)
        try:
            return self.transform(image)
        finally:
            torch.default_generator.set_state(random_state)


def class_of(sample: Sample, caption: str, zero_shot: ZeroShotSettings) -> int:
    """Index of a sample's class: what its json says, or the only class whose name its caption contains; -1: none."""
    if zero_shot.label_field:
        named = [json.loads(sample["json"]).get(zero_shot.label_field)]
    else:
        named = [name for name in zero_shot.classes if name.lower() in caption.lower()]
    return zero_shot.classes.index(named[0]) if len(named) == 1 and named[0] in zero_shot.classes else -1


@dataclass(frozen=True)
class Source:
    """What is read: the samples of an export in an order, decoded."""

    export: Export
    order: Order
    decoder: Decoder

    def batches(self, start: int, ranks: Ranks, batch_size: int, num_workers: int, stop: int | None = None) -> Iterator[Batch]:
        """Batches of the positions [start, stop) that fall to this process; without `stop` there is no end.

        Each batch is one worker's; workers take turns, each yielding every `num_workers`-th position of the process.
        """
        loader = DataLoader(
            _Share(self, start, stop, ranks.rank, ranks.world_size, batch_size),
            batch_size=None,
            num_workers=num_workers,
            # The threads of an object store's client do not survive a fork.
            multiprocessing_context=("spawn" if self.export.is_remote else "fork") if num_workers else None,
            generator=torch.Generator(),
        )
        return iter(loader)


@dataclass
class _Share(IterableDataset[Batch]):
    """What one worker of one process reads."""

    source: Source
    start: int
    stop: int | None
    rank: int
    world_size: int
    batch_size: int

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, num_workers = (worker.id, worker.num_workers) if worker else (0, 0)
        mine = positions(self.start, consumer(self.rank, self.world_size, number, num_workers))
        if self.stop is not None:
            mine = itertools.takewhile(partial(gt, self.stop), mine)
        reader = Reader(self.source.export, self.source.order)
        while batch := list(itertools.islice(mine, self.batch_size)):
            yield _collate([self.source.decoder(position, reader.take(position)) for position in batch])


def _collate(decoded: list[tuple[Tensor, Tensor, int, str]]) -> Batch:
    images, texts, labels, keys = zip(*decoded, strict=True)
    return Batch(torch.stack(images), torch.stack(texts), torch.tensor(labels), list(keys))


def _interleave(parts: list[Batch]) -> Batch:
    """The workers' equal parts as one batch in the order of positions."""
    if len(parts) == 1:
        return parts[0]
    images, texts, labels = (
        torch.stack(tensors, dim=1).flatten(0, 1)
        for tensors in ([part.images for part in parts], [part.texts for part in parts], [part.labels for part in parts])
    )
    return Batch(images, texts, labels, [key for keys in zip(*(part.keys for part in parts), strict=True) for key in keys])


class Loader:
    """The training batches of this process, from a position that counts samples over all processes."""

    def __init__(self, source: Source, ranks: Ranks, settings: DataSettings) -> None:
        self.position = 0
        self._source, self._ranks, self._settings = source, ranks, settings

    def __iter__(self) -> Iterator[Batch]:
        """Batches without end; batch after batch the processes together take the next positions."""
        num_parts = max(1, self._settings.workers)
        size = self._settings.batch_size // num_parts
        parts = self._source.batches(self.position, self._ranks, size, self._settings.workers)
        while True:
            batch = _interleave(list(itertools.islice(parts, num_parts)))
            self.position += self._settings.batch_size * self._ranks.world_size
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """The position and what the order was."""
        return {"position": self.position, "order": self._source.order.digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on at a position; UnusableSettings when it was reached in another order."""
        if state["order"] != self._source.order.digest:
            raise UnusableSettings(
                f"data: {self._source.export.uri} in this order is not what the checkpoint was reading: "
                "keep shards, seed, lanes and block_samples, or start a new run in another output"
            )
        self.position = state["position"]
