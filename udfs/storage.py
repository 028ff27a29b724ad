"""Folders and object stores, through one interface."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

if TYPE_CHECKING:
    from obstore import ObjectMeta


def open_store(uri: str) -> ObjectStore:
    """The folder or object store prefix at `uri`; a folder is made when it is missing. ValueError for another kind of URL."""
    if "://" not in uri or uri.startswith("file://"):
        return LocalStore(Path(uri.removeprefix("file://")).absolute(), mkdir=True)
    try:
        return from_url(uri)
    except (BaseError, ValueError) as error:
        raise ValueError(f"export.uri={uri} is no place to write to: {str(error).splitlines()[0]}") from None


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


def list_files(uri: str) -> Iterator[ObjectMeta]:
    """What lies below `uri`, at any depth; ValueError for a folder that is not there or cannot be listed."""
    path = uri.removeprefix("file://")
    if "://" not in path and not Path(path).is_dir():
        raise ValueError(f"{uri} is no folder")
    try:
        for page in open_store(uri).list():
            yield from page
    except BaseError as error:
        raise ValueError(f"{uri} cannot be listed: {str(error).splitlines()[0]}") from error


def listing_digest(uri: str, suffixes: tuple[str, ...] = ("",)) -> str:
    """SHA-256 (hex) of what lies below `uri` and ends so: names, sizes, times of change. ValueError when there is nothing."""
    items = [item for item in list_files(uri) if str(item["path"]).endswith(suffixes)]
    lines = [f"{item['path']} {item['size']} {item['last_modified']}" for item in items]
    if not lines:
        raise ValueError(f"{uri} holds no file")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
