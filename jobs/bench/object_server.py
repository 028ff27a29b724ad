"""A static object server on loopback in a process of its own, quick enough not to be what a fetch waits for."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

_END = b"\r\n\r\n"
_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_MODIFIED = "Sun, 01 Nov 2026 12:00:00 GMT"


@contextmanager
def serving(bucket: str, objects: Mapping[str, bytes], delay_s: float = 0.0) -> Iterator[str]:
    """The address of a server that has these objects in a bucket, in path style; the process ends with the context.

    Every answer begins `delay_s` after its request, as from a bucket that is some way off; any number wait at a time.
    """
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")  # the objects are shared, not copied
    process = context.Process(target=_serve, args=(bucket, objects, delay_s, there), daemon=True)
    process.start()
    there.close()  # so that a server that dies as it starts is not waited for
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(bucket: str, objects: Mapping[str, bytes], delay_s: float, ready: Connection) -> None:
    answers = {f"/{bucket}/{key}".encode(): (_head(data), data) for key, data in objects.items()}

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Answers(answers, delay_s), "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _head(data: bytes) -> bytes:
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {len(data)}", f'ETag: "{etag}"', f"Last-Modified: {_MODIFIED}")
    return "\r\n".join(lines).encode() + _END


class _Answers(asyncio.Protocol):
    """Answers GET requests of one connection from memory; knows nothing else of HTTP."""

    def __init__(self, answers: Mapping[bytes, tuple[bytes, bytes]], delay_s: float) -> None:
        self._answers, self._delay_s = answers, delay_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while _END in self._received:
            head, _, self._received = self._received.partition(_END)
            answer = self._answers.get(head.split(b" ", 2)[1])
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._send, answer or [_MISSING])
            else:
                self._send(answer or [_MISSING])

    def _send(self, parts: Iterable[bytes]) -> None:
        if not self._transport.is_closing():
            self._transport.writelines(parts)  # type: ignore[attr-defined]
