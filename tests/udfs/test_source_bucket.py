"""Reading and listing a bucket on a real S3 server, with the faults that a network makes."""

import pickle
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import DATA, KEY, BucketServer
from tests.udfs.fault_proxy import FaultProxy
from tests.udfs.one_read import one_read
from udfs.held_bytes import Admit, NoRoom
from udfs.reads import fetch_concurrently
from udfs.source import Source, SourceOptions, open_source
from udfs.source.bucket import address
from udfs.source.options import ObjectInfo

Open = Callable[..., Source]

pytestmark = pytest.mark.usefixtures("stored_figure")


@pytest.mark.parametrize(
    "fault",
    [
        fault_proxy.slow_down,
        fault_proxy.status(500),
        fault_proxy.status(429),
        fault_proxy.reset,
        fault_proxy.truncated,
        fault_proxy.slow_body(1.0),
    ],
    ids=["slow_down", "server_error", "too_many", "reset", "truncated", "slow_body"],
)
def test_a_passing_fault_is_healed_by_another_attempt(open_bucket: Open, faults: FaultProxy, fault: fault_proxy.Fault) -> None:
    faults.plan(KEY, fault, fault)
    assert open_bucket(timeout_s=0.4).read(KEY, len(DATA)) == DATA
    assert faults.reads_of(KEY) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (fault_proxy.slow_down, "SlowDown"),
        (fault_proxy.reset, "reset"),
        (fault_proxy.truncated, "body"),
        (fault_proxy.slow_body(1.0), "Timeout"),
    ],
    ids=["slow_down", "reset", "truncated", "slow_body"],
)
def test_a_lasting_fault_is_rejected_with_attempts_and_last_error(
    open_bucket: Open, faults: FaultProxy, fault: fault_proxy.Fault, words: str
) -> None:
    faults.plan(KEY, *[fault] * 3)
    with pytest.raises(Rejected) as caught:
        open_bucket(timeout_s=0.4).read(KEY, len(DATA))
    assert caught.value.reason is Reason.FETCH_FAILED
    assert "attempt 3" in caught.value.detail
    assert words in caught.value.detail
    assert faults.reads_of(KEY) == 3


def test_a_missing_object_is_rejected_at_once(open_bucket: Open, faults: FaultProxy) -> None:
    with pytest.raises(Rejected) as caught:
        open_bucket().read("PMC1.1/absent.jpg", 10)
    assert caught.value.reason is Reason.NOT_FOUND
    assert faults.reads_of("PMC1.1/absent.jpg") == 1


@pytest.mark.parametrize("code", [400, 401, 403, 416])
def test_a_refusal_is_not_tried_again(open_bucket: Open, faults: FaultProxy, code: int) -> None:
    faults.plan(KEY, fault_proxy.status(code), fault_proxy.status(code))
    with pytest.raises(Rejected) as caught:
        open_bucket().read(KEY, len(DATA))
    assert caught.value.reason is Reason.FETCH_FAILED
    assert faults.reads_of(KEY) == 1


def test_an_object_that_is_too_large_is_refused_from_its_announced_size(open_bucket: Open, faults: FaultProxy) -> None:
    faults.plan(KEY, fault_proxy.announces(2**40))
    with pytest.raises(Rejected) as caught:
        open_bucket().read(KEY, 1000)
    assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(Rejected) as caught:
        open_bucket().read(KEY, len(DATA) - 1)
    assert caught.value.reason is Reason.TOO_LARGE
    assert faults.reads_of(KEY) == 2


def test_an_object_without_room_is_refused_from_its_announced_size_and_not_tried_again(
    open_bucket: Open, faults: FaultProxy
) -> None:
    sizes: list[int] = []

    def admit(num_bytes: int) -> None:
        sizes.append(num_bytes)
        raise NoRoom(num_bytes)

    faults.plan(KEY, fault_proxy.announces(2**30))
    with pytest.raises(NoRoom):
        open_bucket().read(KEY, 2**40, admit)
    assert sizes == [2**30]
    assert faults.reads_of(KEY) == 1


def test_many_large_objects_are_held_one_after_the_other(open_bucket: Open, bucket_server: BucketServer) -> None:
    keys = [f"PMC1.1/large{number}.jpg" for number in range(12)]
    for key in keys:
        bucket_server.put(key, key.encode() * 20_000)
    source, held, most = open_bucket(), set(), []

    def read(key: str, max_bytes: int, admit: Admit) -> bytes:
        data = source.read(key, max_bytes, admit)
        held.add(key)
        most.append(len(held))
        return data

    for key, data in fetch_concurrently(read, one_read, keys, 8, max_held_bytes=3 * 20_000 * len(keys[-1])):
        assert data == key.encode() * 20_000
        held.discard(key)
    assert 1 < max(most) <= 4


