"""The trainer's loader beside a plain webdataset pipeline with the same transforms on the same shards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.bench.beside import beside

ROUNDS, BATCHES, BATCH_SIZE = 5, 16, 32


def measure_loader(export: Path) -> dict[str, Any]:
    """Samples/s decoded to 224 px and tokenised, with a worker per core; the first batch (workers start) is not timed."""
    import torch

    from conf.train_settings import ModelSettings
    from training.model import build_clip

    clip = build_clip(ModelSettings(name="ViT-B-32"), torch.device("cpu"))
    cores = len(os.sched_getaffinity(0))
    measured = beside(partial(_rate, _own, clip, export, cores), partial(_rate, _plain, clip, export, cores), ROUNDS)
    reference = "webdataset pipeline (shuffle 512, decode pil, same transforms) in a torch DataLoader"
    return measured.entry("loader", "samples/s", reference, ROUNDS * BATCHES * BATCH_SIZE, cores)


def _rate(batches: Any, clip: Any, export: Path, workers: int) -> float:
    stream = batches(clip, export, workers)
    next(stream)
    start = time.perf_counter()
    num_samples = sum(len(images) for images in islice(stream, BATCHES))
    return num_samples / (time.perf_counter() - start)


def _own(clip: Any, export: Path, workers: int) -> Iterator[Any]:
    import torch

    from training.data import Decoder, Source
    from training.distributed import Ranks
    from training.order import Order
    from training.shards import Export

    shards = Export(str(export))
    order = Order(shards.shards("train"), seed=0, lanes=2 * workers, block_samples=512 // (2 * workers))
    decoder = Decoder(clip.train_transform, clip.tokenizer, clip.image_size, seed=0)
    ranks = Ranks(0, 1, torch.device("cpu"))
    return (batch.images for batch in Source(shards, order, decoder).batches(0, ranks, BATCH_SIZE, workers))


def _plain(clip: Any, export: Path, workers: int) -> Iterator[Any]:
    import webdataset
    from torch.utils.data import DataLoader

    pipeline = webdataset.DataPipeline(
        webdataset.SimpleShardList(sorted(str(path) for path in export.glob("*.tar"))),
        webdataset.split_by_worker,
        webdataset.tarfile_to_samples(),
        webdataset.shuffle(512, initial=512),
        webdataset.decode("pil"),
        webdataset.to_tuple("jpg", "txt"),
        webdataset.map_tuple(clip.train_transform, lambda caption: clip.tokenizer(caption)[0]),
        webdataset.batched(BATCH_SIZE),
    ).repeat(10)
    return (images for images, _ in DataLoader(pipeline, batch_size=None, num_workers=workers))
