"""The contrastive loss of a step and its gradient, over all processes and all accumulated batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from open_clip.loss import ClipLoss
from torch import Tensor, nn

from training.data import Batch
from training.distributed import Ranks

Autocast = Callable[[], AbstractContextManager[None]]


def build_loss(ranks: Ranks) -> ClipLoss:
    """open_clip's ClipLoss: each process scores its own rows against the features of all, gradients flow back to their owners."""
    # open_clip gathers by a function that torch has since renamed.
    warnings.filterwarnings("ignore", message=r"torch\.distributed\.nn\.functional\.all_gather", category=FutureWarning)
    return ClipLoss(local_loss=True, gather_with_grad=True, rank=ranks.rank, world_size=ranks.world_size)


def backward(network: nn.Module, loss: ClipLoss, batches: Sequence[Batch], autocast: Autocast) -> Tensor:
    """The loss (scalar, detached) of the batches taken as one, its gradient added to the parameters.

    A contrast cannot be split into a sum over batches. So with several, their features are computed once without
    gradient; then each batch passes again with gradient, beside the stored features of the others. This is the gradient
    of the one large batch, at the memory of a small one and four thirds of the work.
    """
    if len(batches) == 1:
        value: Tensor = loss(**_forward(network, batches[0], autocast))
        torch.autograd.backward(value)
        return value.detach()
    with torch.no_grad():
        stored = [_forward(network, batch, autocast) for batch in batches]
    for number, batch in enumerate(batches):
        is_last = number + 1 == len(batches)
        with nullcontext() if is_last else _without_sync(network):
            value = loss(**_beside(stored, number, _forward(network, batch, autocast), is_last))
            torch.autograd.backward(value)
    return value.detach()


def _beside(stored: list[dict[str, Tensor]], number: int, live: dict[str, Tensor], is_last: bool) -> dict[str, Tensor]:
    """The stored features with those of one batch replaced by live ones.

    Every pass holds the whole loss, so the logit scale takes its gradient from the last alone, not from each.
    """
    joined = {
        name: torch.cat(
            [*(other[name] for other in stored[:number]), live[name], *(other[name] for other in stored[number + 1 :])]
        )
        for name in ("image_features", "text_features")
    }
    return joined | {"logit_scale": live["logit_scale"] if is_last else live["logit_scale"].detach()}


def _forward(network: nn.Module, batch: Batch, autocast: Autocast) -> dict[str, Tensor]:
    with autocast():
        output = network(batch.images, batch.texts)
    return {name: output[name].float() for name in ("image_features", "text_features", "logit_scale")}


def _without_sync(network: nn.Module) -> AbstractContextManager[None]:
    no_sync: Callable[[], AbstractContextManager[None]] = getattr(network, "no_sync", nullcontext)
    return no_sync()
