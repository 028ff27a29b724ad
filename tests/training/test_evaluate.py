import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from conf.train_settings import TrainSettings, load_train_settings
from training import evaluate as module
from training.distributed import Ranks
from training.evaluate import evaluate, main, recall
from training.model import Clip, build_clip
from training.order import Span
from training.shards import Export
from training.train import train

ALONE = Ranks(0, 1, torch.device("cpu"))


def unit(count: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("chunk_rows", [7, 50, 1024])
def test_recall_is_what_a_full_sort_finds(chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_ROWS", chunk_rows)
    images = unit(50, 0)
    texts = functional.normalize(images + 0.5 * unit(50, 1))
    order = np.argsort(-(images.numpy() @ texts.numpy().T), axis=1)
    ranks = np.array([list(row).index(number) for number, row in enumerate(order)])
    assert recall(images, texts) == pytest.approx({str(depth): (ranks < depth).mean() for depth in (1, 5, 10)})


def test_perfect_features_are_always_found() -> None:
    assert recall(unit(30, 0), unit(30, 0)) == {"1": 1.0, "5": 1.0, "10": 1.0}


def test_a_model_that_says_the_same_of_everything_scores_chance() -> None:
    same = unit(1, 0).expand(40, 16)
    assert recall(unit(40, 1), same) == pytest.approx({"1": 1 / 40, "5": 5 / 40, "10": 10 / 40})


def test_equal_captions_share_their_hits() -> None:
    images, texts = torch.eye(4), torch.eye(4)[[0, 0, 2, 3]]
    assert recall(images[[0, 0, 2, 3]], texts)["1"] == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_features_that_are_no_numbers_are_refused(number: float) -> None:
    broken = unit(30, 0)
    broken[3] = number
    for features in ((broken, unit(30, 0)), (unit(30, 0), broken)):
        with pytest.raises(FloatingPointError, match="features are no numbers"):
            recall(*features)


class ColourBlind(nn.Module):
    """Sees and reads one thing only: whether something is red."""

    logit_scale = torch.tensor(1.0)

    def forward(self, images: torch.Tensor, texts: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"image_features": self.encode_image(images), "text_features": self.encode_text(texts)}

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """A red pixel has much of the first channel and little of the second."""
        is_red = (images[:, 0] - images[:, 1]).amax((1, 2)) > 0.9
        return torch.stack([is_red, ~is_red], dim=1).float()

    def encode_text(self, texts: torch.Tensor, normalize: bool = True) -> torch.Tensor:
        return functional.one_hot(texts[:, 0], 2).float()


class NearlyColourBlind(ColourBlind):
    """Its features of what is red and what is not lie so near each other that bfloat16 rounds their scores to one number."""

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        return self.narrow(super().encode_image(images))

    def encode_text(self, texts: torch.Tensor, normalize: bool = True) -> torch.Tensor:
        return self.narrow(super().encode_text(texts))

    def narrow(self, features: torch.Tensor) -> torch.Tensor:
        return functional.normalize(features @ torch.tensor([[1.0, 0.0], [1.0, 0.05]]))


def names_red(captions: str | list[str]) -> torch.Tensor:
    """One token: 0 for a text that says red, 1 for another."""
    return torch.tensor([[int("red" not in text)] for text in ([captions] if isinstance(captions, str) else captions)])


def plain(image: Image.Image) -> torch.Tensor:
    pixels = np.asarray(image.convert("RGB").resize((64, 64)), dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)


def settings_of(export: Path, model: Path, output: Path, *more: str) -> TrainSettings:
    own = [f"data.uri={export}", "model.name=tiny", f"model.config={model}", f"output={output}"]
    return load_train_settings("demo", [*own, *more])


def test_workers_and_batch_size_do_not_change_the_evaluation(export_folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    found = []
    for more in (["data.workers=0"], ["data.workers=2", "evaluation.batch_size=5"]):
        settings = settings_of(export_folder, tiny_model, tmp_path, *more)
        torch.manual_seed(0)
        found.append(evaluate(build_clip(settings.model, ALONE.device), settings, ALONE))
    assert found[0].num_samples == 24
    assert found[0].image_to_text == pytest.approx(found[1].image_to_text, abs=0.05)
    assert found[0].zero_shot is None


@pytest.mark.parametrize(("network", "precision"), [(ColourBlind(), "float32"), (NearlyColourBlind(), "bfloat16")])
def test_zero_shot_names_the_class_that_the_model_sees(
    network: nn.Module, precision: str, export_folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    zero_shot = ["evaluation.zero_shot.classes=[red, blue]", "evaluation.zero_shot.templates=['{}', 'a {} shape']"]
    settings = settings_of(export_folder, tiny_model, tmp_path, *zero_shot, f"precision={precision}")
    clip = Clip("colour-blind", network, names_red, plain, plain, 64)
    found = evaluate(clip, settings, ALONE).zero_shot
    export = Export(str(export_folder))
    captions = [sample["txt"].decode() for sample in export.samples(Span(export.shards("val")[0], 0, 24))]
    num_red, num_blue = (sum(f" {colour} " in caption for caption in captions) for colour in ("red", "blue"))
    assert num_red > 0 < num_blue
    assert found is not None
    assert found.num_samples == num_red + num_blue
    assert found.accuracy == 1.0
    assert found.chance == 0.5
    assert found.majority == pytest.approx(max(num_red, num_blue) / (num_red + num_blue))


def test_the_command_prints_a_table_and_leaves_it_as_data(
    export_folder: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [f"data.uri={export_folder}", "model.name=tiny", f"model.config={tiny_model}", f"output={tmp_path}", "samples_total=64"]
    summary = train(load_train_settings("demo", own))
    assert main(["--config", "demo", "--checkpoint", "latest", *own]) == 0
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["checkpoint"].endswith("samples-000000000064.pt")
    assert {key: found[key] for key in summary.evaluation} == summary.evaluation
    printed = capsys.readouterr().out
    assert "24 samples of split val" in printed
    row = next(line for line in printed.splitlines() if "image to text, recall@10" in line)
    assert f"{found['image_to_text']['10']:.3f}" in row
    assert f"{10 / 24:.3f}" in row


@pytest.mark.parametrize(("more", "said"), [([], "holds no checkpoint"), (["evaluation.split=test"], "no samples in test")])
def test_an_evaluation_of_nothing_is_refused(
    more: list[str], said: str, export_folder: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [f"data.uri={export_folder}", "model.name=tiny", f"model.config={tiny_model}", f"output={tmp_path}", "samples_total=32"]
    if more:
        train(load_train_settings("demo", own))
    assert main(["--config", "demo", *own, *more]) == 2
    assert said in capsys.readouterr().err
