"""A proxy on loopback that leads to one host and port: a client that follows every redirect gets nowhere else through it."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from socket import (
    IPPROTO_TCP,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_LINGER,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    create_connection,
    getaddrinfo,
    socket,
)
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

REFUSAL = "redirect to another host refused"
PORTS = {"http": 80, "https": 443}

_CHUNK_BYTES = 2**17
_MAX_HEAD_BYTES = 2**16
_END = b"\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_STARTING = Lock()

Endpoint = tuple[str, str, int]
"""Scheme, host and port."""


def endpoint_of(url: str) -> Endpoint:
    """Where the server of an http(s) URL listens; ValueError for a URL that names none."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"source: {url!r} names no host")
    return parts.scheme, _canonical(parts.hostname), parts.port or PORTS[parts.scheme]


def _canonical(host: str) -> str:
    """A numeric address as clients write it."""
    try:
        return ip_address(host).compressed
    except ValueError:
        return host


def proxy_url(url: str, connect_timeout_s: float) -> str:
    """Address of this process's proxy to the server of a URL; ValueError as in `endpoint_of`.

    What is sent to it goes straight to the endpoint: proxies that the environment names are not asked.
    """
    with _STARTING:
        return _running(os.getpid(), endpoint_of(url), connect_timeout_s)


class EndpointProxy(ThreadingTCPServer):
    """Passes requests without a body, and TLS connections, on to the endpoint; what is meant for any other gets a 421.

    An endpoint that cannot be reached within `connect_timeout_s` shows as a 502 that says why, or as a tunnel that is closed.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint, connect_timeout_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.endpoint = endpoint
        self.connect_timeout_s = connect_timeout_s

    def shutdown_request(self, request: socket) -> None:  # type: ignore[override]
        """Close a client's connection; without the orderly end that comes first usually, which a reset must not have."""
        self.close_request(request)

    def connect(self) -> socket:
        """A connection to the endpoint, at whichever of its addresses answers first in turn; OSError of the last one."""
        _, host, port = self.endpoint
        addresses = getaddrinfo(host, port, type=SOCK_STREAM)
        for number, (_, _, _, _, address) in enumerate(addresses, start=1):
            try:
                upstream = create_connection((str(address[0]), port), self.connect_timeout_s / len(addresses))
                break
            except OSError:
                if number == len(addresses):
                    raise
        upstream.settimeout(None)  # how long a request may take is the client's to say
        return _without_delay(upstream)


class _Connection(BaseRequestHandler):
    """One connection of the client: a tunnel, or requests one after the other."""

    server: EndpointProxy
    request: socket

    def handle(self) -> None:
        """Pass on until one side closes; a client that sends no more is taken to wait for no answer either."""
        with suppress(OSError):
            head = _head(_without_delay(self.request))
            if not self._is_allowed(head):
                return
            with self._connected(head) as upstream:
                try:
                    self._pass_on(head, upstream)
                finally:
                    upstream.shutdown(SHUT_RDWR)  # wakes the thread that waits for it, which closing does not

    def _connected(self, head: bytes) -> socket:
        try:
            return self.server.connect()
        except OSError as error:
            if not head.startswith(b"CONNECT "):
                self.request.sendall(_answer("502 Bad Gateway", f"{type(error).__name__}: {error}"))
            raise

    def _pass_on(self, head: bytes, upstream: socket) -> None:
        if is_tunnel := head.startswith(b"CONNECT "):
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        Thread(target=_pump, args=(upstream, self.request), daemon=True).start()
        if is_tunnel:
            _pump(self.request, upstream)
        while not is_tunnel and self._is_allowed(head):
            upstream.sendall(_origin_form(head))
            head = _head(self.request)

    def _is_allowed(self, head: bytes) -> bool:
        if head and _target(head) != self.server.endpoint:
            self.request.sendall(_answer("421 Misdirected Request", REFUSAL))
            return False
        return bool(head)


def _answer(status: str, text: str) -> bytes:
    """An answer of the proxy's own; 421 (RFC 9110, 15.5.20) means that the request is for no server that can be reached here."""
    body = text.encode()
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@cache
def _running(pid: int, endpoint: Endpoint, connect_timeout_s: float) -> str:
    # By process: threads do not survive a fork, so that a child needs a proxy of its own.
    server = EndpointProxy(endpoint, connect_timeout_s)
    Thread(target=server.serve_forever, daemon=True, name=f"proxy to {endpoint[1]}").start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def _without_delay(connection: socket) -> socket:
    """The connection, which sends at once what it is given."""
    connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return connection


def _head(client: socket) -> bytes:
    """The next request's line and headers; nothing when the client has closed or sends what is no request."""
    head = b""
    while not head.endswith(_END):
        data = client.recv(_MAX_HEAD_BYTES)
        head += data
        if not data or len(head) > _MAX_HEAD_BYTES:
            return b""
    return head


def _target(head: bytes) -> Endpoint | None:
    """Where a request is to go; None where it does not say so."""
    method, _, rest = head.partition(b" ")
    name = rest.partition(b" ")[0].decode("latin-1")
    with suppress(ValueError):
        return endpoint_of(f"https://{name}" if method == b"CONNECT" else name)
    return None


def _origin_form(head: bytes) -> bytes:
    """A request as the server itself expects it (RFC 9112, 3.2.1): without scheme and host, which stay in `Host`."""
    method, url, rest = head.split(b" ", 2)
    path = url.partition(b"://")[2].partition(b"/")[2]
    return b" ".join((method, b"/" + path, rest))


def _pump(source: socket, sink: socket) -> None:
    """Everything that comes from one side to the other until it ends; what ends with a reset here does so there."""
    held = memoryview(bytearray(_CHUNK_BYTES))
    try:
        while num_bytes := source.recv_into(held):
            sink.sendall(held[:num_bytes])
        sink.shutdown(SHUT_WR)
    except OSError:
        with suppress(OSError):
            sink.setsockopt(SOL_SOCKET, SO_LINGER, _RESET_ON_CLOSE)
            sink.shutdown(SHUT_RD)  # wakes the thread that reads from it and closes it then
