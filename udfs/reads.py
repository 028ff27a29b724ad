"""Fetches that only say what they need read, and the two ways to serve them: one read after the other, or many at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from schemas.rejects import Rejected

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Read:
    """A request for an object of at most `max_bytes`, with or without its MD5."""

    key: str
    max_bytes: int
    with_md5: bool = False


@dataclass(frozen=True)
class ObjectRead:
    """The object of a Read; `md5` is empty where it was not asked for."""

    data: bytes
    md5: str = ""


Steps: TypeAlias = Generator[Read, ObjectRead, Result]
"""A fetch without input of its own: it yields what it needs, gets it sent or the error thrown in, and returns its result."""

ReadObject: TypeAlias = Callable[[str, int], bytes]
"""`read` of a Source."""


def fetch_alone(read: ReadObject, steps: Steps[Result]) -> Result:
    """What `steps` return, or the error they end with; every read in this thread."""
    answer: ObjectRead | Exception | None = None
    while True:
        try:
            request = _next_read(steps, answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = _answer(read, request)


def fetch_concurrently(
    read: ReadObject,
    fetch: Callable[[Item], Steps[Result]],
    items: Iterable[Item],
    concurrency: int,
    max_waiting_bytes: int = 256 * 2**20,
) -> Iterator[tuple[Item, Result | Rejected]]:
    """Each item with what its `fetch` returned or the Rejected it raised, in input order.

    Reads and their digests run in at most `concurrency` threads; the steps between them run in the thread that takes the results,
    so that threads need not wait for each other's Python. Items are taken from the input only while fewer than twice as many, and
    less than `max_waiting_bytes` read for them, wait to be taken. Any other error ends the iteration; when it ends, early or not,
    no thread is left.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="fetch") as pool:
        waiting: _Waiting[Item, Result] = _Waiting(read, pool)
        try:
            for item in items:
                waiting.add(item, fetch(item))
                while len(waiting.fetches) >= 2 * concurrency or waiting.num_bytes >= max_waiting_bytes:
                    yield waiting.take()
            while waiting.fetches:
                yield waiting.take()
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass
class _Fetch(Generic[Item, Result]):
    item: Item
    steps: Steps[Result]
    num_bytes: int = 0
    result: Result | Rejected | None = None
    is_finished: bool = False


class _Waiting(Generic[Item, Result]):
    """The fetches that are not taken yet, oldest first, and the bytes read for them; for the consuming thread alone."""

    def __init__(self, read: ReadObject, pool: ThreadPoolExecutor) -> None:
        self.fetches: deque[_Fetch[Item, Result]] = deque()
        self.num_bytes = 0
        self._read = read
        self._pool = pool
        self._answers: SimpleQueue[tuple[_Fetch[Item, Result], ObjectRead | Exception]] = SimpleQueue()

    def add(self, item: Item, steps: Steps[Result]) -> None:
        """Start a fetch, and go on with those whose reads are answered."""
        self.fetches.append(_Fetch(item, steps))
        self._step(self.fetches[-1], None)
        while not self._answers.empty():
            self._step(*self._answers.get())

    def take(self) -> tuple[Item, Result | Rejected]:
        """The oldest fetch once it is finished; the others go on meanwhile."""
        oldest = self.fetches.popleft()
        while not (oldest.is_finished and self._answers.empty()):
            self._step(*self._answers.get())
        self.num_bytes -= oldest.num_bytes
        return oldest.item, oldest.result  # type: ignore[return-value]  # a result may itself be None

    def _step(self, fetch: _Fetch[Item, Result], answer: ObjectRead | Exception | None) -> None:
        if isinstance(answer, ObjectRead):
            fetch.num_bytes += len(answer.data)
            self.num_bytes += len(answer.data)
        try:
            request = _next_read(fetch.steps, answer)
        except StopIteration as end:
            fetch.result, fetch.is_finished = end.value, True
        except Rejected as rejected:
            fetch.result, fetch.is_finished = rejected, True
        else:
            self._pool.submit(self._serve, fetch, request)

    def _serve(self, fetch: _Fetch[Item, Result], request: Read) -> None:
        self._answers.put((fetch, _answer(self._read, request)))


def _next_read(steps: Steps[Result], answer: ObjectRead | Exception | None) -> Read:
    """What the steps need next; StopIteration with their result when that is nothing."""
    if isinstance(answer, Exception):
        return steps.throw(answer)
    return next(steps) if answer is None else steps.send(answer)


def _answer(read: ReadObject, request: Read) -> ObjectRead | Exception:
    try:
        data = read(request.key, request.max_bytes)
        return ObjectRead(data, hashlib.md5(data, usedforsecurity=False).hexdigest() if request.with_md5 else "")
    except Exception as error:
        return error
