"""What a model can do on held-out samples: retrieval in both directions and zero-shot classification, beside chance."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import open_clip
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings, ZeroShotSettings, load_train_settings
from training.checkpoint import find, read
from training.data import Decoder, Source
from training.distributed import Ranks, join
from training.model import Clip, autocast, build_clip
from training.order import Order
from training.shards import Export

_DEPTHS = (1, 5, 10)
_CHUNK_ROWS = 1024


@dataclass(frozen=True)
class ZeroShot:
    """Share of labelled images whose class came first; `chance`: of a blind guess, `majority`: of always the commonest class."""

    accuracy: float
    chance: float
    majority: float
    num_samples: int


@dataclass(frozen=True)
class Evaluation:
    """Recall at a depth: share of queries whose partner is among the first so many of `num_samples`."""

    split: str
    num_samples: int
    image_to_text: dict[str, float]
    text_to_image: dict[str, float]
    chance: dict[str, float]
    zero_shot: ZeroShot | None

    def values(self) -> dict[str, float]:
        """The measures under flat names, for metrics."""
        values = {f"image_to_text_recall_{depth}": value for depth, value in self.image_to_text.items()}
        values |= {f"text_to_image_recall_{depth}": value for depth, value in self.text_to_image.items()}
        return values | ({"zero_shot_accuracy": self.zero_shot.accuracy} if self.zero_shot else {})

    def rows(self) -> list[tuple[str, float, float]]:
        """Name, value and chance of every measure."""
        rows = [(f"image to text, recall@{k}", value, self.chance[k]) for k, value in self.image_to_text.items()]
        rows += [(f"text to image, recall@{k}", value, self.chance[k]) for k, value in self.text_to_image.items()]
        return rows + ([("zero-shot accuracy", self.zero_shot.accuracy, self.zero_shot.chance)] if self.zero_shot else [])


def evaluate(clip: Clip, settings: TrainSettings, ranks: Ranks) -> Evaluation:
    """Measures on the evaluation split, the same on all processes, which share the encoding; of an empty split there are none."""
    wanted = settings.evaluation
    export = Export(settings.data.uri, settings.data.store)
    order = Order(export.shards(wanted.split), seed=0, lanes=1, block_samples=1)
    num_samples = min(order.num_samples, wanted.max_samples)
    if not num_samples:
        return Evaluation(wanted.split, 0, {}, {}, {}, None)
    decoder = Decoder(clip.transform, clip.tokenizer, clip.image_size, settings.seed, wanted.zero_shot)
    clip.network.eval()
    with torch.no_grad():
        with autocast(settings.precision, ranks.device):
            images, texts, labels = _encode(clip, Source(export, order, decoder), settings, ranks)
            classes = _class_features(clip, wanted.zero_shot, ranks.device) if wanted.zero_shot else None
        zero_shot = _classify(images, labels, classes) if classes is not None else None
    clip.network.train()
    return Evaluation(
        split=wanted.split,
        num_samples=num_samples,
        image_to_text=recall(images, texts),
        text_to_image=recall(texts, images),
        chance={str(depth): min(1.0, depth / num_samples) for depth in _DEPTHS},
        zero_shot=zero_shot,
    )


def _encode(clip: Clip, source: Source, settings: TrainSettings, ranks: Ranks) -> tuple[Tensor, Tensor, Tensor]:
    """Unit features of images and texts (n, embed_dim) on the device, and classes (n,), of all processes' samples."""
    stop = min(source.order.num_samples, settings.evaluation.max_samples)
    parts = []
    for batch in source.batches(0, ranks, settings.evaluation.batch_size, settings.data.workers, stop):
        moved = batch.to(ranks.device)
        output = clip.network(moved.images, moved.texts)
        parts.append((output["image_features"].float().cpu(), output["text_features"].float().cpu(), batch.labels))
    gathered = [part for share in ranks.gather(parts) for part in share]
    images, texts, labels = (torch.cat(tensors) for tensors in zip(*gathered, strict=True))
    return images.to(ranks.device), texts.to(ranks.device), labels.to(ranks.device)


