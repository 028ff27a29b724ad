"""Serving the reads of many fetches: results in input order, bounds kept, every step in the consuming thread."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs.one_read import one_read
from udfs.held_bytes import Admit, admit_any
from udfs.reads import Read, Steps, fetch_alone, fetch_concurrently


def read_key(key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
    return key.encode()


def reading(work: Callable[[int], int]) -> Callable[..., bytes]:
    """A read that works on the number that the key is."""
    return lambda key, *_: str(work(int(key))).encode()


def number_read(number: int) -> Steps[int]:
    answer = yield Read(str(number), 10)
    return int(answer.data)


def reads_of(number: int) -> Steps[str]:
    """As many reads, one after the other, as the number's rest by four says; their keys."""
    keys = []
    for step in range(number % 4):
        answer = yield Read(f"{number}-{step}", 10)
        keys.append(answer.data.decode())
    return " ".join(keys)


def expected_of(number: int) -> str:
    return " ".join(f"{number}-{step}" for step in range(number % 4))


def test_results_come_in_input_order_with_rejections_in_place() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        if number == 5:
            raise Rejected(Reason.NOT_FOUND, "five")
        return number * number

    results = list(fetch_concurrently(reading(work), number_read, range(20), 6))
    assert [item for item, _ in results] == list(range(20))
    assert [result for item, result in results if item != 5] == [item**2 for item in range(20) if item != 5]
    assert isinstance(results[5][1], Rejected)


