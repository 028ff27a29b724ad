"""A function in its own process ends when its time or memory is over, whatever it does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from schemas.rejects import Reason, Rejected
from udfs import image_isolation
from udfs.image_isolation import IsolatedProcess


@pytest.fixture(scope="module")
def isolated() -> Iterator[IsolatedProcess]:
    process = IsolatedProcess("tests.udfs.isolated_functions", "act", max_memory_bytes=400 * 2**20)
    yield process
    process.close()


def test_values_come_back(isolated: IsolatedProcess) -> None:
    assert isolated.call(("echo", {"a": b"\0" * 1_000_000}), 5.0) == {"a": b"\0" * 1_000_000}


def test_calls_share_one_process(isolated: IsolatedProcess) -> None:
    first, second = (isolated.call(("pid", None), 5.0) for _ in range(2))
    assert first == second != os.getpid()


def test_errors_are_raised_here(isolated: IsolatedProcess) -> None:
    with pytest.raises(Rejected) as caught:
        isolated.call(("reject", None), 5.0)
    assert (caught.value.reason, caught.value.detail) == (Reason.BLANK, "as asked")
    with pytest.raises(ZeroDivisionError):
        isolated.call(("divide", None), 5.0)


def test_native_code_that_never_returns_is_stopped(isolated: IsolatedProcess) -> None:
    with pytest.raises(Rejected) as caught:
        isolated.call(("stall", None), 0.3)
    assert caught.value.reason is Reason.TIMEOUT
    assert isolated.call(("echo", 1), 5.0) == 1


def test_time_used_by_one_call_does_not_count_for_the_next(isolated: IsolatedProcess) -> None:
    for _ in range(4):
        assert isolated.call(("work", 0.15), 0.5) is None


def test_an_interrupted_call_leaves_no_answer_for_the_next_one(
    isolated: IsolatedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("wait_readable", "receive"):
        isolated.call(("echo", 0), 3.0)
        with monkeypatch.context() as patched:
            patched.setattr(image_isolation, step, interrupt)
            with pytest.raises(KeyboardInterrupt):
                isolated.call(("echo", 1), 3.0)
        assert [isolated.call(("echo", number), 3.0) for number in (2, 3)] == [2, 3]
    with pytest.raises(OverflowError):
        isolated.call(("echo", 1), 1e12)
    assert isolated.call(("echo", 5), 3.0) == 5


def test_waiting_is_stopped_by_the_clock_on_the_wall(isolated: IsolatedProcess) -> None:
    with pytest.raises(Rejected) as caught:
        isolated.call(("sleep", 60.0), 0.05)
    assert caught.value.reason is Reason.FETCH_FAILED


STARTS = {
    "stalls in native code": "def prepare(): (10**8) ** (10**8)",
    "waits": "import time\ndef prepare(): time.sleep(60)",
    "fails": "raise RuntimeError('no start')",
}
SLOW_START = """
from tests.udfs.isolated_functions import act
def prepare(): act("work", 1.4)
"""


@pytest.mark.parametrize("how", STARTS)
def test_a_helper_that_does_not_start_is_given_up(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unstarted.py").write_text(f"{STARTS[how]}\ndef act(what, argument): return argument\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    unstarted = IsolatedProcess("unstarted", "act", max_start_s=0.2)
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            unstarted.call(("echo", 1), 3600.0)
        assert (caught.value.reason, "start" in caught.value.detail) == (Reason.FETCH_FAILED, True)
    unstarted.close()


@pytest.fixture
def slow_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedProcess]:
    (tmp_path / "slow_start.py").write_text(SLOW_START)
    monkeypatch.syspath_prepend(str(tmp_path))
    process = IsolatedProcess("slow_start", "act")
    yield process
    process.close()


def test_a_slow_start_takes_nothing_from_the_first_call(slow_start: IsolatedProcess) -> None:
    assert slow_start.call(("work", 0.7), 1.0) is None


def test_what_stalls_is_a_timeout_even_as_the_first_call_after_a_slow_start(slow_start: IsolatedProcess) -> None:
    """Else an image that each run tries first, and alone, would be left to the next run for ever."""
    with pytest.raises(Rejected) as caught:
        slow_start.call(("stall", None), 0.5)
    assert caught.value.reason is Reason.TIMEOUT
    assert slow_start.call(("echo", 1), 5.0) == 1


def test_a_machine_without_room_for_a_helper_leaves_the_image_to_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: IsolatedProcess) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(IsolatedProcess, "_start", no_room)
    with pytest.raises(Rejected) as caught:
        IsolatedProcess("tests.udfs.isolated_functions", "act").call(("echo", 1), 5.0)
    assert (caught.value.reason, "no more processes" in caught.value.detail) == (Reason.FETCH_FAILED, True)


def test_a_helper_that_was_ended_is_replaced_before_the_next_call(isolated: IsolatedProcess) -> None:
    helper = isolated.call(("pid", None), 5.0)
    others = set(psutil.Process().children())
    with pytest.raises(Rejected):
        isolated.call(("kill", signal.SIGKILL), 5.0)
    (replacement,) = set(psutil.Process().children()) - others
    assert isolated.call(("pid", None), 5.0) == replacement.pid != helper


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_a_reject_and_the_next_call_works(isolated: IsolatedProcess, number: int) -> None:
    with pytest.raises(Rejected) as caught:
        isolated.call(("kill", number), 5.0)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert str(-number) in caught.value.detail
    assert isolated.call(("echo", 2), 5.0) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_image_whose_decoder_others_ended_is_left_to_the_next_run(isolated: IsolatedProcess, number: int) -> None:
    with pytest.raises(Rejected) as caught:
        isolated.call(("kill", number), 5.0)
    assert caught.value.reason is Reason.FETCH_FAILED
    assert isolated.call(("echo", 3), 5.0) == 3


def test_more_memory_than_allowed_cannot_be_had(isolated: IsolatedProcess) -> None:
    with pytest.raises(MemoryError):
        isolated.call(("allocate", 800 * 2**20), 5.0)
    assert isolated.call(("echo", 3), 5.0) == 3


def test_what_native_code_prints_does_not_mix_with_answers(isolated: IsolatedProcess) -> None:
    assert isolated.call(("print", b"noise" * 1000), 5.0) == "printed"


def test_a_forked_process_starts_its_own_helper(isolated: IsolatedProcess) -> None:
    helper = isolated.call(("pid", None), 5.0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(isolated.call(("pid", None), 5.0)).encode())
        isolated.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 100)) != helper
    os.close(read)
    os.close(write)
    assert isolated.call(("pid", None), 5.0) == helper


def test_the_helper_goes_when_its_parent_closes(isolated: IsolatedProcess) -> None:
    helper = isolated.call(("pid", None), 5.0)
    assert isinstance(helper, int)
    isolated.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(helper, 0)
        except ProcessLookupError:
            return
    pytest.fail("the helper is still there")
