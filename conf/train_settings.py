"""Settings of one training run: frozen models, sizes counted in samples."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from conf.load import load_model
from conf.public_values import hide_all
from conf.settings import Positive, Section, UnusableSettings

NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class DataSettings(Section):
    """Which export is read and how its samples are ordered."""

    uri: str = Field(
        min_length=1, description="Folder of an export (manifest.json and tars): a path, s3://, gs://, az:// or https://"
    )
    store: dict[str, str] = Field(
        default_factory=dict, description="Further options of the object store, such as endpoint or region"
    )
    batch_size: Positive = Field(description="Samples per process and forward pass")
    workers: NotNegative = Field(2, description="Reading processes per training process; 0: read in the training process")
    lanes: Positive = Field(16, description="Parts of an epoch read side by side; best a multiple of processes x workers")
    block_samples: Positive = Field(256, description="Samples of a lane that are held in memory and shuffled together")

    @model_validator(mode="after")
    def _workers_share_a_batch(self) -> DataSettings:
        if self.workers and self.batch_size % self.workers:
            raise ValueError(f"batch_size must be a multiple of workers, not {self.batch_size} and {self.workers}")
        return self


class ModelSettings(Section):
    """Which open_clip model is trained."""

    name: str = Field(min_length=1, description="Name of an open_clip model config, one of conf/models included")
    config: str | None = Field(None, description="JSON file of a further model config; its stem is the model's name")
    weights: str | None = Field(None, description="File of weights to start from; None: random")
    crop_scale: tuple[Share, Share] = Field((0.9, 1.0), description="Share of the image area that a random training crop keeps")


class OptimiserSettings(Section):
    """AdamW and the learning rate, which rises linearly and falls along a half cosine."""

    learning_rate: float = Field(5e-4, gt=0, description="Peak of the schedule")
    final_fraction: float = Field(0.0, ge=0, le=1, description="Learning rate at the end, as a share of the peak")
    warmup_samples: NotNegative = 0
    betas: tuple[float, float] = (0.9, 0.98)
    epsilon: float = Field(1e-6, gt=0)
    weight_decay: float = Field(0.2, ge=0, description="Of matrices only: norms, biases, gains and the logit scale have none")
    grad_clip_norm: float | None = Field(1.0, gt=0, description="Largest norm of the gradient; None: any")


class CheckpointSettings(Section):
    """When the state of a run is written."""

    every_samples: Positive = 1_000_000
    keep: Positive = Field(3, description="Newest checkpoints that stay")


class ZeroShotSettings(Section):
    """Classification of images by the names of classes alone."""

    classes: tuple[str, ...] = Field(min_length=2)
    templates: tuple[str, ...] = Field(("{}", "a figure of {}"), min_length=1, description="Sentences with {} for the class name")
    label_field: str | None = Field(
        None, description="Key of a sample's json that names its class; None: the one class that its caption names"
    )


class EvaluationSettings(Section):
    """What is measured on held-out samples."""

    split: Literal["train", "val", "test"] = "val"
    every_samples: Positive | None = Field(None, description="None: at the end only")
    max_samples: Positive = Field(5_000, description="Samples that retrieval chooses among, the first of the split")
    batch_size: Positive = 64
    zero_shot: ZeroShotSettings | None = None


class TrainSettings(Section):
    """All settings of one training run."""

    data: DataSettings
    model: ModelSettings
    optimiser: OptimiserSettings = OptimiserSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    output: str = Field(min_length=1, description="Folder of checkpoints, metrics and the summary; all processes must see it")
    samples_total: Positive = Field(description="Length of the run; rounded up to a whole step")
    accumulate_steps: Positive = Field(1, description="Forward passes per step; the contrast is over all of them")
    log_every_samples: Positive = 10_000
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, else float32"
    )
    threads: Positive | None = Field(None, description="CPU threads per process; None: torch's choice")
    seed: int = 0

    def public_dump(self) -> dict[str, Any]:
        """The resolved values without secrets: also no option of the object store, of which any may be one."""
        dumped = super().public_dump()
        dumped["data"]["store"] = hide_all(self.data.store)
        return dumped


def load_train_settings(config: str, overrides: Iterable[str] = ()) -> TrainSettings:
    """Settings from a YAML file, or from the one of that bare name in conf/train, with key=value overrides.

    UnusableSettings: one line per wrong key; also for a name that is neither a file nor a shipped config.
    """
    return load_model(TrainSettings, _find(config), overrides)


def _find(config: str) -> Path | Traversable:
    if Path(config).suffix in {".yaml", ".yml"}:
        return Path(config)
    shipped = {entry.name.removesuffix(".yaml"): entry for entry in (files("conf") / "train").iterdir()}
    if config not in shipped:
        raise UnusableSettings(f"--config must be a YAML file or one of {', '.join(sorted(shipped))}, not {config!r}")
    return shipped[config]
