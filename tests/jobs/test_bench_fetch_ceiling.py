"""The ceiling of fetching: what obstore alone reaches."""

from collections.abc import Iterator

import pytest
from obstore.exceptions import BaseError

from jobs.bench.fetch_ceiling import ceiling
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, BucketServer, running_bucket_server
from tests.udfs.fault_proxy import FaultProxy
from udfs.source import SourceOptions

KEYS = [f"PMC{number}.1/a.jpg" for number in range(1, 9)]


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with running_bucket_server() as running:
        for key in KEYS:
            running.put(key, bytes(10_000))
        yield running


def test_every_object_is_read_once_and_both_rates_agree(server: BucketServer) -> None:
    proxy = FaultProxy(server.url, BUCKET)
    with proxy.running() as url:
        objects_per_s, megabytes_per_s = ceiling(SourceOptions(f"s3://{BUCKET}", endpoint=url), KEYS, 4)
    assert megabytes_per_s == pytest.approx(objects_per_s * 10_000 / 1e6)
    assert objects_per_s > 0
    assert [proxy.reads_of(key) for key in KEYS] == [2] + [1] * 7


def test_a_failed_read_is_no_measurement(server: BucketServer) -> None:
    proxy = FaultProxy(server.url, BUCKET)
    proxy.plan(KEYS[3], fault_proxy.slow_down)
    with proxy.running() as url, pytest.raises(BaseError):
        ceiling(SourceOptions(f"s3://{BUCKET}", endpoint=url), KEYS, 4)


def test_what_cannot_be_measured_is_refused(server: BucketServer) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        ceiling(SourceOptions(f"s3://{BUCKET}", endpoint=server.url), [], 4)
    with pytest.raises(ValueError, match=r"source\.uri"):
        ceiling(SourceOptions("/some/folder"), KEYS, 4)
