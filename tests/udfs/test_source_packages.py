"""Old packages read as if they were the bucket."""

import csv
import hashlib
import io
import tarfile
import time
from pathlib import Path

import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs.one_read import one_read
from udfs.fetch import Document, FetchLimits, document_steps, fetch_document, fetch_media_object
from udfs.inventory import find_manifest, list_versions
from udfs.inventory_rows import listing_batches
from udfs.metadata import ArticleMetadata, parse_metadata
from udfs.reads import fetch_concurrently
from udfs.selection import Selection
from udfs.source import Source, SourceOptions, open_source, package_members
from udfs.source import packages as packages_module

BUCKET = "pmc-oa-opendata"
XML = b"""<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta>
<article-id pub-id-type="pmid">77</article-id><article-id pub-id-type="doi">10.1/x</article-id>
<title-group><article-title>On <italic>things</italic></article-title></title-group>
<permissions><license xlink:href="https://creativecommons.org/licenses/by-nc-sa/4.0/"/></permissions>
</article-meta></front></article>"""


def write_package(path: Path, files: dict[str, bytes], folder: str = "PMC5") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as package:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))


def write_list(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def listed(pmcid: str, license_code: str, path: str = "") -> dict[str, str]:
    return {"File": path, "Article Citation": "A, 2020", "Accession ID": pmcid, "PMID": "99", "License": license_code}


def source_of(root: Path) -> Source:
    return open_source(SourceOptions(str(root)))


def metadata_of(source: Source, accession: str = "PMC5.1") -> ArticleMetadata:
    return parse_metadata(source.read(f"metadata/{accession}.json", 10**6), accession, BUCKET)


def refused(source: Source, key: str, max_bytes: int = 10**6) -> Reason:
    with pytest.raises(Rejected) as caught:
        source.read(key, max_bytes)
    return caught.value.reason


def test_real_articles_packed_the_old_way_come_out_with_the_same_bytes(shared_data: Path, tmp_path: Path) -> None:
    mirror = shared_data / "pmc-mirror"
    folders = sorted(mirror.glob("PMC*.1"))
    for number, folder in enumerate(folders):
        pmcid = folder.name.removesuffix(".1")
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in {".json", ".txt", ".xml"}}
        files |= {"article.nxml": (folder / f"{folder.name}.xml").read_bytes(), "paper.pdf": b"%PDF"}
        write_package(tmp_path / f"{number:02x}/00/{pmcid}.tar.gz", files, pmcid)
    source = source_of(tmp_path)
    accessions = [row["accession"] for batch in listing_batches(list_versions(source)) for row in batch.to_pylist()]
    fetched = fetch_concurrently(
        source.read, lambda one: document_steps(BUCKET, one, "", Selection(), FetchLimits()), accessions, 4
    )
    for accession, document in fetched:
        assert isinstance(document, Document)
        old = parse_metadata(document.metadata.encode(), accession, BUCKET)
        new = parse_metadata((mirror / f"metadata/{accession}.json").read_bytes(), accession, BUCKET)
        assert old.xml == new.xml
        assert set(old.media) == set(new.media)
        assert (old.doi, old.license_group, old.is_open_access) == (new.doi, new.license_group, True)
        for ref in old.media:
            image = fetch_media_object(source, ref, FetchLimits(), f"metadata/{accession}.json")
            assert image.data == (mirror / ref.key).read_bytes()
    assert len(accessions) == len(folders) == 24


def test_the_file_list_decides_licence_and_pmid(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML})
    write_list(tmp_path / "oa_file_list.csv", [listed("PMC4", "CC0"), listed("PMC5", "CC BY"), listed("PMC6", "CC0")])
    metadata = metadata_of(source_of(tmp_path))
    assert (metadata.license_code, metadata.pmid) == ("CC BY", "99")


def test_without_a_list_or_a_code_in_it_the_xml_decides(tmp_path: Path) -> None:
    write_package(tmp_path / "a/PMC5.tar.gz", {"x.nxml": XML})
    metadata = metadata_of(source_of(tmp_path))
    assert (metadata.license_code, metadata.license_group, metadata.pmid) == ("CC BY-NC-SA", "noncommercial", "77")
    assert (metadata.doi, metadata.title) == ("10.1/x", "On things")
    write_list(tmp_path / "a/oa_file_list.csv", [listed("PMC5", "NO-CC CODE")])
    assert metadata_of(source_of(tmp_path / "a")).license_code == "CC BY-NC-SA"


def test_the_newer_list_says_what_is_retracted(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML})
    row = {"Article File": "x.xml", "AccessionID": "PMC5", "PMID": "", "License": "CC BY", "Retracted": "yes"}
    write_list(tmp_path / "oa_comm.filelist.csv", [row])
    metadata = metadata_of(source_of(tmp_path))
    assert (metadata.is_retracted, metadata.pmid) == (True, "77")


