from types import SimpleNamespace

import pytest
import torch

from training.model import autocast


@pytest.mark.parametrize(("major", "is_bfloat16"), [(7, False), (8, True), (9, True)])
def test_auto_is_bfloat16_on_a_gpu_that_does_not_emulate_it(
    major: int, is_bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=major))
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    with autocast("auto", torch.device("cuda")):
        assert torch.is_autocast_enabled("cuda") == is_bfloat16
