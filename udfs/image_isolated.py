"""The other side of an isolated process: reads calls, runs one function under its limits, writes answers."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import warnings

from udfs.image_isolation import receive, send


def serve(module: str, function: str, max_memory_bytes: str, start_s: str) -> None:
    """Answer calls from standard input until it ends; a value is the result, an exception is what the function raised.

    Where the module has a function `prepare`, it runs before the first call. The start takes at most start_s
    seconds of processor time; that it is over is the first answer, which precedes any call.
    """
    signal.setitimer(signal.ITIMER_PROF, float(start_s))
    loaded = importlib.import_module(module)
    target = getattr(loaded, function)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints must not get between the answers
    warnings.simplefilter("ignore")
    _limit_memory(int(max_memory_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted parent closes the pipe
    getattr(loaded, "prepare", lambda: None)()
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    send(answers, "started")
    while True:
        try:
            arguments, timeout_s = receive(sys.stdin.buffer)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, timeout_s)
        try:
            answer = target(*arguments)
        except Exception as error:  # every error belongs to the caller, who raises it again
            answer = error
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        send(answers, answer)


def _limit_memory(max_bytes: int) -> None:
    """Let allocations fail past the limit, as MemoryError; the limit counts the data of the process, not mapped libraries."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
