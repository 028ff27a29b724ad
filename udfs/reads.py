"""Fetches that only say what they need read, and the two ways to serve them: one read after the other, or many at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, Protocol, TypeAlias, TypeVar

from schemas.rejects import Rejected
from udfs.held_bytes import MAX_HELD_BYTES, Admit, HeldBytes, NoRoom, admit_any

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


class ReadObject(Protocol):
    """`read` of a Source."""

    def __call__(self, key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        """The whole object; see Source.read."""


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
    max_held_bytes: int = MAX_HELD_BYTES,
) -> Iterator[tuple[Item, Result | Rejected]]:
    """Each item with what its `fetch` returned or the Rejected it raised, in input order.

    Reads and their digests run in at most `concurrency` threads; the steps between them run in the thread that takes the results,
    so that threads need not wait for each other's Python. Items are taken from the input only while fewer than twice as many wait
    to be taken. All that is being read, waits or is in the taker's hands has at most `max_held_bytes`: an object's announced size
    is counted before its body is read, and an object for which there is no room is requested again later. Only the oldest fetch
    goes on in any case. Any other error ends the iteration; when it ends, early or not, no thread is left.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="fetch") as pool:
        waiting: _Waiting[Item, Result] = _Waiting(read, pool, HeldBytes(max_held_bytes))
        try:
            for item in items:
                waiting.add(item, fetch(item))
                while len(waiting.fetches) >= 2 * concurrency or waiting.is_full:
                    yield from waiting.take()
            while waiting.fetches:
                yield from waiting.take()
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(eq=False)
class _Fetch(Generic[Item, Result]):
    """`reserved` bytes are counted for the read under way, `num_bytes` for what was read; `is_first`: it goes on in any case."""

    item: Item
    steps: Steps[Result]
    request: Read | None = None
    reserved: int = 0
    num_bytes: int = 0
    is_first: bool = False
    result: Result | Rejected | None = None
    is_finished: bool = False


_Answer: TypeAlias = ObjectRead | Exception


class _Waiting(Generic[Item, Result]):
    """The fetches that are not taken yet, oldest first, and those of them for whose reads there is no room."""

    def __init__(self, read: ReadObject, pool: ThreadPoolExecutor, held: HeldBytes) -> None:
        self.fetches: deque[_Fetch[Item, Result]] = deque()
        self._without_room: dict[_Fetch[Item, Result], int] = {}
        self._read, self._pool, self._held = read, pool, held
        self._answers: SimpleQueue[tuple[_Fetch[Item, Result], _Answer]] = SimpleQueue()

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be asked for."""
        return bool(self.fetches) and (self._held.is_full or bool(self._without_room))

    def add(self, item: Item, steps: Steps[Result]) -> None:
        """Start a fetch, and go on with those whose reads are answered."""
        self.fetches.append(_Fetch(item, steps))
        self._step(self.fetches[-1], None)
        while not self._answers.empty():
            self._step(*self._answers.get())

    def take(self) -> Iterator[tuple[Item, Result | Rejected]]:
        """The oldest fetch once it is finished, while others go on; what it holds is let go when the taker comes for the next."""
        oldest = self.fetches.popleft()
        oldest.is_first = True
        self._ask_again()
        while not (oldest.is_finished and self._answers.empty()):
            self._step(*self._answers.get())
        yield oldest.item, oldest.result  # type: ignore[misc]  # a result may itself be None
        self._held.reserve(-oldest.num_bytes)
        self._ask_again()

    def _step(self, fetch: _Fetch[Item, Result], answer: _Answer | None) -> None:
        if isinstance(answer, NoRoom):
            self._without_room[fetch] = answer.num_bytes
            return self._ask_again()
        fetch.num_bytes, fetch.reserved = fetch.num_bytes + fetch.reserved, 0
        try:
            fetch.request = _next_read(fetch.steps, answer)
        except StopIteration as end:
            fetch.result, fetch.is_finished = end.value, True
        except Rejected as rejected:
            fetch.result, fetch.is_finished = rejected, True
        else:
            self._pool.submit(self._serve, fetch, fetch.request)

    def _ask_again(self) -> None:
        for fetch, num_bytes in list(self._without_room.items()):
            if fetch.request and self._held.reserve(num_bytes, fetch.is_first):
                del self._without_room[fetch]
                fetch.reserved = num_bytes
                self._pool.submit(self._serve, fetch, fetch.request)

    def _serve(self, fetch: _Fetch[Item, Result], request: Read) -> None:
        def admit(num_bytes: int) -> None:
            if not self._held.reserve(num_bytes - fetch.reserved, fetch.is_first):
                raise NoRoom(num_bytes)
            fetch.reserved = num_bytes

        answer = _answer(self._read, request, admit)
        num_bytes = len(answer.data) if isinstance(answer, ObjectRead) else 0
        self._held.reserve(num_bytes - fetch.reserved, always=True)
        fetch.reserved = num_bytes
        self._answers.put((fetch, answer))


def _next_read(steps: Steps[Result], answer: ObjectRead | Exception | None) -> Read:
    """What the steps need next; StopIteration with their result when that is nothing."""
    if isinstance(answer, Exception):
        return steps.throw(answer)
    return next(steps) if answer is None else steps.send(answer)


def _answer(read: ReadObject, request: Read, admit: Admit = admit_any) -> ObjectRead | Exception:
    try:
        data = read(request.key, request.max_bytes, admit)
        return ObjectRead(data, hashlib.md5(data, usedforsecurity=False).hexdigest() if request.with_md5 else "")
    except Exception as error:
        return error