def test_a_list_without_the_needed_columns_is_refused(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML})
    write_list(tmp_path / "oa_file_list.csv", [{"a": "1"}])
    with pytest.raises(ValueError, match="must have columns"):
        source_of(tmp_path)


def test_the_list_names_the_place_and_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "packages"
    write_package(root / "aa/bb/PMC5.tar.gz", {"x.nxml": XML})
    write_package(tmp_path / "PMC6.tar.gz", {"x.nxml": XML})
    rows = [listed("PMC5", "CC BY", "oa_package/aa/bb/PMC5.tar.gz"), listed("PMC6", "CC BY", "../PMC6.tar.gz")]
    write_list(root / "oa_file_list.csv", rows)
    source = source_of(root)
    assert metadata_of(source).license_code == "CC BY"
    assert refused(source, "metadata/PMC6.1.json") is Reason.NOT_FOUND


def test_only_the_xml_and_raster_images_are_objects(tmp_path: Path) -> None:
    files = {"x.nxml": XML, "a.JPG": b"1", "b.gif": b"2", "c.pdf": b"3", "d.avi": b"4", "e.xlsx": b"5"}
    write_package(tmp_path / "PMC5.tar.gz", files)
    source = source_of(tmp_path)
    assert [info.key for info in source.list_keys("PMC5.1/")] == ["PMC5.1/PMC5.1.xml", "PMC5.1/a.JPG", "PMC5.1/b.gif"]
    assert {info.key for info in source.list_keys("")} == {"metadata/PMC5.1.json"} | {
        info.key for info in source.list_keys("PMC5.1/")
    }
    assert source.head("PMC5.1/a.JPG").num_bytes == 1
    assert refused(source, "PMC5.1/c.pdf") is Reason.NOT_FOUND


def test_hostile_members_are_no_objects(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "PMC5.tar.gz", "w:gz") as package:
        for name, kind in (
            ("/etc/x.jpg", tarfile.SYMTYPE),
            ("../../up.jpg", tarfile.REGTYPE),
            ("PMC5/a\\b.jpg", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            package.addfile(member)
    metadata = metadata_of(source_of(tmp_path))
    assert [ref.name for ref in metadata.media] == ["up.jpg"]
    assert metadata.unsafe_media == (f"s3://{BUCKET}/PMC5.1/a\\b.jpg",)


def test_a_package_without_xml_is_refused_as_such(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"a.jpg": b"1"})
    with pytest.raises(Rejected) as caught:
        fetch_document(source_of(tmp_path), "PMC5.1", "", Selection(), FetchLimits())
    assert caught.value.reason is Reason.XML_MISSING


def test_a_package_that_unpacks_to_too_much_is_refused_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_members, "MAX_UNPACKED_BYTES", 10**6)
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML, "film.avi": bytes(2 * 10**6)})
    assert (tmp_path / "PMC5.tar.gz").stat().st_size < 10**5
    assert refused(source_of(tmp_path), "metadata/PMC5.1.json") is Reason.TOO_LARGE


def test_a_file_of_a_package_that_is_too_large_is_passed_by_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"a.tif": bytes(5000), "x.nxml": XML, "b.jpg": b"1"})
    read: list[int] = []
    taken = package_members.PackageMembers.read

    def counted(members: package_members.PackageMembers) -> bytes:
        data = taken(members)
        read.append(len(data))
        return data

    monkeypatch.setattr(package_members.PackageMembers, "read", counted)
    source = open_source(SourceOptions(str(tmp_path), max_object_bytes=1000))
    metadata = metadata_of(source)
    assert [(ref.name, bool(ref.md5)) for ref in metadata.media] == [("b.jpg", True), ("a.tif", False)]
    with pytest.raises(Rejected, match=r"PMC5\.1/a\.tif has 5000 bytes, the limit is 1000") as caught:
        source.read("PMC5.1/a.tif", 10**6)
    assert caught.value.reason is Reason.TOO_LARGE
    assert {info.key: info.num_bytes for info in source.list_keys("PMC5.1/")}["PMC5.1/a.tif"] == 5000
    assert read == [len(XML), 1]


def test_an_xml_that_is_too_large_is_refused_as_such(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML})
    source = open_source(SourceOptions(str(tmp_path), max_object_bytes=len(XML) - 1))
    with pytest.raises(Rejected) as caught:
        fetch_document(source, "PMC5.1", "", Selection(), FetchLimits())
    assert caught.value.reason is Reason.TOO_LARGE