def test_an_object_that_goes_on_behind_its_announced_size_is_refused_while_it_is_read(
    open_bucket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []

    class Endless:
        meta: ClassVar[dict[str, int]] = {"size": 10}

        def stream(self, min_chunk_size: int) -> Iterator[bytes]:
            while True:
                given.append(400)
                yield b"x" * 400

    monkeypatch.setattr("udfs.source.bucket.obstore.get", lambda *_: Endless())
    with pytest.raises(Rejected) as caught:
        open_bucket().read(KEY, 1000)
    assert caught.value.reason is Reason.TOO_LARGE
    assert len(given) == 3


@pytest.mark.parametrize("key", ["PMC1.1/../x", "PMC1.1//x", "/PMC1.1/x", "PMC1.1/a\\b", "PMC1.1/%2e%2e", "", "PMC1.1/\x00"])
def test_an_unsafe_key_is_refused_without_a_request(open_bucket: Open, faults: FaultProxy, key: str) -> None:
    with pytest.raises(Rejected) as caught:
        open_bucket().read(key, 10)
    assert caught.value.reason is Reason.UNSAFE_URI
    assert faults.requests == []


@pytest.mark.parametrize("name", ["a b.jpg", "f#1.gif", "ü+&=~.png", "100%.jpg", "x[1]{2}.tif", "'q'.jpg", '*"<>|^`~@$!;,.gif'])
def test_odd_but_harmless_names_are_read_as_they_are(open_bucket: Open, bucket_server: BucketServer, name: str) -> None:
    bucket_server.put(f"PMC1.1/{name}", name.encode())
    assert open_bucket().read(f"PMC1.1/{name}", 100) == name.encode()


def test_an_empty_object_is_read(open_bucket: Open, bucket_server: BucketServer) -> None:
    bucket_server.put("PMC1.1/empty.jpg", b"")
    assert open_bucket().read("PMC1.1/empty.jpg", 0) == b""


def test_head_gives_size_and_unquoted_etag(open_bucket: Open) -> None:
    info = open_bucket().head(KEY)
    assert (info.key, info.num_bytes) == (KEY, len(DATA))
    assert len(info.etag) == 32


def test_a_listing_goes_on_after_a_fault_between_its_pages(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"metadata/PMC{number}.1.json" for number in range(1, 8)]
    for key in keys:
        bucket_server.put(key, b"{}")
    bucket_server.put("metadata-more/x.json", b"{}")
    monkeypatch.setattr("udfs.source.bucket.LIST_CHUNK", 3)
    faults.plan("", fault_proxy.forward, fault_proxy.slow_down, fault_proxy.reset)
    assert sorted(info.key for info in open_bucket().list_keys("metadata/")) == keys


def test_a_listing_that_does_not_go_on_ends_as_failed(open_bucket: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_bucket()
    page = [ObjectInfo(f"metadata/PMC{number}.1.json", 1, "etag", datetime(2026, 11, 1, tzinfo=UTC)) for number in (1, 2)]
    monkeypatch.setattr(source, "_list", lambda *_: page)
    with pytest.raises(Rejected) as caught:
        list(source.list_keys("metadata/"))
    assert caught.value.reason is Reason.FETCH_FAILED


def test_a_listing_of_nothing_is_empty(open_bucket: Open) -> None:
    assert list(open_bucket().list_keys("nothing/")) == []


def test_a_prefix_that_could_match_other_articles_is_refused(open_bucket: Open) -> None:
    with pytest.raises(ValueError, match="PMC790674"):
        next(iter(open_bucket().list_keys("PMC790674.")))


def test_requests_stay_below_the_cap_however_many_threads_and_faults(open_bucket: Open, faults: FaultProxy) -> None:
    source = open_bucket(requests_per_s=50.0, attempts=6)
    faults.plan("*", *[fault_proxy.slow_down] * 5)
    start = time.monotonic()
    results = [result for _, result in fetch_concurrently(source.read, one_read, [KEY] * 25, 8)]
    assert results == [DATA] * 25
    times = sorted(request.time_s for request in faults.requests)
    assert len(times) == 30
    # From the start on, never more requests than the cap allows: the n-th not before n / 50 s.
    assert all(time_s - start >= number / 50.0 for number, time_s in enumerate(times, start=1))


def test_the_environment_redirects_no_request_and_signs_none(
    open_bucket: Open, faults: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9"
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BUCKET"):
        monkeypatch.setenv(name, "other")
    assert open_bucket().read(KEY, len(DATA)) == DATA
    assert [request.is_signed for request in faults.requests] == [False]


def test_a_source_is_opened_once_per_process_and_options_cross_processes(open_bucket: Open) -> None:
    source = open_bucket()
    assert open_source(source.options) is source
    assert pickle.loads(pickle.dumps(source.options)) == source.options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"uri": "s3://pmc-oa-opendata"}, ("https://pmc-oa-opendata.s3.us-east-1.amazonaws.com", True)),
        ({"uri": "s3://with.dots", "region": "eu-west-1"}, ("https://s3.eu-west-1.amazonaws.com", False)),
        ({"uri": "https://mirror.example.org/"}, ("https://mirror.example.org", True)),
        ({"uri": "s3://own", "endpoint": "http://127.0.0.1:9/"}, ("http://127.0.0.1:9", False)),
    ],
)
def test_objects_lie_where_s3_has_them(options: dict[str, str], expected: tuple[str, bool]) -> None:
    assert address(SourceOptions(**options)) == expected


@pytest.mark.parametrize("uri", ["http://host", "ftp://host", "s3://", "s3://bucket/path", "gs://bucket", "https://"])
def test_a_uri_that_is_no_source_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"source\.uri|source:"):
        open_source(SourceOptions(uri))


@pytest.mark.parametrize(
    "wrong",
    [
        {"uri": ""},
        {"uri": "s3://b", "attempts": 0},
        {"uri": "s3://b", "endpoint": "mirror.example.org"},
        {"uri": "https://h", "endpoint": "https://h"},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"source\.|attempts"):
        SourceOptions(**wrong)  # type: ignore[arg-type]
