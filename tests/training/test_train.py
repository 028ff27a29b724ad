import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from conf.settings import UnusableSettings
from conf.train_settings import load_train_settings
from training.checkpoint import read
from training.evaluate import evaluate_checkpoint
from training.metrics import read_lines
from training.model import limit_logit_scale
from training.train import main, train

ROOT = Path(__file__).resolve().parents[2]
STEPS = 60
LINES = 20
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
Overrides = Callable[..., list[str]]


@pytest.fixture(scope="module")
def overrides(export_folder: Path, tiny_model: Path) -> Overrides:
    """Overrides of a run of sixty steps over 16 samples each, with a line for three steps: checkpoints hold an open window."""

    def make(output: Path, **changes: Any) -> list[str]:
        values = {
            "data.uri": export_folder,
            "data.batch_size": 16,
            "data.block_samples": 8,
            "model.name": "tiny",
            "model.config": tiny_model,
            "optimiser.learning_rate": 0.001,
            "optimiser.warmup_samples": 160,
            "samples_total": 16 * STEPS,
            "log_every_samples": 16 * STEPS // LINES,
            "evaluation.zero_shot.classes": "[circle, square, triangle]",
            "checkpoint.every_samples": 320,
            "checkpoint.keep": 10,
            "output": output,
        }
        return [
            f"{key}={value}"
            for key, value in (values | {key.replace("__", "."): value for key, value in changes.items()}).items()
        ]

    return make


def run(arguments: list[str], processes: int = 2) -> None:
    """Train by the command, in so many processes."""
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    command = [sys.executable, "-m", *launcher, "training.train", "--config", "demo", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def losses(output: Path) -> list[float]:
    return [line["loss"] for line in read_lines(output / "metrics.jsonl") if "loss" in line]


def weights(output: Path) -> dict[str, torch.Tensor]:
    """Weights in the newest checkpoint."""
    model: dict[str, torch.Tensor] = read(max((output / "checkpoints").glob("*.pt")))["model"]
    return model


def assert_same_weights(one: Path, other: Path) -> None:
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(other)[name]), name


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, overrides: Overrides) -> Path:
    """The output of one process, not interrupted."""
    output = tmp_path_factory.mktemp("alone") / "run"
    train(load_train_settings("demo", overrides(output)))
    return output


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, overrides: Overrides) -> Path:
    """The output of two processes with half the batch each, not interrupted."""
    output = tmp_path_factory.mktemp("together") / "run"
    run(overrides(output, data__batch_size=8))
    return output


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(alone: Path, together: Path) -> None:
    assert len(losses(alone)) == LINES
    assert losses(alone)[-1] < 0.7 * losses(alone)[0]
    assert losses(together) == pytest.approx(losses(alone), abs=1e-4)


@pytest.mark.slow
def test_one_process_evaluates_like_two(together: Path, overrides: Overrides, tmp_path: Path) -> None:
    output = shutil.copytree(together, tmp_path / "run")
    alone = asdict(evaluate_checkpoint(load_train_settings("demo", overrides(output)), "latest"))
    shared = json.loads((together / "summary.json").read_text())["evaluation"]
    assert alone["num_samples"] == shared["num_samples"] == alone["zero_shot"]["num_samples"] == 24
    assert shared["zero_shot"] == pytest.approx(alone["zero_shot"], abs=0.05)
    for measure in ("image_to_text", "text_to_image"):
        assert shared[measure] == pytest.approx(alone[measure], abs=0.05)


@pytest.mark.slow
def test_accumulated_steps_of_two_processes_have_the_same_loss_curve(alone: Path, overrides: Overrides, tmp_path: Path) -> None:
    run(overrides(tmp_path / "run", data__batch_size=4, accumulate_steps=2, data__workers=1))
    assert losses(tmp_path / "run") == pytest.approx(losses(alone), abs=1e-4)


def test_workers_do_not_change_the_run(alone: Path, overrides: Overrides, tmp_path: Path) -> None:
    train(load_train_settings("demo", overrides(tmp_path / "run", data__workers=2)))
    assert losses(tmp_path / "run") == losses(alone)
    assert_same_weights(tmp_path / "run", alone)


def cut_off(output: Path, copy: Path, samples_seen: int) -> Path:
    """A copy of a run as a crash after its checkpoint at `samples_seen` would have left it."""
    shutil.copytree(output, copy)
    for checkpoint in (copy / "checkpoints").glob("*.pt"):
        if checkpoint.name > f"samples-{samples_seen:012d}.pt":
            checkpoint.unlink()
    return copy


@pytest.mark.slow
def test_two_processes_that_resume_end_like_two_that_were_not_interrupted(
    together: Path, overrides: Overrides, tmp_path: Path
) -> None:
    output = cut_off(together, tmp_path / "run", 640)
    run([*overrides(output, data__batch_size=8), "--resume", "latest"])
    assert losses(output) == losses(together)
    assert_same_weights(output, together)


def test_one_process_goes_on_with_the_checkpoint_of_two(together: Path, overrides: Overrides, tmp_path: Path) -> None:
    output = cut_off(together, tmp_path / "run", 640)
    train(load_train_settings("demo", overrides(output)), resume="latest")
    assert losses(output) == pytest.approx(losses(together), abs=1e-4)


