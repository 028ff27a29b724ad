"""Hostile and odd archives: what an old package announces is checked before it is done."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from schemas.rejects import Reason, Rejected
from udfs.source import package_members
from udfs.source.package import Package, unpack

END = bytes(2 * tarfile.BLOCKSIZE)
LONG = "d" * 150 + "/" + "n" * 90 + ".jpg"


def block(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, data: bytes = b"") -> bytes:
    """A member with the size it announces, and its data as they are."""
    header = tarfile.TarInfo(name)
    header.size, header.type = size, kind
    return header.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)


def whole(name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    return block(name, len(data), kind, data)


def fields(*records: str, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """A header with further fields, each shorter than 95 bytes."""
    lengths = [len(one) + (3 if len(one) < 7 else 4) for one in records]  # with the digits, a blank and the line's end
    return whole("fields", "".join(f"{length} {one}\n" for length, one in zip(lengths, records, strict=True)).encode(), kind)


def long_name(name: str) -> bytes:
    return whole("././@LongLink", name.encode() + b"\0", tarfile.GNUTYPE_LONGNAME)


def unpacked(folder: Path, parts: Iterable[bytes], max_file_bytes: int = 10**6) -> Package:
    path = folder / "PMC5.tar.gz"
    path.write_bytes(gzip.compress(b"".join(parts), 1))
    return unpack(path, "PMC5.1", max_file_bytes)


def refused(folder: Path, parts: Iterable[bytes]) -> Reason:
    with pytest.raises(Rejected) as caught:
        unpacked(folder, parts)
    assert "PMC5.tar.gz" in caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_archive_gives_the_names_and_bytes_that_were_packed(tmp_path: Path, form: int) -> None:
    files = {LONG: b"1" * 700, "PMC5/ä.png": b"2" * 512, "PMC5/x.nxml": b"", "PMC5/b.gif": b"3"}
    with tarfile.open(tmp_path / "PMC5.tar.gz", "w:gz", format=form) as package:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("PMC5/c.jpg")
            member.type, member.linkname = kind, LONG[:90]
            package.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
    found = unpack(tmp_path / "PMC5.tar.gz", "PMC5.1", 10**6)
    assert found.files == {LONG.rpartition("/")[2]: b"1" * 700, "ä.png": b"2" * 512, "PMC5.1.xml": b"", "b.gif": b"3"}


def test_fields_before_a_member_hold_for_it_alone_and_global_ones_for_none(tmp_path: Path) -> None:
    parts = [fields("path=all.jpg", kind=tarfile.XGLTYPE), fields("path=a/one.jpg", "size=3"), block("x.jpg", 1, data=b"123")]
    found = unpacked(tmp_path, [*parts, whole("two.jpg", b"4"), END])
    assert found.files == {"one.jpg": b"123", "two.jpg": b"4"}


@pytest.mark.parametrize("size", [-1, -512, 2**30 + 1, 2**80])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, b"?"])
@pytest.mark.parametrize("name", ["a.jpg", "film.avi"])
def test_a_size_that_cannot_be_ends_the_package(tmp_path: Path, size: int, kind: bytes, name: str) -> None:
    assert refused(tmp_path, [whole("b.jpg", b"1"), block(name, size, kind), END]) is Reason.TOO_LARGE


@pytest.mark.parametrize("size", [-1, 2**80])
def test_a_size_that_cannot_be_in_a_field_ends_the_package(tmp_path: Path, size: int) -> None:
    assert refused(tmp_path, [fields(f"size={size}"), block("film.avi"), END]) is Reason.TOO_LARGE


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_chained_headers_end_the_package_or_are_passed_by(tmp_path: Path, kind: bytes) -> None:
    many = [fields("path=a.jpg", kind=kind)] * 600
    if kind == tarfile.XHDTYPE:
        assert refused(tmp_path, [*many, whole("b.jpg", b"1"), END]) is Reason.DAMAGED
    else:
        assert unpacked(tmp_path, [*many, whole("b.jpg", b"1"), END]).files == {"b.jpg": b"1"}


def test_chained_long_names_are_damage(tmp_path: Path) -> None:
    assert refused(tmp_path, [*[long_name(LONG)] * 600, whole("b.jpg", b"1"), END]) is Reason.DAMAGED


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_a_header_that_is_too_large_is_not_read(tmp_path: Path, kind: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int | None] = []
    of_gzip = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: read.append(size) or of_gzip(self, size))
    large = whole("a.jpg", b"n" * (package_members.MAX_EXTENSION_BYTES + 1), kind)
    assert refused(tmp_path, [large, whole("b.jpg", b"1"), END]) is Reason.TOO_LARGE
    assert read == [tarfile.BLOCKSIZE]


def test_a_sparse_file_is_not_expanded(tmp_path: Path) -> None:
    sparse = bytearray(block("a.jpg", 0, tarfile.GNUTYPE_SPARSE))
    sparse[483:495] = b"%011o\0" % 10**6  # the size that it would expand to
    sparse[148:156] = b"%06o\0 " % (256 + sum(sparse[:148]) + sum(sparse[156:512]))
    assert refused(tmp_path, [bytes(sparse), END]) is Reason.UNSUPPORTED
    for records in (["GNU.sparse.map=0,1", "GNU.sparse.size=1000000"], ["GNU.sparse.major=1", "GNU.sparse.minor=0"]):
        assert refused(tmp_path, [fields(*records), whole("a.jpg", b"1\n0\n1\n"), END]) is Reason.UNSUPPORTED


def test_the_number_of_headers_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_members, "MAX_HEADERS", 100, raising=False)
    assert len(unpacked(tmp_path, [*[whole(f"{number}.jpg", b"") for number in range(99)], END]).files) == 99
    assert refused(tmp_path, [*[whole(f"{number}.avi", b"") for number in range(101)], END]) is Reason.TOO_LARGE


def test_an_unsafe_name_is_told_no_longer_than_a_key_can_be(tmp_path: Path) -> None:
    found = unpacked(tmp_path, [long_name("n" * 10_000 + ".jpg"), whole("a.jpg", b"1"), END])
    assert [len(name) for name in found.unsafe] == [1024]


@pytest.mark.parametrize("records", [b"9999 path=a.jpg\n", b"2 path=a.jpg\n", b"0 path=a.jpg\n"])
def test_fields_of_impossible_length_are_damage(tmp_path: Path, records: bytes) -> None:
    assert refused(tmp_path, [whole("fields", records, tarfile.XHDTYPE), whole("b.jpg", b"1"), END]) is Reason.DAMAGED


def test_an_archive_that_goes_on_with_no_header_is_damaged(tmp_path: Path) -> None:
    assert refused(tmp_path, [whole("a.jpg", b"1"), b"no header" * 100, END]) is Reason.DAMAGED


@pytest.mark.parametrize("kept", [512 + 100, 512 + 1000, 512 + 2048 + 512 + 1])
def test_an_archive_that_ends_within_a_member_is_damaged(tmp_path: Path, kept: int) -> None:
    archive = whole("a.jpg", b"1" * 2000) + whole("b.avi", b"2" * 2000)
    assert refused(tmp_path, [archive[:kept]]) is Reason.DAMAGED


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError, Reason.FETCH_FAILED), (OverflowError, Reason.DAMAGED), (RecursionError, Reason.DAMAGED)],
)
def test_what_cannot_be_unpacked_ends_the_package_and_not_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], reason: Reason
) -> None:
    def fails(*_: object) -> bytes:
        raise error()

    monkeypatch.setattr(gzip.GzipFile, "read", fails)
    assert refused(tmp_path, [whole("a.jpg", b"1"), END]) is reason
