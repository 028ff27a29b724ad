"""Checkpoints: one file with everything that has state, written whole or not at all."""

from __future__ import annotations

import logging
import os
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch

from conf.settings import UnusableSettings
from conf.train_settings import TrainSettings
from training.distributed import Ranks

logger = logging.getLogger(__name__)


class Stateful(Protocol):
    """Something whose state a checkpoint holds."""

    def state_dict(self) -> dict[str, Any]:
        """The state as plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Take a state over."""


class Checkpoints:
    """The checkpoints of one run, named by the samples it had seen; the main process writes, all processes read."""

    def __init__(self, settings: TrainSettings, ranks: Ranks) -> None:
        self._folder = Path(settings.output) / "checkpoints"
        self._settings, self._ranks = settings, ranks

    def save(self, samples_seen: int, parts: Mapping[str, Stateful]) -> None:
        """Write the state of the parts and the settings, then drop what is older than the newest few. All processes call it."""
        states = {name: part.state_dict() for name, part in parts.items()}
        if self._ranks.is_main:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / f"samples-{samples_seen:012d}.pt", states | {"settings": self._settings.public_dump()})
            for old in _by_age(self._folder)[self._settings.checkpoint.keep :]:
                old.unlink()

    def restore(self, resume: str | None, parts: Mapping[str, Stateful]) -> None:
        """Bring the parts to a checkpoint: a file, or "latest", which is the newest whole one, or none in an empty output.

        Later checkpoints of the run are removed then: it goes on from here, and they are no part of it any more.
        UnusableSettings: no such file, or a run that starts anew in an output that holds checkpoints already.
        """
        if resume is None and _by_age(self._folder):
            raise UnusableSettings(
                f"output: {self._settings.output} holds a run: go on by --resume latest, or name another output"
            )
        path = self._ranks.gather(find(self._folder, resume) or "" if resume and self._ranks.is_main else "")[0]
        if path:
            states = read(Path(path))
            for name, part in parts.items():
                part.load_state_dict(states[name])
            self._ranks.wait()
            if self._ranks.is_main:
                self._drop_later(Path(path))
                logger.info("going on from %s", path)

    def _drop_later(self, restored: Path) -> None:
        """Remove what is newer in the run's folder than a file in it; nothing, for a file that is not."""
        newest_first = _by_age(self._folder.resolve())
        path = restored.parent.resolve() / restored.name
        for later in newest_first[: newest_first.index(path)] if path in newest_first else []:
            logger.info("removing %s, which came after %s", later, restored.name)
            later.unlink()


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """Save to a file that holds all of the content or, after a crash, is not there or is what it was before."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint on the CPU; only tensors and plain values are unpickled."""
    return cast(dict[str, Any], torch.load(path, map_location="cpu", weights_only=True))


def find(folder: Path, which: str) -> str | None:
    """Path of a checkpoint: the file `which`, or for "latest" the newest in a folder that reads whole; None: no such.

    UnusableSettings when a named file is not there.
    """
    if which != "latest":
        if not Path(which).is_file():
            raise UnusableSettings(f"no checkpoint {which}: name a file in {folder}, or latest")
        return which
    return next((str(path) for path in _by_age(folder) if _reads_whole(path)), None)


def _by_age(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first."""
    return sorted(folder.glob("samples-*.pt"), reverse=True)


def _reads_whole(path: Path) -> bool:
    """Whether the file, a zip archive, is complete and its checksums hold, which torch does not look at."""
    try:
        with zipfile.ZipFile(path) as archive:
            is_whole = archive.testzip() is None
    except zipfile.BadZipFile:
        is_whole = False
    if not is_whole:
        logger.warning("%s is torn and left out", path)
    return is_whole


class RandomState:
    """The random generators of every process: Python's, numpy's, torch's."""

    def __init__(self, seed: int, ranks: Ranks) -> None:
        self._ranks = ranks
        random.seed(seed + ranks.rank)
        np.random.seed(seed + ranks.rank)
        torch.manual_seed(seed + ranks.rank)

    def state_dict(self) -> dict[str, Any]:
        """All processes' states, in order of rank; all processes call it."""
        numpy_state = np.random.get_state(legacy=False)
        numpy_state["state"]["key"] = numpy_state["state"]["key"].tolist()
        mine = {"python": random.getstate(), "numpy": numpy_state, "torch": torch.get_rng_state()}
        if self._ranks.device.type == "cuda":
            mine["cuda"] = torch.cuda.get_rng_state()
        return {"ranks": self._ranks.gather(mine)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over this process's state; one that the run did not have before keeps its seed."""
        if self._ranks.rank < len(state["ranks"]):
            mine = state["ranks"][self._ranks.rank]
            random.setstate(mine["python"])
            np.random.set_state(mine["numpy"])
            torch.set_rng_state(mine["torch"])
            if "cuda" in mine and self._ranks.device.type == "cuda":
                torch.cuda.set_rng_state(mine["cuda"])
