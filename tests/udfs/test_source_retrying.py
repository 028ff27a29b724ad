"""Which errors are tried again, and how long the pauses are."""

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from schemas.rejects import Reason, Rejected
from udfs.rate import RateLimit
from udfs.source import retrying
from udfs.source.retrying import Retry, may_pass, summary

SLOW_DOWN = GenericError("Server returned non-2xx status code: 503 Service Unavailable: SlowDown\n\nDebug source:\nGeneric {}")


class Pauses(RateLimit):
    def __init__(self) -> None:
        super().__init__(0.0)
        self.held: list[float] = []

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", times.append)
    monkeypatch.setattr(retrying.random, "uniform", lambda low, high: high)
    return times


def failing(error: Exception) -> Retry:
    retry = Retry(5, 0.5, 1.5, Pauses())

    def request() -> None:
        raise error

    with pytest.raises(Rejected) as caught:
        retry.run("PMC1.1/x", request)
    assert caught.value.reason is Reason.FETCH_FAILED
    return retry


def test_pauses_double_up_to_their_bound(slept: list[float]) -> None:
    failing(ConnectionResetError("gone"))
    assert slept == [0.5, 1.0, 1.5, 1.5]


def test_pauses_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", times.append)
    for _ in range(20):
        failing(ConnectionResetError("gone"))
    assert len(set(times)) == len(times)
    assert 0 <= min(times) <= max(times) <= 1.5


def test_a_throttling_server_holds_back_every_thread(slept: list[float]) -> None:
    rate = failing(SLOW_DOWN).rate
    assert isinstance(rate, Pauses)
    assert rate.held == slept == [0.5, 1.0, 1.5, 1.5]


def test_other_faults_hold_back_only_their_own_thread(slept: list[float]) -> None:
    rate = failing(GenericError("status code: 500 Internal Server Error")).rate
    assert isinstance(rate, Pauses)
    assert rate.held == []
    assert len(slept) == 4


def test_refusals_are_not_tried_again() -> None:
    assert not may_pass(PermissionDeniedError("status code: 403 Forbidden"))
    assert not may_pass(GenericError("status code: 400 Bad Request"))
    assert may_pass(GenericError("status code: 408 Request Timeout"))
    assert may_pass(SLOW_DOWN)


def test_a_summary_is_one_short_line_without_the_debug_dump() -> None:
    text = summary(GenericError("first\nsecond " + "x" * 1000 + "\n\nDebug source:\n kind: Timeout,\n kind: Request"))
    assert text.startswith("GenericError: first second xxx")
    assert text.endswith("(Timeout)")
    assert len(text) < 400
