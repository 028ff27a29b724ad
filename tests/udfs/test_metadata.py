"""Metadata JSON: the fields as they are, absent ones as None, wrong ones refused."""

import json
from pathlib import Path

import pytest

from schemas.rejects import Reason, Rejected
from udfs.metadata import parse_metadata

BUCKET = "pmc-oa-opendata"
MD5 = "8b98a85e0e3ee07987bdc7753e154e8a"


def data(**fields: object) -> bytes:
    return json.dumps({"pmcid": "PMC5", "version": 2} | fields).encode()


def test_every_field_of_a_real_article_is_read(shared_data: Path) -> None:
    path = shared_data / "pmc-mirror/metadata/PMC99000001.1.json"
    metadata = parse_metadata(path.read_bytes(), "PMC99000001.1", BUCKET)
    assert (metadata.accession, metadata.pmcid, metadata.version) == ("PMC99000001.1", "PMC99000001", 1)
    assert (metadata.pmid, metadata.doi, metadata.citation) == (None, "10.7554/eLife.30274", "eLife")
    assert metadata.title == "Replication Study: Transcriptional amplification in tumor cells with elevated c-Myc"
    assert (metadata.is_open_access, metadata.is_manuscript, metadata.is_retracted) == (True, False, False)
    assert (metadata.license_code, metadata.license_group) == ("CC BY", "commercial")
    assert metadata.xml is not None
    assert (metadata.xml.key, metadata.xml.md5) == ("PMC99000001.1/PMC99000001.1.xml", MD5)
    assert [ref.name for ref in metadata.media] == ["fig1.jpg", "fig2-figsupp1.jpg", "fig2-figsupp2.jpg", "fig2.jpg", "fig3.jpg"]
    assert metadata.unsafe_media == ()


def test_every_real_metadata_file_names_exactly_the_files_of_its_folder(shared_data: Path) -> None:
    mirror = shared_data / "pmc-mirror"
    paths = sorted(mirror.glob("metadata/*.json"))
    for path in paths:
        metadata = parse_metadata(path.read_bytes(), path.stem, BUCKET)
        files = {file.name for file in (mirror / path.stem).iterdir()}
        named = {ref.name for ref in metadata.media} | {metadata.xml.name if metadata.xml else ""}
        assert files - named == {f"{path.stem}.json", f"{path.stem}.txt"}
        assert named <= files
    assert len(paths) == 24


@pytest.mark.parametrize("absent", [{}, dict.fromkeys(("pmid", "doi", "license_code", "xml_url", "media_urls", "is_retracted"))])
def test_absent_and_null_fields_are_the_same(absent: dict[str, None]) -> None:
    metadata = parse_metadata(data(**absent), "PMC5.2", BUCKET)
    assert (metadata.pmid, metadata.doi, metadata.title, metadata.license_code, metadata.xml) == (None,) * 5
    assert (metadata.license_group, metadata.is_open_access, metadata.media) == ("other", False, ())


def test_empty_texts_are_missing_and_numbers_become_texts() -> None:
    metadata = parse_metadata(data(doi=" ", pmid=123, title=" A "), "PMC5.2", BUCKET)
    assert (metadata.doi, metadata.pmid, metadata.title) == (None, "123", "A")


def test_a_version_may_come_as_text_and_a_byte_order_mark_is_no_fault() -> None:
    assert parse_metadata(b"\xef\xbb\xbf" + data(version="2"), "PMC5.2", BUCKET).version == 2


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("CC0", "commercial"),
        ("CC BY-ND", "commercial"),
        ("CC BY-NC-SA", "noncommercial"),
        ("TDM", "other"),
        ("CC BY-XX", "other"),
    ],
)
def test_the_licence_decides_the_group(code: str, group: str) -> None:
    assert parse_metadata(data(license_code=code), "PMC5.2", BUCKET).license_group == group


def test_media_outside_the_prefix_are_set_apart_and_named_once() -> None:
    good = f"s3://{BUCKET}/PMC5.2/a.jpg?md5={MD5}"
    bad = [f"s3://{BUCKET}/PMC5.2/../PMC6.1/a.jpg", "https://example.org/a.jpg", f"s3://other/PMC5.2/a.jpg?md5={MD5}"]
    metadata = parse_metadata(data(media_urls=[*bad, good, good]), "PMC5.2", BUCKET)
    assert [ref.key for ref in metadata.media] == ["PMC5.2/a.jpg"]
    assert metadata.unsafe_media == tuple(bad)


def test_an_xml_outside_the_prefix_rejects_the_article() -> None:
    with pytest.raises(Rejected) as caught:
        parse_metadata(data(xml_url=f"s3://{BUCKET}/PMC6.1/PMC6.1.xml"), "PMC5.2", BUCKET)
    assert caught.value.reason is Reason.UNSAFE_URI


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
        data(pmcid="PMC6"),
        data(pmcid=None),
        data(version=1),
        data(version=True),
        data(version=2.0),
        data(version="2.0"),
        data(version=None),
        data(is_pmc_openaccess="true"),
        data(is_retracted=1),
        data(license_code=["CC BY"]),
        data(title={"en": "A"}),
        data(title="half of a pair: \ud83d"),
        data(license_code="\udc00"),
        data(pmid=True),
        data(media_urls="s3://x"),
        data(media_urls=[None]),
        data(media_urls={"a": "b"}),
        data(xml_url=[]),
    ],
)
def test_what_is_no_metadata_of_the_article_is_refused(broken: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        parse_metadata(broken, "PMC5.2", BUCKET)
    assert caught.value.reason is Reason.METADATA_INVALID
