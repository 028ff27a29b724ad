"""Accessions and keys from outside: what is accepted, and every way out of the version's prefix that is not."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rejects import Reason, Rejected
from udfs.object_keys import (
    Accession,
    ObjectRef,
    accession_of_metadata_key,
    check_key,
    metadata_key,
    object_key,
    parse_accession,
)

BUCKET = "pmc-oa-opendata"
MD5 = "8b98a85e0e3ee07987bdc7753e154e8a"
BASE = f"s3://{BUCKET}/PMC13901.1"


def test_an_accession_is_read_and_written_back() -> None:
    accession = parse_accession("PMC13901.12")
    assert accession == Accession("PMC13901", 12)
    assert str(accession) == "PMC13901.12"
    assert accession_of_metadata_key(metadata_key("PMC13901.12")) == accession


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PMC13901",
        "13901.1",
        "PMC.1",
        "PMC0.1",
        "PMC013.1",
        "PMC1.0",
        "PMC1.01",
        "pmc1.1",
        "PMC1.1 ",
        "PMC1.1\n",
        "PMC١.1",
        "PMC1.1.1",
        "PMC-1.1",
        "PMC1.-1",
        "PMC" + "9" * 13 + ".1",
        "PMC1.999999",
        "PMC1/1",
        "../PMC1.1",
    ],
)
def test_what_is_no_accession_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_accession(text)
    assert caught.value.reason is Reason.BAD_KEY


@pytest.mark.parametrize(
    "key",
    ["metadata/", "metadata/x.json", "metadata/PMC1.1.xml", "PMC1.1/PMC1.1.json", "metadata/a/PMC1.1.json", "metadata/PMC1.json"],
)
def test_what_is_no_metadata_key_is_refused(key: str) -> None:
    with pytest.raises(Rejected) as caught:
        accession_of_metadata_key(key)
    assert caught.value.reason is Reason.BAD_KEY


def test_a_uri_gives_key_name_and_digest() -> None:
    ref = object_key(f"{BASE}/fig1.jpg?md5={MD5}", "PMC13901.1", BUCKET)
    assert ref == ObjectRef("PMC13901.1/fig1.jpg", "fig1.jpg", f"{BASE}/fig1.jpg", MD5)


def test_a_uri_may_lack_the_digest() -> None:
    assert object_key(f"{BASE}/fig1.jpg", "PMC13901.1", BUCKET).md5 is None


def test_an_upper_case_digest_is_the_same_digest() -> None:
    assert object_key(f"{BASE}/a.jpg?md5={MD5.upper()}", "PMC13901.1", BUCKET).md5 == MD5


@pytest.mark.parametrize(
    "name",
    ["a b.jpg", "JCB9806103.f1", "f#1.gif", "ü.png", "100%.jpg", "a%20b.jpg", "x..y.jpg", "...", ".hidden.png", "ab:c.jpg"],
)
def test_odd_but_harmless_names_are_taken_literally(name: str) -> None:
    assert object_key(f"{BASE}/{name}?md5={MD5}", "PMC13901.1", BUCKET).name == name


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://other-bucket/PMC13901.1/a.jpg?md5={MD5}",
        f"s3://{BUCKET}.evil/PMC13901.1/a.jpg",
        f"s3://user@{BUCKET}/PMC13901.1/a.jpg",
        f"S3://{BUCKET}/PMC13901.1/a.jpg",
        f"https://{BUCKET}.s3.amazonaws.com/PMC13901.1/a.jpg",
        f"file://{BUCKET}/PMC13901.1/a.jpg",
        f"//{BUCKET}/PMC13901.1/a.jpg",
        "PMC13901.1/a.jpg",
        "/etc/passwd",
        "",
        f"s3://{BUCKET}/PMC13901.12/a.jpg",
        f"s3://{BUCKET}/PMC1390.1/a.jpg",
        f"s3://{BUCKET}//PMC13901.1/a.jpg",
        f"s3://{BUCKET}/metadata/PMC13901.1.json",
        f"{BASE}/",
        f"{BASE}",
        f"{BASE}/.",
        f"{BASE}/..",
        f"{BASE}/../PMC2.1/a.jpg",
        f"{BASE}/sub/a.jpg",
        f"{BASE}//a.jpg",
        f"{BASE}/..\\a.jpg",
        f"{BASE}/a\\b.jpg",
        f"{BASE}/C:a.jpg",
        f"{BASE}/c:\\a.jpg",
        f"{BASE}/a\x00.jpg",
        f"{BASE}/a\n.jpg",
        f"{BASE}/a\u202egpj.exe",
        f"{BASE}/\ud800.jpg",
        f"{BASE}/%2e%2e",
        f"{BASE}/%2e%2e%2fPMC2.1%2fa.jpg",
        f"{BASE}/%252e%252e%252fa.jpg",
        f"{BASE}/a%2Fb.jpg",
        f"{BASE}/a%5cb.jpg",
        f"{BASE}/a%00.jpg",
        f"{BASE}/%43%3Aa.jpg",
        f"{BASE}/{'a' * 256}",
        f"{BASE}/a.jpg?md5=abc",
        f"{BASE}/a.jpg?md5={MD5}0",
        f"{BASE}/a.jpg?md5={MD5}&x=1",
        f"{BASE}/a.jpg?versionId=3&md5={MD5}",
        f"{BASE}/a.jpg?",
        f"{BASE}/a.jpg?b.jpg?md5={MD5}",
    ],
)
def test_a_uri_that_leaves_the_prefix_is_refused(uri: str) -> None:
    with pytest.raises(Rejected) as caught:
        object_key(uri, "PMC13901.1", BUCKET)
    assert caught.value.reason is Reason.UNSAFE_URI


PIECES = st.sampled_from(
    ["..", ".", "/", "\\", "%2e", "%2f", "%25", "%5C", "C:", "a", "?", "md5=", "\x00", "PMC2.1", " ", "ü", "%"]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_is_accepted_stays_directly_below_the_prefix(name: str) -> None:
    try:
        ref = object_key(f"{BASE}/{name}", "PMC13901.1", BUCKET)
    except Rejected:
        return
    assert posixpath.normpath(ref.key) == ref.key
    assert posixpath.dirname(ref.key) == "PMC13901.1"
    assert posixpath.basename(ref.key) == ref.name
    assert not {"\\", "\x00"} & set(ref.key)


@pytest.mark.parametrize("key", ["", "/", "a//b", "../a", "a/../b", "a/", "a/b\\c"])
def test_unsafe_keys_are_refused(key: str) -> None:
    with pytest.raises(Rejected):
        check_key(key)
    check_key("inventory-reports/pmc-oa-opendata/metadata/2026-11-01T01-00Z/manifest.json")
