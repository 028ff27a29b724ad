"""A proxy on loopback in front of an S3 server: counts requests and makes the faults that a network and a busy bucket make."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Fault = Callable[["_Handler"], None]
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass
class Request:
    """A request as it arrived."""

    time_s: float
    method: str
    key: str
    is_signed: bool


@dataclass
class FaultProxy:
    """Forwards to `upstream` (http://host:port); a key's planned faults are used up in order, then it behaves."""

    upstream: str
    bucket: str
    requests: list[Request] = field(default_factory=list)
    _plans: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, key: str, *faults: Fault) -> None:
        """Let the next requests for a key (`*`: for any key without a plan of its own) end in these faults."""
        self._plans[key].extend(faults)

    def calm(self) -> None:
        """Forget every planned fault."""
        with self._lock:
            self._plans.clear()

    def reads_of(self, key: str) -> int:
        """How many GET requests a key has had."""
        return sum(request.method == "GET" and request.key == key for request in self.requests)

    def next_fault(self, method: str, path: str, is_signed: bool) -> Fault | None:
        parts = urlsplit(path)
        key = unquote(parts.path).removeprefix(f"/{self.bucket}").lstrip("/")
        with self._lock:
            self.requests.append(Request(time.monotonic(), method, key, is_signed))
            plan = self._plans.get(key) or self._plans.get("*")
            return plan.popleft() if plan else None

    @contextlib.contextmanager
    def running(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[str]:
        """The proxy's URL while it runs; afterwards no connection and no thread is left."""
        server = _Server((host, 0), _Handler)
        server.proxy = self
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}" if tls else f"http://{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.drop_connections()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close then waits for them
    request_queue_size = 128
    proxy: FaultProxy

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def do_GET(self) -> None:
        fault = self.server.proxy.next_fault(self.command, self.path, "Authorization" in self.headers)
        (fault or forward)(self)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def fetch_upstream(self) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.server.proxy.upstream)
        with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
            connection.request(self.command, self.path, headers={"Host": parts.netloc})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def answer(self, status: int, headers: dict[str, str], body: bytes, num_bytes: int | None = None) -> None:
        """Send a response that announces `num_bytes`, by default as many as it has."""
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "date", "server", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if num_bytes is None else num_bytes))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def forward(handler: _Handler) -> None:
    """No fault: what the server behind says."""
    status, headers, body = handler.fetch_upstream()
    size = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), len(body))
    handler.answer(status, headers, body, size if handler.command == "HEAD" else None)


def status(code: int, body: bytes = b"") -> Fault:
    """An HTTP status instead of the object."""
    return lambda handler: handler.answer(code, {"Content-Type": "application/xml"}, body)


slow_down = status(503, SLOW_DOWN)
not_found = status(404, b"<Error><Code>NoSuchKey</Code></Error>")


def reset(handler: _Handler) -> None:
    """The connection is reset before anything is sent."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def truncated(handler: _Handler) -> None:
    """The whole size is announced, half of the body is sent, the connection closes."""
    code, headers, body = handler.fetch_upstream()
    handler.answer(code, headers, body[: len(body) // 2], len(body))
    handler.close_connection = True


def cut_short(handler: _Handler) -> None:
    """Half of the body is sent as if it were all."""
    code, headers, body = handler.fetch_upstream()
    handler.answer(code, headers, body[: len(body) // 2])


def corrupted(handler: _Handler) -> None:
    """The right number of bytes, one of them wrong."""
    code, headers, body = handler.fetch_upstream()
    handler.answer(code, headers, bytes([body[0] ^ 1]) + body[1:])


def slow_body(seconds: float) -> Fault:
    """A body that stops in the middle for a time."""

    def fault(handler: _Handler) -> None:
        code, headers, body = handler.fetch_upstream()
        handler.answer(code, headers, body[: len(body) // 2], len(body))
        time.sleep(seconds)
        handler.wfile.write(body[len(body) // 2 :])

    return fault


def announces(num_bytes: int) -> Fault:
    """A response that announces a size and sends a little of it."""

    def fault(handler: _Handler) -> None:
        handler.answer(200, {}, b"x" * 1000, num_bytes)
        handler.close_connection = True

    return fault


def redirect(url: str) -> Fault:
    """A redirect to somewhere else."""
    return lambda handler: handler.answer(302, {"Location": url}, b"")


def meanwhile(change: Callable[[], None], then: Fault = forward) -> Fault:
    """Something changes at the source just before this request is answered."""

    def fault(handler: _Handler) -> None:
        change()
        then(handler)

    return fault
