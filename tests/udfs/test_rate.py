"""The cap on requests per second, on a clock that the test turns."""

import random

import pytest

from udfs.rate import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def starts(limit: RateLimit, clock: Clock, num: int) -> list[float]:
    times = []
    for _ in range(num):
        limit.wait()
        times.append(clock.now)
    return times


def test_starts_are_evenly_spaced_from_the_first_on() -> None:
    clock = Clock()
    limit = RateLimit(4.0, clock, clock.sleep)
    assert starts(limit, clock, 3) == [100.25, 100.5, 100.75]


def test_idle_time_is_not_saved_up_for_a_burst() -> None:
    clock = Clock()
    limit = RateLimit(4.0, clock, clock.sleep)
    clock.now += 60
    assert starts(limit, clock, 3) == [160.0, 160.25, 160.5]


def test_without_a_cap_nobody_waits() -> None:
    clock = Clock()
    assert starts(RateLimit(0.0, clock, clock.sleep), clock, 3) == [100.0] * 3


@pytest.mark.parametrize(("per_s", "expected"), [(0.0, [102.0, 102.0]), (4.0, [102.0, 102.25])])
def test_a_hold_delays_every_later_start(per_s: float, expected: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(per_s, clock, clock.sleep)
    limit.hold(2.0)
    limit.hold(1.0)
    assert starts(limit, clock, 2) == expected


def test_a_sleep_that_ends_early_is_continued() -> None:
    clock = Clock()
    limit = RateLimit(1.0, clock, lambda seconds: clock.sleep(seconds / 2 if seconds > 1e-6 else seconds))
    limit.wait()
    assert clock.now >= 101.0


def test_a_rate_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="requests_per_s"):
        RateLimit(-1.0)


def test_in_no_span_of_time_more_starts_are_granted_than_the_cap_and_one() -> None:
    clock, rng = Clock(), random.Random(3)
    limit = RateLimit(4.0, clock, clock.sleep)
    times = []
    for _ in range(200):
        clock.now += rng.choice((0.0, 0.0, 0.0, 0.1, 3.0))
        if rng.random() < 0.05:
            limit.hold(rng.random())
        times += starts(limit, clock, 1)
    spans = [(last - first, n) for i, first in enumerate(times) for n, last in enumerate(times[i:], start=1)]
    assert all(n <= 4.0 * span + 1 + 1e-6 for span, n in spans)
    assert any(n > 4.0 * span + 0.99 and n > 5 for span, n in spans)
