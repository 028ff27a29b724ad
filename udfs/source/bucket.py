"""A bucket over s3:// or https://: obstore, unsigned, pooled connections, no redirect to another host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from schemas.rejects import Reason, Rejected
from udfs.held_bytes import Admit, admit_any
from udfs.object_keys import check_key
from udfs.rate import RateLimit
from udfs.source.endpoint_proxy import proxy_url
from udfs.source.options import ObjectInfo, SourceOptions, check_prefix
from udfs.source.retrying import Retry

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig

LIST_CHUNK = 1000


class BucketSource:
    """Objects of a bucket; every request counts against the process's rate and is tried again by this class alone.

    What a redirect within the endpoint asks for again is not counted.
    """

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self._store = open_store(options, guarded_options(options))
        self._retry = Retry(options.attempts, options.first_backoff_s, options.max_backoff_s, RateLimit(options.requests_per_s))

    def read(self, key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        """See Source.read; a request whose object finds no room counts as one."""
        check_key(key)
        return self._retry.run(key, partial(self._get, key, max_bytes, admit))

    def head(self, key: str) -> ObjectInfo:
        """See Source.head."""
        check_key(key)
        return self._retry.run(key, lambda: _info(obstore.head(self._store, key)))

    def list_keys(self, prefix: str) -> Iterator[ObjectInfo]:
        """See Source.list_keys; a listing that breaks off goes on behind the last key it gave."""
        check_prefix(prefix)
        last: str | None = None
        while chunk := self._retry.run(prefix, partial(self._list, prefix, last)):
            if last is not None and chunk[-1].key <= last:
                raise Rejected(Reason.FETCH_FAILED, f"the listing of {prefix!r} does not go on behind {last}")
            yield from chunk
            last = chunk[-1].key

    def _list(self, prefix: str, after: str | None) -> list[ObjectInfo]:
        stream = obstore.list(self._store, prefix or None, offset=after, chunk_size=LIST_CHUNK)
        return [_info(meta) for meta in next(iter(stream), [])]

    def _get(self, key: str, max_bytes: int, admit: Admit) -> bytes:
        result = obstore.get(self._store, key)
        num_bytes = result.meta["size"]
        if num_bytes > max_bytes:
            raise Rejected(Reason.TOO_LARGE, f"{key} has {num_bytes} bytes, the limit is {max_bytes}")
        admit(num_bytes)
        # No chunk but the last is smaller than asked for: more than what was announced, so that the first one is all of it.
        chunk_bytes = num_bytes + 1
        chunks: list[bytes] = []
        num_read = 0
        for chunk in result.stream(min_chunk_size=chunk_bytes):
            num_read += len(chunk)
            if num_read > max_bytes:
                raise Rejected(Reason.TOO_LARGE, f"{key} goes on after {num_read} bytes, the limit is {max_bytes}")
            chunks.append(chunk)
            if len(chunk) < chunk_bytes:
                break
        return b"".join(chunks)  # of one chunk: that chunk, not copied


def open_store(options: SourceOptions, client_options: ClientConfig) -> S3Store:
    """The obstore store behind the options, without retries of its own; ValueError for an address that cannot be one."""
    endpoint, is_virtual_host = address(options)
    return S3Store(
        urlsplit(options.uri).netloc,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,
        region=options.region,
        skip_signature=True,
        virtual_hosted_style_request=is_virtual_host,
        client_options=client_options,
        retry_config={"max_retries": 0},
    )


def address(options: SourceOptions) -> tuple[str, bool]:
    """Base URL of the objects and whether it already contains the bucket."""
    parts = urlsplit(options.uri)
    if parts.scheme == "https":
        return options.uri.rstrip("/"), True
    if parts.path.strip("/") or not parts.netloc:
        raise ValueError(f"source.uri must be s3://bucket without a path, not {options.uri!r}")
    if options.endpoint:
        return options.endpoint.rstrip("/"), False
    if "." in parts.netloc:
        return f"https://s3.{options.region}.amazonaws.com", False
    return f"https://{parts.netloc}.s3.{options.region}.amazonaws.com", True


def direct_options(options: SourceOptions) -> ClientConfig:
    """How the client connects, without a guard against redirects."""
    return {
        "timeout": timedelta(seconds=options.timeout_s),
        "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        "allow_http": address(options)[0].startswith("http://"),
    }


def guarded_options(options: SourceOptions) -> ClientConfig:
    """The same through a proxy to the endpoint alone: obstore follows every redirect and has no switch for it."""
    return direct_options(options) | {"proxy_url": proxy_url(address(options)[0], options.connect_timeout_s)}


def _info(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], (meta["e_tag"] or "").strip('"'), meta["last_modified"])
