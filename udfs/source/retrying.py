"""Tries again what may succeed later, with growing random pauses."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from schemas.rejects import Reason, Rejected
from udfs.rate import RateLimit

Result = TypeVar("Result")

_STATUS = re.compile(r"status:? (\d{3})|(\d{3}) (?=Bad Request|Method Not Allowed|Gone|Range Not)")
_RETRIED_STATUS = frozenset({408, 425, 429})


class Incomplete(Exception):
    """A body that ended before its announced size."""


@dataclass(frozen=True)
class Retry:
    """How often and how long to try; every try asks `rate` first."""

    attempts: int
    first_backoff_s: float
    max_backoff_s: float
    rate: RateLimit

    def run(self, key: str, request: Callable[[], Result]) -> Result:
        """The request's result; Rejected: not_found at once, fetch_failed with the last error after the last attempt."""
        attempt = 0
        while True:
            attempt += 1
            self.rate.wait()
            try:
                return request()
            except FileNotFoundError:
                raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source") from None
            except (BaseError, OSError, Incomplete) as error:
                if attempt >= self.attempts or not may_pass(error):
                    raise Rejected(Reason.FETCH_FAILED, f"{key}, attempt {attempt}: {summary(error)}") from None
            time.sleep(self.pause_s(attempt))

    def pause_s(self, attempt: int) -> float:
        """Seconds to wait after a failed attempt: full jitter up to a bound that doubles with each attempt."""
        return random.uniform(0, min(self.max_backoff_s, self.first_backoff_s * 2**attempt))


def may_pass(error: Exception) -> bool:
    """True for what another attempt may heal: server errors, throttling, broken or slow connections; False for refusals."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return False
    status = _STATUS.search(str(error))
    if not status:
        return True
    code = int(status[1] or status[2])
    return code >= 500 or code in _RETRIED_STATUS


def summary(error: Exception) -> str:
    """The error's type and its text up to the debug dump that obstore appends."""
    text = str(error).partition("\n\nDebug source")[0]
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}"
