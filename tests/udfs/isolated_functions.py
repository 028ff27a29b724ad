"""What the tests of an isolated process let it do."""

from __future__ import annotations

import os
import time

import numpy as np

from schemas.rejects import Reason, Rejected


def act(what: str, argument: object) -> object:
    return _ACTIONS[what](argument)


def _reject(_: object) -> object:
    raise Rejected(Reason.BLANK, "as asked")


def _stall(_: object) -> object:
    return (10**8) ** (10**8)  # one multiplication after the other in C, and no look at signals between


def _work(seconds: float) -> None:
    started = time.process_time()
    while time.process_time() - started < seconds:
        pass


def _allocate(size: int) -> int:
    return int(np.ones(size, dtype=np.uint8).sum())


def _print(noise: bytes) -> str:
    os.write(1, noise)
    return "printed"


_ACTIONS = {
    "echo": lambda argument: argument,
    "pid": lambda _: os.getpid(),
    "reject": _reject,
    "divide": lambda _: 1 // 0,
    "stall": _stall,
    "work": _work,
    "sleep": time.sleep,
    "kill": lambda number: os.kill(os.getpid(), number),
    "allocate": _allocate,
    "print": _print,
}
