"""Where exports are written."""

import os
from pathlib import Path

import pytest

from udfs.storage import delete, delete_others, list_files, open_store, put_bytes, put_file, reader


@pytest.mark.parametrize("form", ["{folder}", "file://{folder}", "file:{folder}", "file://localhost{folder}"])
def test_a_folder_is_made_and_written_to(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "export"
    store = open_store(form.format(folder=folder))
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    put_file(store, "a.tar", source)
    put_bytes(store, "manifest.json", b"{}")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.tar": b"from a file", "manifest.json": b"{}"}


def test_a_relative_folder_lies_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_bytes(open_store("build/shards"), "a", b"1")
    assert (tmp_path / "build" / "shards" / "a").read_bytes() == b"1"


def test_what_is_there_is_replaced(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    put_bytes(store, "a", b"long content")
    put_bytes(store, "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_an_object_store_is_opened_by_its_url() -> None:
    assert type(open_store("s3://bucket/shards")).__name__ == "S3Store"


@pytest.mark.parametrize("uri", ["hdfs://host/shards", "ftp://host/shards", "s4://bucket", "dbfs:/mnt/shards"])
def test_a_place_that_cannot_be_written_is_refused_in_one_line(uri: str) -> None:
    with pytest.raises(ValueError, match=f"^{uri} is no place for files: [^\n]+$"):
        open_store(uri)


def test_only_shards_directly_in_the_folder_that_are_not_kept_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("train-0.tar", "train-1.tar", "notes.txt", "below/train-1.tar", "train-1.tar.part"):
        (tmp_path / name).write_bytes(b"x")
    delete_others(open_store(str(tmp_path)), ".tar", {"train-0.tar"})
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"train-0.tar", "notes.txt", "below/train-1.tar", "train-1.tar.part"}


def test_an_object_that_is_not_there_can_be_deleted(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    put_bytes(store, "a", b"1")
    for _ in range(2):
        delete(store, "a")
    assert not (tmp_path / "a").exists()


def test_every_file_below_a_folder_is_listed_once_and_read_whatever_its_name(tmp_path: Path) -> None:
    names = ["Figure #1", ".hidden", "_parts/[1] {a,b}.png", "50%25.png", "ü/zwei\nZeilen", "kept/deep/er/a.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "kept" / "loop").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "kept" / "deep")
    listed = {file.path: file.num_bytes for file in list_files(str(tmp_path))}
    assert listed == {name: len(name.encode()) for name in names} | {"linked/er/a.png": len(names[-1])}
    read = reader(f"file://{tmp_path}")
    assert {path: read(path, 1_000).decode() for path in listed} == {
        **dict(zip(names, names, strict=True)),
        "linked/er/a.png": names[-1],
    }
    assert read("Figure #1", 6) == b"Figure"


def test_a_folder_with_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"a\.png' cannot be read, as a link to nothing .*; mend or remove it"):
        list(list_files(str(tmp_path)))


def test_a_link_to_itself_and_a_pipe_say_so(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ValueError, match=r"loop' cannot be read"):
        list(list_files(str(tmp_path)))
    (tmp_path / "loop").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe' is neither a file nor a folder"):
        list(list_files(str(tmp_path)))


def test_a_name_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.png")).touch()
    with pytest.raises(ValueError, match=r"xff\.png' has a name that is not UTF-8; rename it"):
        list(list_files(str(tmp_path)))