def recall(queries: Tensor, answers: Tensor) -> dict[str, float]:
    """Recall by depth for queries and answers (n, embed_dim) that belong together row by row; n x 1,024 scores are held at once.

    Equal scores (equal captions, a model that says the same of everything) count with the chance that a fair draw among
    them puts the right one within the depth. FloatingPointError when a feature is no number.
    """
    if not (queries.isfinite().all() and answers.isfinite().all()):
        raise FloatingPointError("the model's features are no numbers: take an earlier checkpoint, or train anew")
    hits = dict.fromkeys(_DEPTHS, 0.0)
    for start in range(0, len(queries), _CHUNK_ROWS):
        scores = queries[start : start + _CHUNK_ROWS] @ answers.T
        own = scores.diagonal(start).unsqueeze(1)
        better, equal = (scores > own).sum(1), (scores == own).sum(1)
        for depth in _DEPTHS:
            hits[depth] += float(((depth - better) / equal).clamp(0, 1).sum())
    return {str(depth): hit / len(queries) for depth, hit in hits.items()}


def _class_features(clip: Clip, settings: ZeroShotSettings, device: torch.device) -> Tensor:
    """Unit features of the classes (embed_dim, classes), each the mean over the templates."""
    features: Tensor = open_clip.build_zero_shot_classifier(
        clip.network, clip.tokenizer, settings.classes, settings.templates, device=device
    )
    return features.float()


def _classify(images: Tensor, labels: Tensor, classes: Tensor) -> ZeroShot | None:
    """Scores in float32, outside of autocast: bfloat16 does not tell features apart that lie near each other."""
    labelled = labels >= 0
    if not labelled.any():
        return None
    predicted = (images[labelled] @ classes).argmax(1)
    num_classes = classes.shape[1]
    counts = torch.bincount(labels[labelled], minlength=num_classes)
    return ZeroShot(
        accuracy=float((predicted == labels[labelled]).float().mean()),
        chance=1 / num_classes,
        majority=float(counts.max() / counts.sum()),
        num_samples=int(counts.sum()),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m training.evaluate --checkpoint latest --config demo [key=value ...]`; the exit code."""
    parser = argparse.ArgumentParser(prog="training.evaluate", description="Retrieval and zero-shot evaluation of a checkpoint.")
    parser.add_argument("--config", required=True, help="YAML file, or the name of one in conf/train")
    parser.add_argument("--checkpoint", default="latest", help="file, or latest")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args(argv)
    console = Console()
    try:
        evaluation = evaluate_checkpoint(load_train_settings(arguments.config, arguments.overrides), arguments.checkpoint)
    except UnusableSettings as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        return 2
    table = Table("measure", "value", "chance", title=f"{evaluation.num_samples:,} samples of split {evaluation.split}")
    for name, value, chance in evaluation.rows():
        table.add_row(name, f"{value:.3f}", f"{chance:.3f}")
    console.print(table)
    return 0


def evaluate_checkpoint(settings: TrainSettings, which: str) -> Evaluation:
    """Measures of a checkpoint of the run in `settings.output`, also written there as evaluation.json.

    UnusableSettings when there is no such checkpoint or nothing to measure on.
    """
    path = find(Path(settings.output) / "checkpoints", which)
    if path is None:
        raise UnusableSettings(f"output: {settings.output} holds no checkpoint")
    with join(settings.threads) as ranks:
        clip = build_clip(settings.model, ranks.device)
        clip.network.load_state_dict(read(Path(path))["model"])
        evaluation = evaluate(clip, settings, ranks)
    if not evaluation.num_samples:
        raise UnusableSettings(f"evaluation.split: the export has no samples in {settings.evaluation.split}")
    if ranks.is_main:
        content = {"checkpoint": path} | asdict(evaluation)
        (Path(settings.output) / "evaluation.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return evaluation


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    sys.exit(main())
