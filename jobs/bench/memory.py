"""The largest memory of this process and all below it, while something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psutil  # type: ignore[import-untyped]

EVERY_S = 0.5


@dataclass
class Peak:
    """The largest sum seen so far (bytes); pages that processes share count once."""

    num_bytes: int = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Watch this process, its JVM and its Python workers twice a second; the result is final after the context."""
    peak, done = Peak(), Event()

    def watch() -> None:
        while True:
            peak.num_bytes = max(peak.num_bytes, tree_bytes())
            if done.wait(EVERY_S):
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def tree_bytes() -> int:
    """Proportional set sizes of this process and of all its descendants, summed."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.Error):  # it ended meanwhile
            total += process.memory_full_info().pss
    return total
