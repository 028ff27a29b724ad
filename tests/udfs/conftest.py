"""A bucket on a real S3 server, read through a proxy that makes faults."""

from collections.abc import Callable, Iterator

import pytest

from tests.udfs.bucket_server import BUCKET, DATA, KEY, BucketServer, running_bucket_server
from tests.udfs.fault_proxy import FaultProxy
from udfs.source import Source, SourceOptions, open_source


@pytest.fixture(scope="module")
def bucket_server() -> Iterator[BucketServer]:
    with running_bucket_server() as server:
        yield server


@pytest.fixture
def stored_figure(bucket_server: BucketServer) -> None:
    bucket_server.put(KEY, DATA)


@pytest.fixture
def proxy(bucket_server: BucketServer) -> Iterator[tuple[FaultProxy, str]]:
    faults = FaultProxy(bucket_server.url, BUCKET)
    with faults.running() as url:
        yield faults, url


@pytest.fixture
def faults(proxy: tuple[FaultProxy, str]) -> FaultProxy:
    return proxy[0]


@pytest.fixture
def open_bucket(proxy: tuple[FaultProxy, str]) -> Callable[..., Source]:
    """The bucket behind the proxy, with quick retries; keywords replace options."""

    def open_with(**options: object) -> Source:
        quick = {"endpoint": proxy[1], "first_backoff_s": 0.01, "max_backoff_s": 0.05, "timeout_s": 5.0, "attempts": 3}
        return open_source(SourceOptions(f"s3://{BUCKET}", **(quick | options)))  # type: ignore[arg-type]

    return open_with