def test_one_package_is_unpacked_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 9):
        write_package(tmp_path / f"PMC{number}.tar.gz", {"a.jpg": b"1"})
    unpack, running, most = packages_module.unpack, [], []

    def slowly(path: Path, *rest: object) -> object:
        running.append(path)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(path)
        return unpack(path, *rest)

    monkeypatch.setattr(packages_module, "unpack", slowly)
    keys = [f"PMC{number}.1/a.jpg" for number in range(1, 9)]
    assert [data for _, data in fetch_concurrently(source_of(tmp_path).read, one_read, keys, 8)] == [b"1"] * 8
    assert most == [1] * 8


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no archive", lambda data: b""])
def test_a_damaged_package_is_refused_and_read_again_once_it_is_whole(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "PMC5.tar.gz"
    write_package(path, {"x.nxml": XML, "a.jpg": hashlib.sha512(b"a").digest() * 50})
    whole = path.read_bytes()
    path.write_bytes(damage(whole))  # type: ignore[operator]
    source = source_of(tmp_path)
    assert refused(source, "metadata/PMC5.1.json") is Reason.DAMAGED
    path.write_bytes(whole)
    assert metadata_of(source).title == "On things"


def test_what_is_no_package_is_not_found(tmp_path: Path) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML})
    source = source_of(tmp_path)
    for key in ("metadata/PMC6.1.json", "PMC5.2/x.jpg", "PMC5.1/x.jpg", "inventory-reports/x.json"):
        assert refused(source, key) is Reason.NOT_FOUND
    assert refused(source, "PMC5.1/PMC5.1.xml", max_bytes=10) is Reason.TOO_LARGE
    assert refused(source, "PMC5.1/../x") is Reason.UNSAFE_URI
    assert find_manifest(source) is None


def test_the_change_mark_follows_package_and_list(tmp_path: Path) -> None:
    path = tmp_path / "PMC5.tar.gz"
    write_package(path, {"x.nxml": XML})

    def mark() -> str:
        open_source.cache_clear()
        return next(iter(list_versions(source_of(tmp_path)))).etag

    marks = [mark(), mark()]
    write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", "CC BY")])
    marks.append(mark())
    write_package(path, {"x.nxml": XML, "a.jpg": b"1"})
    marks.append(mark())
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def test_a_source_that_stays_open_sees_what_changes(tmp_path: Path) -> None:
    write_package(tmp_path / "aa/PMC5.tar.gz", {"x.nxml": XML, "a.jpg": b"old"})
    source = source_of(tmp_path)
    assert (source.read("PMC5.1/a.jpg", 10), metadata_of(source).license_code) == (b"old", "CC BY-NC-SA")
    write_package(tmp_path / "aa/PMC5.tar.gz", {"x.nxml": XML, "a.jpg": b"newer"})
    write_package(tmp_path / "bb/PMC6.tar.gz", {"x.nxml": XML, "a.jpg": b"6"})
    assert (source.read("PMC5.1/a.jpg", 10), source.read("PMC6.1/a.jpg", 10)) == (b"newer", b"6")
    for code in ("CC0", "CC BY"):
        write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", code), *[listed("PMC6", code)] * len(code)])
        assert metadata_of(source).license_code == code
    (tmp_path / "aa/PMC5.tar.gz").unlink()
    assert [info.key for info in list_versions(source)] == ["metadata/PMC6.1.json"]
    assert refused(source, "PMC5.1/a.jpg") is Reason.NOT_FOUND


def test_a_package_is_unpacked_once_for_all_its_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path / "PMC5.tar.gz", {"x.nxml": XML} | {f"{number}.jpg": b"1" for number in range(20)})
    opened = []
    unpack = packages_module.unpack
    monkeypatch.setattr(packages_module, "unpack", lambda path, *rest: opened.append(path) or unpack(path, *rest))
    source = source_of(tmp_path)
    keys = [f"PMC5.1/{number}.jpg" for number in range(20)]
    assert len(list(fetch_concurrently(source.read, one_read, keys, 8))) == 20
    assert len(opened) == 1


def test_unpacked_packages_give_way_when_they_become_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages_module, "CACHE_BYTES", 2500)
    for number in (5, 6, 7):
        write_package(tmp_path / f"PMC{number}.tar.gz", {"a.jpg": bytes(1000)})
    opened = []
    unpack = packages_module.unpack
    monkeypatch.setattr(
        packages_module, "unpack", lambda path, accession, limit: opened.append(accession) or unpack(path, accession, limit)
    )
    source = source_of(tmp_path)
    for number in (5, 6, 7, 7, 6, 5):
        source.read(f"PMC{number}.1/a.jpg", 1000)
    assert opened == ["PMC5.1", "PMC6.1", "PMC7.1", "PMC5.1"]
