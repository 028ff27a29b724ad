"""Redirects that a bucket answers with: followed within the endpoint, refused to every other host, name or port."""

from collections.abc import Callable

import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, DATA, KEY, BucketServer
from tests.udfs.fault_proxy import FaultProxy
from udfs.source import Source

Open = Callable[..., Source]

pytestmark = pytest.mark.usefixtures("stored_figure")


@pytest.fixture
def elsewhere(bucket_server: BucketServer) -> FaultProxy:
    """A second server with the same objects, to which nobody sends requests of his own."""
    return FaultProxy(bucket_server.url, BUCKET)


@pytest.mark.parametrize(
    ("endpoint", "listens", "target"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2", "127.0.0.2"),
        ("127.0.0.1", "127.0.0.1", "localhost"),
        ("127.0.0.1", "127.0.0.1", "x.localhost"),
        ("127.0.0.1", "127.0.0.1", "[::ffff:127.0.0.1]"),
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1", "notlocalhost"),
        ("localhost", "127.0.0.1", "localhost."),
        ("localhost", "127.0.0.1", "x.localhost"),
    ],
)
def test_a_redirect_to_another_host_or_port_is_refused(
    open_bucket: Open, faults: FaultProxy, elsewhere: FaultProxy, endpoint: str, listens: str, target: str
) -> None:
    own = (open_bucket().options.endpoint or "").replace("127.0.0.1", endpoint)
    with elsewhere.running(host=listens) as url:
        faults.plan(KEY, fault_proxy.redirect(f"{url.replace(listens, target)}/{BUCKET}/{KEY}"))
        with pytest.raises(Rejected) as caught:
            open_bucket(endpoint=own).read(KEY, len(DATA))
    assert caught.value.reason is Reason.FETCH_FAILED
    assert elsewhere.requests == []
    assert "redirect to another host refused" in caught.value.detail
    assert faults.reads_of(KEY) == 1


def test_a_redirect_within_the_endpoint_is_followed(open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer) -> None:
    bucket_server.put("PMC1.1/moved.jpg", b"moved")
    source = open_bucket()
    faults.plan(KEY, fault_proxy.redirect(f"{source.options.endpoint}/{BUCKET}/PMC1.1/moved.jpg"))
    assert source.read(KEY, 100) == b"moved"


@pytest.mark.parametrize("location", ["http://x.127.0.0.1/", "//", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_a_redirect_that_leads_to_no_server_is_no_object(open_bucket: Open, faults: FaultProxy, location: str) -> None:
    faults.plan(KEY, fault_proxy.redirect(location))
    with pytest.raises(Rejected) as caught:
        open_bucket(attempts=1).read(KEY, len(DATA))
    assert caught.value.reason is Reason.FETCH_FAILED


@pytest.mark.parametrize("hops", [1, 2])
def test_redirects_that_go_in_circles_end_as_failed(open_bucket: Open, faults: FaultProxy, hops: int) -> None:
    source = open_bucket(attempts=1)
    keys = [KEY, "PMC1.1/other.jpg"][:hops]
    for key, following in zip(keys, [*keys[1:], KEY], strict=True):
        faults.plan(key, *20 * [fault_proxy.redirect(f"{source.options.endpoint}/{BUCKET}/{following}")])
    with pytest.raises(Rejected) as caught:
        source.read(KEY, len(DATA))
    assert caught.value.reason is Reason.FETCH_FAILED
    assert len(faults.requests) < 15
