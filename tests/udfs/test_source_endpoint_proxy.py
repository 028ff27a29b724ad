"""The proxy that leads to one endpoint: what passes, what is refused, and what becomes of its connections."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from udfs.source.endpoint_proxy import endpoint_of, proxy_url

BODY = os.urandom(3 * 2**20)


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = BODY if self.path == "/large" else f"{self.path} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def connected(endpoint: str, method: str = "GET") -> socket.socket:
    scheme = "https" if method == "CONNECT" else "http"
    address = urlsplit(proxy_url(f"{scheme}://{endpoint}", 5.0))
    return socket.create_connection((address.hostname, address.port), timeout=10)


def until_closed(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(2**16), b""))


def closed(connection: socket.socket) -> bool:
    try:
        return until_closed(connection) == b""
    except ConnectionResetError:
        return True


def until(connection: socket.socket, end: str) -> bytes:
    answer = b""
    while not answer.endswith(end.encode()):
        answer += connection.recv(2**16)
    return answer


def asking(url: str, method: str = "GET", last: bool = True) -> bytes:
    host = url if method == "CONNECT" else urlsplit(url).netloc
    return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{'Connection: close' if last else 'X: y'}\r\n\r\n".encode()


def test_requests_on_one_connection_reach_the_server_in_its_own_form(endpoint: str) -> None:
    with connected(endpoint) as connection:
        connection.sendall(asking(f"http://{endpoint}/a%20b?c=/d", last=False))
        assert until(connection, endpoint).endswith(f"\r\n\r\n/a%20b?c=/d {endpoint}".encode())
        connection.sendall(asking(f"http://{endpoint}"))
        assert until_closed(connection).endswith(f"\r\n\r\n/ {endpoint}".encode())


def test_a_tunnel_passes_on_what_it_is_given(endpoint: str) -> None:
    with connected(endpoint, "CONNECT") as connection:
        connection.sendall(asking(endpoint, "CONNECT"))
        until(connection, "\r\n\r\n")
        connection.sendall(b"GET /inside HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n")
        assert until_closed(connection).endswith(b"/inside any")


def test_a_request_that_comes_in_pieces_is_one(endpoint: str) -> None:
    with connected(endpoint) as connection:
        for byte in asking(f"http://{endpoint}/x"):
            connection.sendall(bytes([byte]))
        assert until_closed(connection).endswith(f"/x {endpoint}".encode())


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
@pytest.mark.parametrize("change", ["x.{}", "{}0", "127.0.0.2:{port}", "{host}", "", "{host}:99999999"])
def test_what_is_meant_for_another_is_refused(endpoint: str, method: str, change: str) -> None:
    host, port = endpoint.split(":")
    other = change.format(endpoint, host=host, port=port)
    with connected(endpoint, method) as connection:
        connection.sendall(asking(other if method == "CONNECT" else f"http://{other}/x", method))
        assert until_closed(connection).startswith(b"HTTP/1.1 421 ")


def test_a_later_request_on_a_connection_is_looked_at_too(endpoint: str) -> None:
    with connected(endpoint) as connection:
        connection.sendall(asking(f"http://{endpoint}/x", last=False))
        until(connection, endpoint)
        connection.sendall(asking("http://127.0.0.2/y"))
        assert until_closed(connection).startswith(b"HTTP/1.1 421 ")


def test_a_request_without_end_is_not_kept(endpoint: str) -> None:
    with connected(endpoint) as connection:
        connection.sendall(b"x" * (2**16 + 1))
        assert closed(connection)


def test_many_large_answers_at_once_are_whole(endpoint: str) -> None:
    answers: list[bytes] = []

    def ask() -> None:
        with connected(endpoint) as connection:
            connection.sendall(asking(f"http://{endpoint}/large"))
            answers.append(until_closed(connection).partition(b"\r\n\r\n")[2])

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer == BODY for answer in answers] == 32 * [True]


def test_connections_leave_no_thread_behind(endpoint: str) -> None:
    with connected(endpoint) as first:
        first.sendall(asking(f"http://{endpoint}/x"))
        until_closed(first)
    before = threading.active_count()
    for method, url in 8 * [("GET", f"http://{endpoint}/x"), ("CONNECT", endpoint)]:
        with connected(endpoint, method) as connection:
            connection.sendall(asking(url, method, last=False))
            assert connection.recv(12) == b"HTTP/1.1 200"
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_a_server_that_is_gone_shows_as_a_closed_connection() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    with connected(gone, "CONNECT") as connection:
        connection.sendall(asking(gone, "CONNECT"))
        assert until_closed(connection) == b""


def test_a_server_that_is_gone_is_told_of_to_who_asks_without_a_tunnel() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    with connected(gone) as connection:
        connection.sendall(asking(f"http://{gone}/x"))
        answer = until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"ConnectionRefusedError" in answer


def test_the_next_address_is_tried_where_one_refuses(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(endpoint.split(":")[1])
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.9", "127.0.0.1")]
    monkeypatch.setattr("udfs.source.endpoint_proxy.getaddrinfo", lambda *_, **__: both)
    with connected(f"two.addresses:{port}") as connection:
        connection.sendall(asking(f"http://two.addresses:{port}/x"))
        assert until_closed(connection).endswith(f"/x two.addresses:{port}".encode())


def test_a_process_has_one_proxy_for_an_endpoint_and_a_child_its_own() -> None:
    mine = proxy_url("http://127.0.0.1:81", 5.0)
    assert proxy_url("http://127.0.0.1:81/bucket", 5.0) == mine
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, proxy_url("http://127.0.0.1:81", 5.0).encode())
        os._exit(0)
    assert os.read(reading, 100).decode() != mine


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Host.example/bucket", ("https", "host.example", 443)),
        ("http://[::1]:9000", ("http", "::1", 9000)),
        ("http://[0:0:0:0:0:0:0:1]:9000", ("http", "::1", 9000)),
        ("http://host", ("http", "host", 80)),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url: str, expected: tuple[str, str, int]) -> None:
    assert endpoint_of(url) == expected


@pytest.mark.parametrize("url", ["ftp://host", "https://", "host:80", "http://host:port"])
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"names no host|[Pp]ort"):
        endpoint_of(url)