@pytest.mark.parametrize("slow_rest", range(4))
def test_the_order_does_not_depend_on_what_is_slow(slow_rest: int) -> None:
    def read(key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        time.sleep(0.005 if int(key.partition("-")[0]) % 4 == slow_rest else 0)
        return key.encode()

    results = list(fetch_concurrently(read, reads_of, range(30), 3, max_held_bytes=20))
    assert results == [(number, expected_of(number)) for number in range(30)]


def test_steps_run_in_the_consuming_thread_and_reads_in_others() -> None:
    stepping, reading_in = set(), set()

    def read(key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        reading_in.add(threading.get_ident())
        if key.endswith("-1"):
            raise Rejected(Reason.NOT_FOUND, key)
        return key.encode()

    def fetch(number: int) -> Steps[int]:
        stepping.add(threading.get_ident())
        yield Read(f"{number}-0", 10)
        stepping.add(threading.get_ident())
        try:
            yield Read(f"{number}-1", 10)
        except Rejected:
            stepping.add(threading.get_ident())
        return number

    assert list(fetch_concurrently(read, fetch, range(20), 4)) == [(number, number) for number in range(20)]
    assert stepping == {threading.get_ident()}
    assert reading_in
    assert reading_in.isdisjoint(stepping)


def test_a_fetch_behind_a_slow_one_goes_on_with_its_next_read() -> None:
    second = threading.Event()

    def read(key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        if key == "slow":
            assert second.wait(10)
        if key == "quick-1":
            second.set()
        return key.encode()

    def fetch(name: str) -> Steps[str]:
        if name == "slow":
            yield Read("slow", 10)
        else:
            yield Read("quick-0", 10)
            yield Read("quick-1", 10)
        return name

    assert [name for name, _ in fetch_concurrently(read, fetch, ["slow", "quick"], 2)] == ["slow", "quick"]


def test_a_digest_is_made_where_it_is_asked_for() -> None:
    def fetch(with_md5: bool) -> Steps[str]:
        answer = yield Read("key", 10, with_md5)
        return answer.md5

    digest = hashlib.md5(b"key").hexdigest()
    assert dict(fetch_concurrently(read_key, fetch, [True, False], 2)) == {True: digest, False: ""}
    assert fetch_alone(read_key, fetch(True)) == digest


def test_one_fetch_alone_gets_what_it_asks_for_and_handles_a_rejection() -> None:
    def read(key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        if key == "absent":
            raise Rejected(Reason.NOT_FOUND, key)
        return f"{key} {max_bytes}".encode()

    def fetch() -> Steps[bytes]:
        try:
            yield Read("absent", 1)
        except Rejected:
            answer = yield Read("present", 2)
        return answer.data

    assert fetch_alone(read, fetch()) == b"present 2"
    with pytest.raises(Rejected, match="absent"):
        fetch_alone(read, one_read("absent"))


def test_no_more_reads_run_at_a_time_than_asked_for() -> None:
    running, peak, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return number

    assert len(list(fetch_concurrently(reading(work), number_read, range(30), 4))) == 30
    assert peak == 4


@pytest.mark.parametrize(("num_bytes", "most_ahead"), [(0, 6), (40, 4)])
def test_a_slow_reader_bounds_what_waits_for_it(num_bytes: int, most_ahead: int) -> None:
    taken: list[int] = []
    read: list[str] = []

    def items() -> Iterator[str]:
        for number in range(30):
            while len(read) < number:  # all before are read, so that the bound knows their bytes
                time.sleep(0.001)
            time.sleep(0.005)
            taken.append(number)
            yield str(number)

    def object_of(key: str, max_bytes: int, admit: Admit) -> bytes:
        read.append(key)
        return bytes(num_bytes)

    for number, _ in fetch_concurrently(object_of, one_read, items(), 3, max_held_bytes=100):
        assert len(taken) - int(number) <= most_ahead
    assert len(taken) == 30


class Measured:
    """Objects whose sizes are their keys' first numbers; counts requests and the most bytes that were admitted and not taken."""

    def __init__(self, failing: int = 0) -> None:
        self.held = self.peak = self.num_requests = 0
        self._failing, self._lock = failing, threading.Lock()

    def read(self, key: str, max_bytes: int, admit: Admit) -> bytes:
        size = int(key.split("-")[0])
        with self._lock:
            self.num_requests += 1
            fails = self.num_requests <= self._failing
        admit(size)
        self.count(size)
        time.sleep(0.001)
        if fails:
            self.count(-size)
            raise Rejected(Reason.FETCH_FAILED, key)
        return bytes(size)

    def count(self, num_bytes: int) -> None:
        with self._lock:
            self.held += num_bytes
            self.peak = max(self.peak, self.held)


def reads_of_sizes(sizes: tuple[int, ...]) -> Steps[int]:
    """One read after the other; the bytes that came."""
    total = 0
    for number, size in enumerate(sizes):
        answer = yield Read(f"{size}-{number}", 10**6)
        total += len(answer.data)
    return total


@pytest.mark.timeout(60)
@pytest.mark.parametrize("limit", [1, 100, 450, 1000])
def test_all_that_is_read_and_not_yet_taken_stays_below_one_bound(limit: int) -> None:
    source, sizes = Measured(), [(100,), (30, 100), (1,), (50, 20, 30)] * 25
    for item, result in fetch_concurrently(source.read, reads_of_sizes, sizes, 16, limit):
        assert result == sum(item)
        time.sleep(0.001)
        source.count(-result)
    assert source.held == 0
    largest = max(map(sum, sizes))
    assert source.peak <= limit + largest  # the fetch that is taken next always goes on


def test_without_pressure_every_object_is_requested_once_and_many_at_a_time() -> None:
    source, sizes = Measured(), [(100,)] * 50
    for _, result in fetch_concurrently(source.read, reads_of_sizes, sizes, 8, 10**6):
        source.count(-100 if result == 100 else 0)
    assert source.num_requests == 50
    assert source.peak > 300


@pytest.mark.timeout(60)
def test_an_object_that_had_to_wait_is_requested_once_more_at_most() -> None:
    source, sizes = Measured(), [(100,)] * 60
    for _ in fetch_concurrently(source.read, reads_of_sizes, sizes, 8, 250):
        source.count(-100)
    assert 60 <= source.num_requests <= 120


@pytest.mark.timeout(60)
def test_bytes_of_reads_that_fail_are_given_back() -> None:
    source, sizes = Measured(failing=30), [(100,)] * 60
    found = [result for _, result in fetch_concurrently(source.read, reads_of_sizes, sizes, 4, 200)]
    assert [result for result in found if result == 100] == [100] * (60 - len([r for r in found if isinstance(r, Rejected)]))
    assert 0 < len([result for result in found if isinstance(result, Rejected)]) <= 30
    assert source.num_requests <= 120


def test_an_early_end_starts_nothing_that_still_waits() -> None:
    started, go_on = [], threading.Event()

    def work(number: int) -> int:
        started.append(number)
        if number:
            go_on.wait(5)
        return number

    results = fetch_concurrently(reading(work), number_read, range(100), 2)
    next(results)
    threading.Timer(0.1, go_on.set).start()
    results.close()  # type: ignore[attr-defined]
    assert set(started) <= {0, 1, 2}


def test_an_early_end_or_an_error_leaves_no_thread() -> None:
    started = fetch_concurrently(reading(lambda number: number), number_read, range(1000), 4)
    assert next(started) == (0, 0)
    started.close()  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        list(fetch_concurrently(reading(lambda number: 1 // number), number_read, [1, 0, 1], 2))

    def wrong_step(number: int) -> Steps[float]:
        yield Read(str(number), 10)
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        list(fetch_concurrently(read_key, wrong_step, [1, 0, 1], 2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]
