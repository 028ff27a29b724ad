"""A bound on the bytes of objects that a process reads or holds for a reader."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

MAX_HELD_BYTES = 256 * 2**20

Admit: TypeAlias = Callable[[int], None]
"""Is told the size of an object before its body is read; raises NoRoom where that has to wait."""


class NoRoom(Exception):
    """An object of `num_bytes` would hold more than is allowed: to be asked for again once others have gone."""

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"no room for {num_bytes} bytes")
        self.num_bytes = num_bytes


def admit_any(num_bytes: int) -> None:
    """Let every object be read: for single reads."""


class HeldBytes:
    """Counts bytes up to a limit; safe for many threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._num_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for a single byte more."""
        return self._num_bytes >= self._limit

    def reserve(self, num_bytes: int, always: bool = False) -> bool:
        """Count the bytes (fewer than none: give them back) and return True, or False where they go over the limit."""
        with self._lock:
            if num_bytes > 0 and not always and self._num_bytes + num_bytes > self._limit:
                return False
            self._num_bytes += num_bytes
            return True
