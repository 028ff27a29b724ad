"""A local mirror as a source: the same keys, nothing outside the folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.rejects import Reason, Rejected
from udfs.source import Source, SourceOptions, open_source


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    for key in ("metadata/PMC1.1.json", "PMC1.1/PMC1.1.xml", "PMC1.1/a.jpg", "PMC1.12/a.jpg"):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.encode())
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return root


@pytest.fixture
def source(mirror: Path) -> Source:
    return open_source(SourceOptions(str(mirror)))


def test_an_object_is_read_whole_up_to_the_limit(source: Source) -> None:
    assert source.read("PMC1.1/a.jpg", 12) == b"PMC1.1/a.jpg"
    with pytest.raises(Rejected) as caught:
        source.read("PMC1.1/a.jpg", 11)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("size_before", [5, 11, 13])
def test_a_file_that_changes_while_it_is_read_is_tried_again_later(
    source: Source, monkeypatch: pytest.MonkeyPatch, size_before: int
) -> None:
    monkeypatch.setattr("os.fstat", lambda _: os.stat_result((0, 0, 0, 0, 0, 0, size_before, 0, 0, 0)))
    with pytest.raises(Rejected) as caught:
        source.read("PMC1.1/a.jpg", 100)
    assert caught.value.reason is Reason.FETCH_FAILED


@pytest.mark.parametrize("key", ["PMC1.1/b.jpg", "PMC1.1", "PMC1.1/a.jpg/x"])
def test_what_is_no_file_is_not_found(source: Source, key: str) -> None:
    with pytest.raises(Rejected) as caught:
        source.read(key, 100)
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.timeout(60)
@pytest.mark.parametrize("read", [lambda source, key: source.read(key, 100), lambda source, key: source.head(key)])
def test_a_pipe_is_no_object_and_nobody_waits_for_it(source: Source, mirror: Path, read: Callable[[Source, str], object]) -> None:
    os.mkfifo(mirror / "PMC1.1/pipe.jpg")
    with pytest.raises(Rejected, match="no regular file") as caught:
        read(source, "PMC1.1/pipe.jpg")
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize("key", ["../secret.txt", "PMC1.1/../../secret.txt", "/etc/passwd", "PMC1.1/..%2f..%2fsecret.txt"])
def test_a_key_cannot_leave_the_folder(source: Source, key: str) -> None:
    with pytest.raises(Rejected) as caught:
        source.read(key, 100)
    assert caught.value.reason is Reason.UNSAFE_URI


def test_a_link_out_of_the_folder_is_neither_read_nor_listed(source: Source, mirror: Path) -> None:
    (mirror / "PMC1.1/link.jpg").symlink_to(mirror.parent / "secret.txt")
    (mirror / "PMC2.1").symlink_to(mirror.parent)
    for key in ("PMC1.1/link.jpg", "PMC2.1/secret.txt"):
        with pytest.raises(Rejected) as caught:
            source.read(key, 100)
        assert caught.value.reason is Reason.UNSAFE_URI
    assert len(list(source.list_keys(""))) == 4


def test_a_listing_stays_below_its_prefix(source: Source) -> None:
    assert [info.key for info in source.list_keys("PMC1.1/")] == ["PMC1.1/PMC1.1.xml", "PMC1.1/a.jpg"]
    assert {info.key for info in source.list_keys("")} >= {"metadata/PMC1.1.json", "PMC1.12/a.jpg"}
    assert list(source.list_keys("absent/")) == []
    with pytest.raises(ValueError, match="must be empty or end in"):
        source.list_keys("PMC1.")


def test_the_change_mark_changes_with_the_file(source: Source, mirror: Path) -> None:
    before = source.head("PMC1.1/a.jpg")
    assert before == source.head("PMC1.1/a.jpg")
    (mirror / "PMC1.1/a.jpg").write_bytes(b"longer than before")
    assert source.head("PMC1.1/a.jpg").etag != before.etag
    assert before.num_bytes == 12


def test_a_file_uri_is_a_folder(mirror: Path) -> None:
    assert open_source(SourceOptions(f"file://{mirror}")).read("PMC1.1/a.jpg", 100) == b"PMC1.1/a.jpg"


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"source\.uri"):
        open_source(SourceOptions(str(tmp_path / "absent")))
