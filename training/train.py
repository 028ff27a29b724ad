"""Trains a CLIP model on an export: `torchrun -m training.train --config demo [--resume latest] [key=value ...]`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

from rich.console import Console
from torch.nn.utils import clip_grad_norm_

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings, load_train_settings
from training.checkpoint import Checkpoints
from training.distributed import Ranks, join
from training.evaluate import evaluate
from training.loss import backward, build_loss
from training.metrics import Metrics
from training.model import autocast, limit_logit_scale, parallel, save_open_clip
from training.run import Run, Summary, build_run, summarise


def train(settings: TrainSettings, resume: str | None = None) -> Summary:
    """Train to `samples_total` samples, from a checkpoint when `resume` names one; the summary that is in the output then.

    Every process of the run calls it. UnusableSettings when export, model or output do not fit the settings.
    """
    with join(settings.threads) as ranks:
        run, checkpoints = build_run(settings, ranks), Checkpoints(settings, ranks)
        checkpoints.restore(resume, run.parts)
        clip, loop, batches = run.clip, run.loop, iter(run.loader)
        network, loss = parallel(clip.network, ranks), build_loss(ranks)
        precision = partial(autocast, settings.precision, ranks.device)
        samples_per_step = settings.data.batch_size * settings.accumulate_steps * ranks.world_size
        with Metrics(Path(settings.output), settings.samples_total, loop.samples_seen, ranks) as metrics:
            loop.start_clock()
            while not loop.is_over:
                run.schedule.advance(samples_per_step)
                step = [batch.to(ranks.device) for batch in islice(batches, settings.accumulate_steps)]
                value = backward(network, loss, step, precision)
                if settings.optimiser.grad_clip_norm:
                    clip_grad_norm_(network.parameters(), settings.optimiser.grad_clip_norm)
                run.optimiser.step()
                run.optimiser.zero_grad()
                limit_logit_scale(clip.network)
                loop.advance(samples_per_step, value)
                metrics.advance(loop.samples_seen)
                if loop.passed(settings.log_every_samples):
                    metrics.log(loop.samples_seen, run.close_window())
                if loop.passed(settings.evaluation.every_samples):
                    metrics.log(loop.samples_seen, evaluate(clip, settings, ranks).values())
                    loop.start_clock()
                if loop.passed(settings.checkpoint.every_samples):
                    checkpoints.save(loop.samples_seen, run.parts)
                    loop.start_clock()
            return _finish(run, settings, ranks, metrics)


def _finish(run: Run, settings: TrainSettings, ranks: Ranks, metrics: Metrics) -> Summary:
    """Log what is open, save, evaluate, and leave the model and the summary in the output."""
    if run.loop.has_open_window:
        metrics.log(run.loop.samples_seen, run.close_window())
    Checkpoints(settings, ranks).save(run.loop.samples_seen, run.parts)
    evaluation = evaluate(run.clip, settings, ranks)
    metrics.log(run.loop.samples_seen, evaluation.values())
    summary = summarise(run, settings, ranks, evaluation)
    if ranks.is_main:
        output = Path(settings.output)
        save_open_clip(run.clip, output / "open_clip")
        (output / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    return summary


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code is 2, with one line to say why, when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="training.train", description="Train a CLIP model on an export.")
    parser.add_argument("--config", required=True, help="YAML file, or the name of one in conf/train")
    parser.add_argument("--resume", help="checkpoint file, or latest (which starts anew where there is none)")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args(argv)
    try:
        train(load_train_settings(arguments.config, arguments.overrides), arguments.resume)
    except UnusableSettings as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        return 2
    return 0


if __name__ == "__main__":
    # open_clip warns through the root logger that random weights are random.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("training").setLevel(logging.INFO)
    sys.exit(main())
