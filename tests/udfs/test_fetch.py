"""Fetching an article version: every object stored with its digest, or refused with the reason, whatever happens on the way."""

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from schemas.documents import DOCUMENTS
from schemas.rejects import Reason, Rejected
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, XML, BucketServer, metadata_json, uri
from tests.udfs.fault_proxy import FaultProxy
from udfs.fetch import (
    DigestMismatch,
    Document,
    FetchedMedia,
    FetchLimits,
    RejectedDocument,
    document_steps,
    fetch_document,
    fetch_media_object,
)
from udfs.metadata import parse_metadata
from udfs.object_keys import ObjectRef, object_key
from udfs.reads import Steps, fetch_concurrently
from udfs.selection import Selection
from udfs.source import Source, SourceOptions, open_source

ACCESSION = "PMC1.1"
JSON_KEY = "metadata/PMC1.1.json"
XML_KEY = "PMC1.1/PMC1.1.xml"
IMAGE_KEY = "PMC1.1/fig1.jpg"
IMAGE = b"\xff\xd8 picture " * 500
NEW_XML = XML.replace(b"article-meta/", b"article-meta /")
Open = Callable[..., Source]


@pytest.fixture(autouse=True)
def stored(bucket_server: BucketServer) -> None:
    bucket_server.put_article(ACCESSION, XML, {"fig1.jpg": IMAGE})


def document(source: Source, selection: Selection = Selection(), limits: FetchLimits = FetchLimits()) -> Document:  # noqa: B008
    return fetch_document(source, ACCESSION, "etag-1", selection, limits)


def steps(accession: str) -> Steps[Document]:
    return document_steps(BUCKET, accession, "", Selection(), FetchLimits())


def media(source: Source, data: bytes = IMAGE) -> FetchedMedia:
    ref = object_key(uri(ACCESSION, "fig1.jpg", data), ACCESSION, BUCKET)
    return fetch_media_object(source, ref, FetchLimits(), JSON_KEY)


