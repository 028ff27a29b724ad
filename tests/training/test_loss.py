from contextlib import nullcontext
from pathlib import Path

import open_clip
import pytest
import torch
from torch import Tensor, nn

from conf.train_settings import ModelSettings
from training.data import Batch
from training.distributed import Ranks
from training.loss import backward, build_loss
from training.model import build_clip

ALONE = Ranks(0, 1, torch.device("cpu"))


@pytest.fixture
def network(tiny_model: Path) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = build_clip(ModelSettings(name="tiny", config=str(tiny_model)), torch.device("cpu")).network
    return network


def batch_of(count: int) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 3, 32, 32, generator=generator)
    texts = open_clip.get_tokenizer("tiny")([f"figure {number}" for number in range(count)])
    return Batch(images, texts, torch.full((count,), -1), [str(number) for number in range(count)])


def split(batch: Batch, parts: int) -> list[Batch]:
    size = len(batch.keys) // parts
    pieces = [slice(at, at + size) for at in range(0, len(batch.keys), size)]
    return [Batch(batch.images[piece], batch.texts[piece], batch.labels[piece], batch.keys[piece]) for piece in pieces]


def gradients(network: nn.Module, batches: list[Batch]) -> tuple[float, dict[str, Tensor]]:
    network.zero_grad()
    value = backward(network, build_loss(ALONE), batches, nullcontext)
    return float(value), {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def test_the_loss_is_the_mean_of_both_cross_entropies(network: nn.Module) -> None:
    batch = batch_of(6)
    value, _ = gradients(network, [batch])
    with torch.no_grad():
        output = network(batch.images, batch.texts)
        logits = (output["logit_scale"] * output["image_features"] @ output["text_features"].T).double()
        rows, columns = logits.log_softmax(1).diagonal(), logits.log_softmax(0).diagonal()
    assert value == pytest.approx(float(-(rows.mean() + columns.mean()) / 2), abs=1e-5)


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_accumulated_batches_have_loss_and_gradient_of_the_one_large_batch(network: nn.Module, parts: int) -> None:
    whole_loss, whole = gradients(network, [batch_of(12)])
    parts_loss, parted = gradients(network, split(batch_of(12), parts))
    assert parts_loss == pytest.approx(whole_loss, abs=1e-5)
    assert whole.keys() == parted.keys() >= {"logit_scale"}
    for name, gradient in whole.items():
        torch.testing.assert_close(parted[name], gradient, atol=1e-5, rtol=1e-3, msg=name)
