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
from udfs.source.endpoint_proxy import REFUSAL

Result = TypeVar("Result")

_STATUS = re.compile(r"status code: (\d{3})")
_KIND = re.compile(r"kind: (Connect|Timeout|Interrupted|Request|Decode)")
_MESSAGE = re.compile(r'message: "([^"]*)"')
_RETRIED_STATUS = frozenset({408, 425, 429})
_THROTTLED_STATUS = frozenset({429, 503})


@dataclass(frozen=True)
class Retry:
    """How often and how long to try; every try asks `rate` first, and a server that throttles holds back the whole process."""

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
            except (BaseError, OSError) as error:
                if _status(error) == 404:  # a listing: there is no such bucket
                    raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source") from None
                if attempt >= self.attempts or not may_pass(error):
                    raise Rejected(Reason.FETCH_FAILED, f"{key}, attempt {attempt}: {summary(error)}") from None
                self._pause(attempt, error)

    def _pause(self, attempt: int, error: Exception) -> None:
        # Full jitter: many clients that failed together must not come back together.
        pause_s = random.uniform(0, min(self.max_backoff_s, self.first_backoff_s * 2 ** (attempt - 1)))
        if _status(error) in _THROTTLED_STATUS:
            self.rate.hold(pause_s)
        time.sleep(pause_s)


def may_pass(error: Exception) -> bool:
    """True for what another attempt may heal: server errors, throttling, broken or slow connections; False for refusals."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _is_refused_redirect(error):
        return False
    status = _status(error)
    return status is None or status >= 500 or status in _RETRIED_STATUS


def summary(error: Exception) -> str:
    """One line: the error's text without the debug dump that obstore appends, and the cause that the dump names."""
    text, _, dump = str(error).partition("\n\nDebug source")
    if _is_refused_redirect(error):
        return REFUSAL
    cause = _MESSAGE.search(dump) or _KIND.search(dump)
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}" + (f" ({cause[1]})" if cause else "")


def _status(error: Exception) -> int | None:
    match = _STATUS.search(str(error))
    return int(match[1]) if match else None


def _is_refused_redirect(error: Exception) -> bool:
    # What the proxy answers to a request, and what becomes of it where a TLS connection was asked for.
    return REFUSAL in str(error) or "TunnelUnsuccessful" in str(error)
