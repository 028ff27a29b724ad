"""Folders and object stores, through one interface."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

_URL = re.compile(r"[A-Za-z][\w+.-]+:/")  # with one slash too, as Spark and Databricks print places
_FILE_URL = re.compile(r"^file:(//(localhost)?)?(?=/)")


@dataclass(frozen=True)
class StoredFile:
    """A file by its path below where it was listed, its size and, in any words, when it was changed.

    changed is as who wrote the file may have set it, and stays with a copy of it; revision is another where the file was replaced
    (the inode's time, which also changes with its owner, its rights and its links; the object's ETag, where the store has any).
    """

    path: str
    num_bytes: int
    changed: str
    revision: str = ""


def is_local(uri: str) -> bool:
    """Whether a place is a folder of this machine: no URL, or one with `file:`."""
    return uri.startswith("file:/") or not _URL.match(uri)


def local_path(uri: str) -> Path:
    """The folder that a local place is."""
    return Path(_FILE_URL.sub("", uri)).absolute()


def open_store(uri: str) -> ObjectStore:
    """The folder or object store prefix at `uri`; a folder is made when it is missing. ValueError for another kind of URL."""
    if is_local(uri):
        return LocalStore(local_path(uri), mkdir=True)
    try:
        return from_url(uri)
    except (BaseError, ValueError) as error:
        raise ValueError(f"{uri} is no place for files: {str(error).splitlines()[0]}") from None


def put_file(store: ObjectStore, key: str, path: Path) -> None:
    """Copy a file to `key`; readers see the old object or the whole new one, never a part."""
    store.put(key, path)


def put_bytes(store: ObjectStore, key: str, data: bytes) -> None:
    """Write `data` to `key` in one step."""
    store.put(key, data)


def delete(store: ObjectStore, key: str) -> None:
    """Delete an object, if it is there."""
    with suppress(FileNotFoundError):
        store.delete(key)


def delete_others(store: ObjectStore, suffix: str, kept: set[str]) -> None:
    """Delete every object directly below the store whose name ends in `suffix` and is not in `kept`."""
    for page in store.list():
        names = [str(item["path"]) for item in page]
        stale = [name for name in names if name.endswith(suffix) and "/" not in name and name not in kept]
        if stale:
            store.delete(stale)


def list_files(uri: str) -> Iterator[StoredFile]:
    """What lies below `uri`, at any depth, links followed; ValueError for a folder that is not there or cannot be listed."""
    if is_local(uri):
        folder = local_path(uri)
        if not folder.is_dir():
            raise ValueError(f"{uri} is no folder")
        yield from _local_files(folder, "", ())
    else:
        yield from stored_files(uri)


def stored_files(uri: str) -> Iterator[StoredFile]:
    """What lies below `uri` as a store has it: of a folder without what is half written and links to nothing; ValueError."""
    try:
        for page in open_store(uri).list():
            for item in page:
                yield StoredFile(str(item["path"]), item["size"], str(item["last_modified"]), str(item["e_tag"] or ""))
    except BaseError as error:
        raise ValueError(f"{uri} cannot be listed: {str(error).splitlines()[0]}") from error


def _local_files(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[StoredFile]:
    """Files of a folder by their path below the first; above: the folders (device, inode) that it lies in.

    A store of folders would pass over names such as `Figure #1`, which it may have left half written, and links to nothing.
    """
    try:
        here = folder.stat()
        if (here.st_dev, here.st_ino) in above:
            return  # a link to a folder that it lies in: what is there was listed
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(f"{folder} cannot be listed: {error.strerror}") from None
    for entry in entries:
        shown = os.fsencode(entry.path).decode(errors="backslashreplace")
        if shown != entry.path:
            raise ValueError(f"{shown!r} has a name that is not UTF-8; rename it")
        name = f"{prefix}{entry.name}"
        try:
            about = entry.stat()
        except OSError as error:
            raise ValueError(f"{shown!r} cannot be read, as a link to nothing ({error.strerror}); mend or remove it") from None
        if stat.S_ISDIR(about.st_mode):
            yield from _local_files(folder / entry.name, f"{name}/", (*above, (here.st_dev, here.st_ino)))
        elif stat.S_ISREG(about.st_mode):
            yield StoredFile(name, about.st_size, str(about.st_mtime_ns), str(about.st_ctime_ns))
        else:
            raise ValueError(f"{shown!r} is neither a file nor a folder; remove it")


def reader(uri: str) -> Callable[[str, int], bytes]:
    """A function that reads the first bytes of a file that list_files names; FileNotFoundError for one that has gone since."""
    if is_local(uri):
        return partial(_read_local, local_path(uri))
    store = open_store(uri)
    return lambda path, num_bytes: store.get_range(path, start=0, length=num_bytes).to_bytes() if num_bytes else b""


def _read_local(folder: Path, path: str, num_bytes: int) -> bytes:
    with (folder / path).open("rb") as file:
        return file.read(num_bytes)


def listing_digest(files: Iterable[StoredFile]) -> str | None:
    """SHA-256 (hex) of names, sizes and times of change; None when there is nothing."""
    return _digest(f"{file.path} {file.num_bytes} {file.changed}" for file in files)


def revisions_digest(files: Iterable[StoredFile]) -> str | None:
    """SHA-256 (hex) of names and revisions: another one also where a file was replaced by one of its size and time."""
    return _digest(f"{file.path} {file.revision}" for file in files)


def _digest(texts: Iterable[str]) -> str | None:
    lines = sorted(texts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else None