def refused(call: Callable[[], object]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def test_a_document_is_a_row_of_its_table(open_bucket: Open, faults: FaultProxy) -> None:
    fetched = document(open_bucket())
    assert [field.name for field in fields(fetched)] == DOCUMENTS.column_names
    assert (fetched.accession, fetched.etag, fetched.state, fetched.filter_reason) == (ACCESSION, "etag-1", "stored", None)
    assert (fetched.xml, fetched.xml_md5) == (XML, md5(XML))
    assert fetched.metadata.encode() == metadata_json(ACCESSION, XML, {"fig1.jpg": IMAGE})
    assert [request.key for request in faults.requests] == [JSON_KEY, XML_KEY]
    DOCUMENTS.batch([vars(fetched)]).validate(full=True)


@pytest.mark.parametrize(
    ("changes", "selection", "reason"),
    [
        ({"is_pmc_openaccess": False}, Selection(), "not_open_access"),
        ({"is_pmc_openaccess": None, "license_code": "TDM"}, Selection(), "not_open_access"),
        ({"license_code": "CC BY-NC"}, Selection(("commercial",)), "license_group"),
        ({"license_code": None}, Selection(("commercial", "noncommercial")), "license_group"),
    ],
)
def test_what_the_selection_leaves_out_is_filtered_before_its_xml_is_read(
    open_bucket: Open,
    faults: FaultProxy,
    bucket_server: BucketServer,
    changes: dict[str, object],
    selection: Selection,
    reason: str,
) -> None:
    bucket_server.put_article(ACCESSION, **changes)
    fetched = document(open_bucket(), selection)
    assert (fetched.state, fetched.filter_reason, fetched.xml, fetched.xml_md5) == ("filtered", reason, None, None)
    assert [request.key for request in faults.requests] == [JSON_KEY]


def test_what_the_selection_takes_in_is_stored(open_bucket: Open, bucket_server: BucketServer) -> None:
    bucket_server.put_article(ACCESSION, is_pmc_openaccess=False, license_code="TDM")
    assert document(open_bucket(), Selection(("other",), require_open_access=False)).state == "stored"


def test_a_wrong_digest_heals_by_reading_again(open_bucket: Open, faults: FaultProxy) -> None:
    faults.plan(XML_KEY, fault_proxy.corrupted)
    faults.plan(IMAGE_KEY, fault_proxy.cut_short)
    source = open_bucket()
    healed, image = document(source), media(source)
    assert (healed.xml, image.data) == (XML, IMAGE)
    assert healed.digest_mismatches == (DigestMismatch(md5(XML), md5(bytes([XML[0] ^ 1]) + XML[1:])),)
    assert image.digest_mismatches == (DigestMismatch(md5(IMAGE), md5(IMAGE[: len(IMAGE) // 2])),)
    assert faults.reads_of(JSON_KEY) == 3
    DOCUMENTS.batch([vars(healed)]).validate(full=True)
    assert DOCUMENTS.batch([vars(healed)]).to_pylist()[0]["digest_mismatches"] == [healed.digest_mismatches[0]._asdict()]


def test_what_agrees_at_once_keeps_no_other_digest(open_bucket: Open) -> None:
    source = open_bucket()
    assert document(source).digest_mismatches == media(source).digest_mismatches == ()


def test_digests_of_every_attempt_are_kept_with_the_metadata_of_their_time(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer
) -> None:
    replaced = fault_proxy.meanwhile(lambda: bucket_server.put_article(ACCESSION, NEW_XML), fault_proxy.cut_short)
    faults.plan(XML_KEY, fault_proxy.cut_short, replaced)
    first, second = md5(XML[: len(XML) // 2]), md5(NEW_XML[: len(NEW_XML) // 2])
    found = document(open_bucket(), limits=FetchLimits(digest_attempts=3))
    assert (found.xml, found.digest_mismatches) == (NEW_XML, ((md5(XML), first), (md5(XML), second)))


def test_a_wrong_digest_is_told_where_a_later_read_fails(open_bucket: Open, faults: FaultProxy) -> None:
    source = open_bucket(attempts=1)
    read = bytes([XML[0] ^ 1]) + XML[1:]
    faults.plan(XML_KEY, fault_proxy.corrupted)
    faults.plan(JSON_KEY, fault_proxy.forward, fault_proxy.status(500), fault_proxy.status(500))
    rejected = refused(lambda: document(source))
    assert rejected.reason is Reason.FETCH_FAILED
    assert f"before: MD5 expected {md5(XML)}, actual {md5(read)}" in rejected.detail
    faults.plan(IMAGE_KEY, fault_proxy.cut_short)
    rejected = refused(lambda: media(source))
    assert rejected.reason is Reason.FETCH_FAILED
    assert f"before: MD5 expected {md5(IMAGE)}, actual {md5(IMAGE[: len(IMAGE) // 2])}" in rejected.detail


def test_a_wrong_digest_that_stays_is_refused_with_both_digests(open_bucket: Open, bucket_server: BucketServer) -> None:
    source = open_bucket()
    bucket_server.put(XML_KEY, NEW_XML)
    bucket_server.put(IMAGE_KEY, b"other")
    for call, expected, actual in ((lambda: document(source), XML, NEW_XML), (lambda: media(source), IMAGE, b"other")):
        rejected = refused(call)
        assert rejected.reason is Reason.CHECKSUM_MISMATCH
        assert md5(expected) in rejected.detail
        assert md5(actual) in rejected.detail


@pytest.mark.parametrize(("xml", "reason"), [(NEW_XML, Reason.CHECKSUM_MISMATCH), (None, Reason.FETCH_FAILED)])
def test_a_refused_xml_leaves_what_the_metadata_say(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer, xml: bytes | None, reason: Reason
) -> None:
    bucket_server.put_article(ACCESSION, is_retracted=True)
    if xml:
        bucket_server.put(XML_KEY, xml)
    else:
        faults.plan(XML_KEY, *3 * [fault_proxy.slow_down])
    rejected = refused(lambda: document(open_bucket()))
    assert isinstance(rejected, RejectedDocument)
    assert (rejected.reason, rejected.document.state, rejected.document.xml) == (reason, "refused", None)
    assert rejected.document.is_retracted
    DOCUMENTS.batch([vars(rejected.document)]).validate(full=True)
    assert pickle.loads(pickle.dumps(rejected)).document == rejected.document


def test_an_article_replaced_between_json_and_xml_is_fetched_as_it_is_now(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer
) -> None:
    faults.plan(XML_KEY, fault_proxy.meanwhile(lambda: bucket_server.put_article(ACCESSION, NEW_XML, license_code="CC0")))
    fetched = document(open_bucket())
    assert (fetched.xml, fetched.xml_md5, fetched.license_code) == (NEW_XML, md5(NEW_XML), "CC0")


def test_an_article_relicensed_while_it_is_read_is_filtered(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer
) -> None:
    change = fault_proxy.meanwhile(lambda: bucket_server.put_article(ACCESSION, NEW_XML, is_pmc_openaccess=False))
    faults.plan(XML_KEY, change)
    filtered = document(open_bucket())
    assert (filtered.filter_reason, filtered.digest_mismatches) == ("not_open_access", ((md5(XML), md5(NEW_XML)),))


def test_an_image_replaced_since_the_metadata_were_read_gets_its_new_digest(
    open_bucket: Open, bucket_server: BucketServer
) -> None:
    bucket_server.put_article(ACCESSION, XML, {"fig1.jpg": b"new picture"})
    fetched = media(open_bucket(), IMAGE)
    new = md5(b"new picture")
    assert fetched == FetchedMedia(b"new picture", new, new, (DigestMismatch(md5(IMAGE), new),))


def test_an_image_that_the_metadata_no_longer_name_is_not_found(open_bucket: Open, bucket_server: BucketServer) -> None:
    bucket_server.put_article(ACCESSION, XML)
    bucket_server.delete(IMAGE_KEY)
    assert refused(lambda: media(open_bucket())).reason is Reason.NOT_FOUND


def test_a_missing_object_is_looked_for_again_after_the_metadata(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer
) -> None:
    faults.plan(XML_KEY, fault_proxy.not_found)
    assert document(open_bucket()).xml == XML
    bucket_server.delete(XML_KEY)
    assert refused(lambda: document(open_bucket())).reason is Reason.NOT_FOUND
    assert faults.reads_of(XML_KEY) == 4


def test_an_object_without_digest_is_taken_as_it_is(open_bucket: Open) -> None:
    ref = ObjectRef(IMAGE_KEY, "fig1.jpg", f"s3://{BUCKET}/{IMAGE_KEY}", None)
    assert fetch_media_object(open_bucket(), ref, FetchLimits(), JSON_KEY).md5_expected is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not json", Reason.METADATA_INVALID),
        (metadata_json("PMC2.1", XML, {}), Reason.METADATA_INVALID),
        (metadata_json(ACCESSION, XML, {}, xml_url=None), Reason.XML_MISSING),
        (metadata_json(ACCESSION, XML, {}, xml_url=f"s3://{BUCKET}/PMC2.1/PMC2.1.xml"), Reason.UNSAFE_URI),
    ],
)
def test_metadata_that_lead_nowhere_are_refused(
    open_bucket: Open, bucket_server: BucketServer, data: bytes, reason: Reason
) -> None:
    bucket_server.put(JSON_KEY, data)
    assert refused(lambda: document(open_bucket())).reason is reason


def test_metadata_that_cannot_be_understood_are_read_again(open_bucket: Open, faults: FaultProxy) -> None:
    faults.plan(JSON_KEY, fault_proxy.cut_short)
    assert document(open_bucket()).xml == XML
    assert [request.key for request in faults.requests] == [JSON_KEY, JSON_KEY, XML_KEY]


def test_every_size_is_limited(open_bucket: Open) -> None:
    source = open_bucket()
    for limits in (FetchLimits(max_metadata_bytes=100), FetchLimits(max_xml_bytes=len(XML) - 1)):
        assert refused(lambda limits=limits: document(source, limits=limits)).reason is Reason.TOO_LARGE
    ref = object_key(uri(ACCESSION, "fig1.jpg", IMAGE), ACCESSION, BUCKET)
    small = FetchLimits(max_image_bytes=len(IMAGE) - 1)
    assert refused(lambda: fetch_media_object(source, ref, small, JSON_KEY)).reason is Reason.TOO_LARGE


def test_every_real_article_and_image_is_fetched_with_its_digest(shared_data: Path) -> None:
    source = open_source(SourceOptions(str(shared_data / "pmc-mirror")))
    accessions = [info.key.removeprefix("metadata/").removesuffix(".json") for info in source.list_keys("metadata/")]
    fetched = list(fetch_concurrently(source.read, steps, accessions, 4))
    assert [accession for accession, _ in fetched] == accessions
    num_images = 0
    for accession, result in fetched:
        assert isinstance(result, Document)
        for ref in parse_metadata(result.metadata.encode(), accession, BUCKET).media:
            image = fetch_media_object(source, ref, FetchLimits(), f"metadata/{accession}.json")
            assert image.md5_expected == image.md5_actual == md5(image.data)
            num_images += 1
    files = [path for path in (shared_data / "pmc-mirror").glob("PMC*/*") if path.suffix not in {".json", ".xml", ".txt"}]
    assert (len(fetched), num_images) == (24, len(files))


def test_a_storm_leaves_every_object_stored_or_refused_and_a_later_run_gets_the_rest(
    open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer
) -> None:
    accessions = [f"PMC{number}.1" for number in range(100, 140)]
    for accession in accessions:
        bucket_server.put_article(accession, XML + accession.encode())
    menu = [fault_proxy.slow_down, fault_proxy.reset, fault_proxy.truncated, fault_proxy.corrupted, fault_proxy.forward]
    faults.plan("*", *menu * 20)
    bucket_server.delete("PMC139.1/PMC139.1.xml")
    source = open_bucket(attempts=2)

    def run(wanted: list[str]) -> dict[str, Document | Rejected]:
        return dict(fetch_concurrently(source.read, steps, wanted, 8))

    first = run(accessions)
    stored = {one: result.xml for one, result in first.items() if isinstance(result, Document)}
    refusals = {result.reason for result in first.values() if isinstance(result, Rejected)}
    assert 0 < len(stored) < len(accessions) == len(first)
    assert all(xml == XML + one.encode() for one, xml in stored.items())
    assert Reason.FETCH_FAILED in refusals
    assert refusals <= {Reason.FETCH_FAILED, Reason.METADATA_INVALID, Reason.CHECKSUM_MISMATCH, Reason.NOT_FOUND}
    faults.calm()
    again = run([one for one in accessions if one not in stored])
    stored |= {one: result.xml for one, result in again.items() if isinstance(result, Document)}
    assert stored == {one: XML + one.encode() for one in accessions[:-1]}
    assert [str(result.reason) for result in again.values() if isinstance(result, Rejected)] == ["not_found"]


def test_articles_heal_while_others_are_fetched(open_bucket: Open, faults: FaultProxy, bucket_server: BucketServer) -> None:
    accessions = [f"PMC{number}.1" for number in range(100, 112)]
    for accession in accessions:
        bucket_server.put_article(accession, XML + accession.encode())
    healing = accessions[::3]
    for accession in healing:
        faults.plan(f"{accession}/{accession}.xml", fault_proxy.corrupted)
    fetched = list(fetch_concurrently(open_bucket().read, steps, accessions, 4))
    assert [accession for accession, _ in fetched] == accessions
    assert {accession: vars(document)["xml"] for accession, document in fetched} == {
        accession: XML + accession.encode() for accession in accessions
    }
    reads = {accession: faults.reads_of(f"metadata/{accession}.json") for accession in accessions}
    assert reads == {accession: 2 if accession in healing else 1 for accession in accessions}
