"""A function in a process of its own, which the kernel of the operating system stops when it takes too long or too much."""

from __future__ import annotations

import atexit
import os
import pickle
import selectors
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Any

from schemas.rejects import Reason, Rejected

MAX_MEMORY_BYTES = 1900 * 2**20
MAX_START_S = 10.0
_LENGTH = struct.Struct(">Q")
_WALL_TIME_FACTOR = 10  # a busy machine slows the clock on the wall, not the process's own
_CRASHES = {-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)}
_START = "import sys; sys.path[:] = sys.argv[5:]; from udfs.image_isolated import serve; serve(*sys.argv[1:5])"


class IsolatedProcess:
    """A helper process that runs one function of a module, call after call; it is started when first needed.

    The limit of a call is processor time of the helper, kept by the operating system (ITIMER_PROF): it ends C code that
    never returns to Python, where a signal handler would wait in vain, and a loaded machine refuses no image that an idle
    one accepts. Each call has the whole of it, also one that waits for a start, which has a limit of its own: with less, an
    image that stalls as the first of each process could never be told from one that a slow start kept waiting. So the first
    call may take as long as a start and its limit together. A helper that was ended, or crashed, is replaced at once, so that
    the next call finds the start behind it or under way. It goes when its parent goes.
    """

    def __init__(
        self, module: str, function: str, max_memory_bytes: int = MAX_MEMORY_BYTES, max_start_s: float = MAX_START_S
    ) -> None:
        self._target = (module, function, str(max_memory_bytes), str(max_start_s))
        self._max_start_s = max_start_s
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._owner = 0
        self._lock = threading.Lock()
        atexit.register(self.close)

    def call(self, arguments: tuple[Any, ...], timeout_s: float) -> object:
        """What the function returns; raises what it raises. Rejected: timeout, unsupported (crash), fetch_failed.

        The last is for a helper that the machine ended or kept waiting, which says nothing of the image: the next run tries it.
        """
        with self._lock:
            process = self._ready()
            try:
                send(_pipe(process.stdin), (arguments, timeout_s))
                wait_readable(_pipe(process.stdout), timeout_s * _WALL_TIME_FACTOR)
                answer = receive(_pipe(process.stdout))
            except (EOFError, BrokenPipeError, TimeoutError) as error:
                raise self._ended(error, timeout_s) from error
            except BaseException:  # an interrupt, for one: an answer that is still to come would be taken for the next call's
                self.close()
                raise
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """End the helper, if one runs."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        _pipe(process.stdout).close()
        try:
            _pipe(process.stdin).close()
        except BrokenPipeError:
            return  # what was still to be written has no reader: that is what closing means here

    def _ready(self) -> subprocess.Popen[bytes]:
        """A helper that waits for calls; Rejected: fetch_failed, also where the machine has no room for another process."""
        try:
            process = self._running()
            if not self._is_ready:
                wait_readable(_pipe(process.stdout), self._max_start_s * _WALL_TIME_FACTOR)
                receive(_pipe(process.stdout))
        except (EOFError, OSError) as error:
            self.close()
            detail = f"the decoder did not start within {self._max_start_s} s: {error}"
            raise Rejected(Reason.FETCH_FAILED, detail) from error
        except BaseException:
            self.close()
            raise
        self._is_ready = True
        return process

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.close()
            self._process, self._owner, self._is_ready = self._start(), os.getpid(), False
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _START, *self._target, *sys.path]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _ended(self, error: Exception, timeout_s: float) -> Rejected:
        process = self._process
        code = process.wait() if process is not None and not isinstance(error, TimeoutError) else None
        self.close()
        with suppress(OSError):  # no process to be had: the next call asks again
            self._running()
        if code is None:
            return Rejected(Reason.FETCH_FAILED, f"the decoder did not answer within {timeout_s * _WALL_TIME_FACTOR} s")
        if code == -signal.SIGPROF:
            return Rejected(Reason.TIMEOUT, f"not decoded within {timeout_s} s of processor time")
        if code in _CRASHES:
            return Rejected(Reason.UNSUPPORTED, f"the decoder crashed with exit code {code}")
        return Rejected(Reason.FETCH_FAILED, f"the decoder was ended with exit code {code}; -9 is mostly a lack of memory")


def send(stream: IO[bytes], value: object) -> None:
    """Write one value with its length before it."""
    payload = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one value; EOFError when the other side is gone."""
    head = stream.read(_LENGTH.size)
    payload = stream.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not payload:
        raise EOFError("the other process is gone")
    return pickle.loads(payload)


def wait_readable(stream: IO[bytes], seconds: float) -> None:
    """Wait until there is something to read or the other side is gone; TimeoutError after that many seconds."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(seconds):
            raise TimeoutError(f"nothing to read within {seconds} s")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the process has no pipe")
    return stream