@pytest.fixture(scope="module")
def dropping_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A model whose passes draw random numbers."""
    config = json.loads(tiny_model.read_text())
    config["vision_cfg"]["patch_dropout"] = 0.5
    path = tmp_path_factory.mktemp("models") / "dropping.json"
    path.write_text(json.dumps(config))
    return path


def test_a_killed_run_resumes_to_the_losses_and_weights_of_one_that_was_not(
    overrides: Overrides, dropping_model: Path, tmp_path: Path
) -> None:
    changes = {"model__name": "dropping", "model__config": dropping_model, "samples_total": 640}
    changes |= {"checkpoint__every_samples": 64, "evaluation__every_samples": 160}
    train(load_train_settings("demo", overrides(tmp_path / "whole", **changes)))
    command = [sys.executable, "-m", "training.train", "--config", "demo", *overrides(tmp_path / "killed", **changes)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list((tmp_path / "killed").glob("checkpoints/*.pt"))) < 3:
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "summary.json").exists()
    train(load_train_settings("demo", overrides(tmp_path / "killed", **changes)), resume="latest")
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert_same_weights(tmp_path / "killed", tmp_path / "whole")


def test_a_run_that_is_done_resumes_to_the_same_summary(alone: Path, overrides: Overrides, tmp_path: Path) -> None:
    shutil.copytree(alone, tmp_path / "run")
    train(load_train_settings("demo", overrides(tmp_path / "run")), resume="latest")
    before, after = (json.loads((output / "summary.json").read_text()) for output in (alone, tmp_path / "run"))
    assert after == before


def test_the_model_learns_and_finds_pairs_it_has_not_seen(overrides: Overrides, tmp_path: Path) -> None:
    changes = {"samples_total": 4000, "log_every_samples": 400, "optimiser__learning_rate": 0.003}
    summary = train(load_train_settings("demo", overrides(tmp_path / "run", **changes, checkpoint__every_samples=4000)))
    assert summary.loss_last < 0.75 * summary.loss_first
    found = summary.evaluation
    assert found["num_samples"] == 24
    for depth in ("1", "5", "10"):
        assert found["chance"][depth] == int(depth) / 24
    assert found["text_to_image"]["5"] > 2 * found["chance"]["5"]
    assert found["image_to_text"]["5"] > 2 * found["chance"]["5"]
    assert found["zero_shot"]["num_samples"] == 24
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["evaluation"] == found


def test_bfloat16_follows_the_float32_curve(alone: Path, overrides: Overrides, tmp_path: Path) -> None:
    train(load_train_settings("demo", overrides(tmp_path / "run", precision="bfloat16")))
    assert losses(tmp_path / "run")[:8] == pytest.approx(losses(alone)[:8], rel=0.02)
    assert losses(tmp_path / "run") != losses(alone)


def test_tensorboard_shows_what_the_lines_say(alone: Path) -> None:
    board = EventAccumulator(str(alone / "tensorboard"))
    board.Reload()
    lines = [line for line in read_lines(alone / "metrics.jsonl") if "loss" in line]
    assert set(lines[0]) == {"samples_seen", "loss", "samples_per_s", "lr", "logit_scale"}
    assert [event.step for event in board.Scalars("loss")] == [line["samples_seen"] for line in lines]
    assert [event.value for event in board.Scalars("lr")] == pytest.approx([line["lr"] for line in lines])


def test_open_clip_loads_the_trained_model(alone: Path) -> None:
    network, _, _ = open_clip.create_model_and_transforms(f"local-dir:{alone / 'open_clip'}")
    assert network.visual.image_size == (32, 32)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights(alone)[name]), name


def test_the_logit_scale_stays_between_one_and_a_hundred() -> None:
    network = open_clip.create_model("tiny")
    for raw, scale in ((9.0, 100.0), (-2.0, 1.0), (3.0, 20.0855)):
        network.logit_scale.data.fill_(raw)
        limit_logit_scale(network)
        assert float(network.logit_scale.detach().exp()) == pytest.approx(scale, rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_run(overrides: Overrides, tmp_path: Path) -> None:
    changes = {"optimiser__learning_rate": 1e30, "optimiser__warmup_samples": 0, "optimiser__grad_clip_norm": "null"}
    with pytest.raises(FloatingPointError, match=r"the loss is nan after \d+ samples"):
        train(load_train_settings("demo", overrides(tmp_path / "run", **changes)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "demo", "data.batch_size=0", "lr=1"], ["data.batch_size", "lr: unknown key"]),
        (["--config", "demo", "data.workers=3"], ["batch_size must be a multiple of workers"]),
        (["--config", "nothing"], ["one of demo, vit_b_32"]),
        (["--config", "nowhere.yaml"], ["nowhere.yaml does not exist"]),
        (["--config", "demo", "data.uri=nowhere"], ["data.uri: nowhere holds no manifest.json"]),
        (["--config", "demo", "model.name=ViT-Z"], ["model.name: open_clip has no config 'ViT-Z'"]),
    ],
)
def test_unusable_settings_are_named_and_end_with_code_two(
    arguments: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert all(text in told for text in said), told


def test_an_export_without_training_samples_is_named(
    make_export: Callable[..., Path], overrides: Overrides, tmp_path: Path
) -> None:
    folder = make_export((), (8,))
    with pytest.raises(UnusableSettings, match="no samples in split train"):
        train(load_train_settings("demo", overrides(tmp_path / "run", data__uri=folder)))
