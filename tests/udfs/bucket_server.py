"""A real S3 server (moto) on loopback with one world-readable bucket in the layout of the PMC Cloud Service."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from moto.server import ThreadedMotoServer

BUCKET = "pmc-oa-opendata"
KEY = "PMC1.1/fig1.jpg"
DATA = bytes(range(256)) * 40
XML = b"<article><front><article-meta/></front></article>"


@dataclass(frozen=True)
class BucketServer:
    """The server's URL, and writing to its bucket."""

    url: str

    def put(self, key: str, data: bytes) -> None:
        """Write an object that anybody may read."""
        self._send("PUT", f"/{BUCKET}/{quote(key)}", data, {"x-amz-acl": "public-read"})

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._send("DELETE", f"/{BUCKET}/{quote(key)}", b"", {})

    def put_folder(self, folder: Path) -> None:
        """Write every file below a folder under its relative path."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def put_article(self, accession: str, xml: bytes = XML, media: dict[str, bytes] | None = None, **fields: Any) -> None:
        """Write an article version: XML, media, then the metadata with their digests; `fields` replace metadata."""
        for name, data in (media or {}).items():
            self.put(f"{accession}/{name}", data)
        self.put(f"{accession}/{accession}.xml", xml)
        self.put(f"metadata/{accession}.json", metadata_json(accession, xml, media or {}, **fields))

    def _send(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> None:
        with contextlib.closing(HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            body = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {body[:200]!r}")


@contextlib.contextmanager
def running_bucket_server() -> Iterator[BucketServer]:
    """A server with an empty bucket, gone afterwards."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        bucket = BucketServer(f"http://{host}:{port}")
        bucket._send("POST", "/moto-api/reset", b"", {})
        bucket._send("PUT", f"/{BUCKET}", b"", {})
        yield bucket
    finally:
        server.stop()


def metadata_json(accession: str, xml: bytes, media: dict[str, bytes], **fields: Any) -> bytes:
    """Metadata of an open-access CC BY article version; `fields` replace single values."""
    pmcid, _, version = accession.partition(".")
    values = {
        "pmcid": pmcid,
        "version": int(version),
        "is_pmc_openaccess": True,
        "is_manuscript": False,
        "is_retracted": False,
        "license_code": "CC BY",
        "xml_url": uri(accession, f"{accession}.xml", xml),
        "media_urls": [uri(accession, name, data) for name, data in media.items()],
    }
    return json.dumps(values | fields).encode()


def uri(accession: str, name: str, data: bytes) -> str:
    """The URI with digest that the metadata give for an object."""
    return f"s3://{BUCKET}/{accession}/{name}?md5={hashlib.md5(data).hexdigest()}"
