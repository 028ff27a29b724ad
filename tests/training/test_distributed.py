from collections.abc import Callable

import pytest
import torch
from torch import distributed

from training.distributed import Ranks, join

Told = list[str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What torch was told about process groups and devices, none of which is there."""
    told: Told = []
    monkeypatch.setattr(distributed, "init_process_group", told.append)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: told.append("destroyed"))
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: told.append(str(device)))
    return told


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, dict[str, int]], None]:
    """Makes it look as if there were so many GPUs and a launcher's variables."""

    def make(num_devices: int, variables: dict[str, int]) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: num_devices > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: num_devices)
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return make


def second_of_two(local_rank: int = 1, local_world_size: int = 2) -> dict[str, int]:
    return {"RANK": 1, "LOCAL_RANK": local_rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": local_world_size}


@pytest.mark.parametrize(
    ("num_devices", "variables", "device", "expected"),
    [
        (0, {}, "cpu", []),
        (1, {}, "cuda:0", ["cuda:0"]),
        (0, second_of_two(), "cpu", ["gloo", "destroyed"]),
        (1, second_of_two(), "cpu", ["gloo", "destroyed"]),
        (2, second_of_two(), "cuda:1", ["cuda:1", "nccl", "destroyed"]),
        (1, second_of_two(0, 1), "cuda:0", ["cuda:0", "nccl", "destroyed"]),
    ],
)
def test_a_machine_trains_on_its_gpus_when_each_process_has_one(
    num_devices: int,
    variables: dict[str, int],
    device: str,
    expected: Told,
    told: Told,
    machine: Callable[[int, dict[str, int]], None],
) -> None:
    machine(num_devices, variables)
    with join() as ranks:
        assert ranks == Ranks(variables.get("RANK", 0), variables.get("WORLD_SIZE", 1), torch.device(device))
    assert told == expected


def test_too_few_gpus_are_told_of_once(
    machine: Callable[[int, dict[str, int]], None], told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    for rank in range(2):
        machine(1, second_of_two(local_rank=rank))
        with join():
            pass
    assert [record.getMessage() for record in caplog.records] == ["training on the CPU: 2 processes, GPUs: 1"]


def test_a_process_that_fails_does_not_wait_for_the_others(told: Told, machine: Callable[[int, dict[str, int]], None]) -> None:
    machine(0, second_of_two())
    with pytest.raises(FloatingPointError), join():
        raise FloatingPointError
    assert told == ["gloo"]
