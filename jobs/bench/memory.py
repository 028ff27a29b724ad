"""The largest memory of this process and all below it, while something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import psutil  # type: ignore[import-untyped]

EVERY_S = 0.5
_ROLES = {"pyspark.daemon": "worker", "udfs.image_isolated": "decoder helper", "java": "JVM"}


@dataclass
class Peak:
    """The largest sum seen so far (bytes), and the largest single process by what it does; shared pages count once."""

    num_bytes: int = 0
    largest: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        """Compare with what this process and all below it hold now."""
        held = tree_memory()
        for role, num_bytes in held:
            self.largest[role] = max(self.largest.get(role, 0), num_bytes)
        self.num_bytes = max(self.num_bytes, sum(num_bytes for _, num_bytes in held))


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Watch this process, its JVM and its Python workers twice a second; the result is final after the context."""
    peak, done = Peak(), Event()

    def watch() -> None:
        while True:
            peak.look()
            if done.wait(EVERY_S):
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def tree_memory() -> list[tuple[str, int]]:
    """What this process and each of its descendants do, and their proportional set sizes (bytes)."""
    me = psutil.Process()
    held = []
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.Error):  # it ended meanwhile
            role = "driver" if process == me else _role(process.cmdline())
            held.append((role, process.memory_full_info().pss))
    return held


def tree_bytes() -> int:
    """Proportional set sizes of this process and of all its descendants, summed."""
    return sum(num_bytes for _, num_bytes in tree_memory())


def _role(command: list[str]) -> str:
    line = " ".join(command)
    return next((role for part, role in _ROLES.items() if part in line), "other")
