"""A real S3 server (moto) on loopback in a process of its own."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from threading import Event
from urllib.parse import quote, urlsplit


@contextmanager
def serving_s3(bucket: str, objects: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a server that has these objects in a world-readable bucket; the process ends with the context."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    process.start()
    there.close()  # so that a server that dies as it starts is not waited for
    try:
        url = here.recv()
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
            _put(connection, f"/{bucket}", b"")
            for key, data in objects.items():
                _put(connection, f"/{bucket}/{quote(key)}", data)
        yield url
    finally:
        process.terminate()
        process.join()


def _put(connection: HTTPConnection, path: str, data: bytes) -> None:
    connection.request("PUT", path, data, {"x-amz-acl": "public-read"})
    response = connection.getresponse()
    body = response.read()
    if response.status >= 300:
        raise RuntimeError(f"PUT {path}: {response.status} {body[:200]!r}")


def _serve(ready: Connection) -> None:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    ready.send(f"http://{host}:{port}")
    Event().wait()
