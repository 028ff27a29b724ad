import math

import open_clip
import pytest
import torch
from torch import nn

from conf.train_settings import OptimiserSettings
from training.schedule import Schedule, build_optimiser, learning_rate

SETTINGS = OptimiserSettings(learning_rate=0.4, warmup_samples=100, final_fraction=0.1)


@pytest.mark.parametrize(
    ("samples_seen", "expected"),
    [
        (25, 0.1),
        (50, 0.2),
        (100, 0.4),
        (550, 0.22),
        (1000, 0.04),
        (1500, 0.04),
        (325, 0.04 + 0.36 * (1 + math.cos(math.pi / 4)) / 2),
    ],
)
def test_the_rate_rises_linearly_and_falls_along_a_half_cosine(samples_seen: int, expected: float) -> None:
    assert learning_rate(samples_seen, 1000, SETTINGS) == pytest.approx(expected)


def test_without_warmup_the_first_step_is_near_the_peak() -> None:
    settings = OptimiserSettings(learning_rate=0.4, warmup_samples=0)
    assert learning_rate(10, 1000, settings) == pytest.approx(0.4, rel=1e-3)


def test_a_schedule_goes_on_from_its_state() -> None:
    optimisers = [torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=1.0) for _ in range(2)]
    first, second = (Schedule(optimiser, SETTINGS, 1000) for optimiser in optimisers)
    first.advance(300)
    second.load_state_dict(first.state_dict())
    for schedule in (first, second):
        schedule.advance(25)
    rates = {optimiser.param_groups[0]["lr"] for optimiser in optimisers}
    assert rates == {learning_rate(325, 1000, SETTINGS)}


def test_a_resumed_optimiser_has_the_settings_of_now_and_the_moments_of_before() -> None:
    network = nn.Linear(3, 2)
    before = build_optimiser(network, OptimiserSettings(weight_decay=0.1))
    network(torch.ones(1, 3)).sum().backward()
    before.step()
    changed = OptimiserSettings(betas=(0.8, 0.9), epsilon=1e-8, weight_decay=0.3)
    after = build_optimiser(network, changed)
    after.load_state_dict(before.state_dict())
    values = [(group["betas"], group["eps"], group["weight_decay"]) for group in after.param_groups]
    assert values == [((0.8, 0.9), 1e-8, 0.3), ((0.8, 0.9), 1e-8, 0.0)]
    for parameter, moments in before.state.items():
        assert torch.equal(after.state[parameter]["exp_avg_sq"], moments["exp_avg_sq"])


def test_norms_biases_gains_and_the_logit_scale_do_not_decay() -> None:
    network = open_clip.create_model("ViT-S-32-alt")
    decayed, free = (group["params"] for group in build_optimiser(network, OptimiserSettings()).param_groups)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert len(decayed) + len(free) == len(names)
    assert all(names[id(p)].endswith(("weight", "proj", "projection", "embedding")) for p in decayed)
    spared = {names[id(p)] for p in free}
    assert {"logit_scale", "ln_final.weight", "ln_final.bias", "visual.ln_post.weight", "visual.class_embedding"} <= spared
    assert all(
        name.endswith("bias") or ".ln_" in name or name.startswith("ln_")
        for name in spared - {"logit_scale", "visual.class_embedding"}
    )
