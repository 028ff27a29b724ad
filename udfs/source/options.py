"""What every source offers and how one is described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from udfs.held_bytes import Admit, admit_any


@dataclass(frozen=True)
class SourceOptions:
    """A source and how to read it: plain values, so that executors can open it themselves.

    `uri` is a folder, s3://bucket or https://host; `bucket` is the name that URIs in the metadata carry; `endpoint` replaces the
    region's S3 address; `requests_per_s` caps one process (0: no cap); `timeout_s` bounds one request with its body; files of
    an old package with more than `max_object_bytes` are not unpacked.
    """

    uri: str
    bucket: str = "pmc-oa-opendata"
    region: str = "us-east-1"
    endpoint: str | None = None
    attempts: int = 3
    timeout_s: float = 60.0
    connect_timeout_s: float = 10.0
    first_backoff_s: float = 0.2
    max_backoff_s: float = 20.0
    requests_per_s: float = 0.0
    max_object_bytes: int = 256 * 2**20

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ValueError names the field."""
        if not self.uri:
            raise ValueError("source.uri must be a folder, s3://bucket or https://host, not empty")
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        if self.endpoint is not None and self.uri.startswith("https://"):
            raise ValueError(f"source.endpoint goes with s3://bucket; {self.uri!r} says already where the objects are")
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"source.endpoint must start with http:// or https://, not {self.endpoint!r}")


@dataclass(frozen=True)
class ObjectInfo:
    """An object as a listing shows it; `etag` is the source's change mark, without quotes."""

    key: str
    num_bytes: int
    etag: str
    last_modified: datetime


class Source(Protocol):
    """Objects by key as the PMC Cloud Service names them (`metadata/PMC1.1.json`, `PMC1.1/name`); safe for many threads."""

    @property
    def options(self) -> SourceOptions:
        """How this source was opened."""
        ...

    def read(self, key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        """The whole object; `admit` is told its size before the body is read, and its NoRoom is passed on.

        An object of an old package is unpacked with the whole of it before that; packages are unpacked one at a time.

        Rejected: unsafe_uri (a key with `..` or the like), not_found, too_large (before or while reading), fetch_failed (after
        all attempts).
        """
        ...

    def head(self, key: str) -> ObjectInfo:
        """Size and change mark of one object; Rejected as in `read`."""
        ...

    def list_keys(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object below a prefix, which is empty or ends in `/`, at any depth, each once, in no promised order.

        Rejected: fetch_failed. ValueError for another prefix.
        """
        ...


def check_prefix(prefix: str) -> None:
    """Pass an empty prefix or one that ends in `/`: `PMC790674.` would also match PMC790674.1 and PMC790674.12."""
    if prefix and not prefix.endswith("/"):
        raise ValueError(f"a listing prefix must be empty or end in '/', not {prefix!r}")
