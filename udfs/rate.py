"""A cap on requests per second, shared by the threads of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimit:
    """Hands out starting times at least 1 / `per_s` seconds apart, the first one after such a gap; 0 means no cap.

    There is no burst: in any span of t seconds at most `per_s` * t + 1 starts are granted. A process that just started has no
    credit, so that a job whose processes come and go stays below its cap.
    """

    def __init__(
        self, per_s: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if per_s < 0:
            raise ValueError(f"requests_per_s must not be negative, not {per_s}")
        self._gap_s = 1 / per_s if per_s else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._last = clock()

    def wait(self) -> None:
        """Return when the caller may send its request."""
        if not self._gap_s and self._last <= self._clock():  # no cap, and no hold that lasts: nothing to agree on
            return
        with self._lock:
            start = max(self._clock(), self._last + self._gap_s)
            self._last = start
        while (delay := start - self._clock()) > 0:
            self._sleep(delay)

    def hold(self, seconds: float) -> None:
        """Let no request start in the next `seconds`, because the server asked to slow down."""
        with self._lock:
            self._last = max(self._last, self._clock() + seconds - self._gap_s)
