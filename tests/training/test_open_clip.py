"""The trainer of open_clip reads the shards as they are."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path

import open_clip
import open_clip_train.data
import pytest
import torch
from open_clip.transform import image_transform
from open_clip_train.data import get_data
from open_clip_train.params import parse_args

from training.order import Order
from training.shards import Export

# webdataset's own reader leaves it to the garbage collector to close a shard.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def folder(make_export: Callable[..., Path]) -> Path:
    return make_export((16, 16, 16), (12,))


@pytest.fixture(autouse=True)
def without_end_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """webdataset from 0.2.96 on marks the end of every tar, which this version of open_clip_train cannot read in any shard."""
    if "eof_value" in signature(open_clip_train.data.tar_file_expander).parameters:
        monkeypatch.setattr(
            open_clip_train.data, "tar_file_expander", partial(open_clip_train.data.tar_file_expander, eof_value=None)
        )


def test_open_clip_train_reads_every_sample(folder: Path) -> None:
    train, val = (f"{folder}/{name}" for name in ("train-{000000..000002}.tar", "val-000000.tar"))
    arguments = ["--train-data", train, "--val-data", val, "--dataset-type", "webdataset", "--train-num-samples", "48"]
    args = parse_args([*arguments, "--val-num-samples", "12", "--batch-size", "4", "--workers", "0", "--model", "ViT-B-32"])
    args.distributed, args.world_size, args.rank = False, 1, 0
    transforms = (image_transform(64, is_train=True), image_transform(64, is_train=False))
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    data = get_data(args, transforms, epoch=0, tokenizer=tokenizer)
    for part, count in (("train", 48), ("val", 12)):
        images, texts = (torch.cat(tensors) for tensors in zip(*data[part].dataloader, strict=True))
        assert images.shape == (count, 3, 64, 64)
        assert sorted(texts.tolist()) == sorted(tokenizer(caption)[0].tolist() for caption in captions(folder, part))


def captions(folder: Path, split: str) -> list[str]:
    export = Export(str(folder))
    spans = Order(export.shards(split), 0, 1, 1).spans(0, 0, 0)
    return [sample["txt"].decode() for span in spans for sample in export.samples(span)]
