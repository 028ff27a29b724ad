"""A mirror of the bucket in a local folder: the same keys below the folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from schemas.rejects import Reason, Rejected
from udfs.held_bytes import Admit, admit_any
from udfs.object_keys import check_key
from udfs.source.options import ObjectInfo, SourceOptions, check_prefix


class FolderSource:
    """Objects as files; a link that leads out of the folder is not followed."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self._root = Path(options.uri.removeprefix("file://")).resolve()
        if not self._root.is_dir():
            raise ValueError(f"source.uri must be a folder that exists, not {options.uri!r}")

    def read(self, key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        """See Source.read."""
        path = self._path(key)
        try:
            _file_stat(key, path)  # before it is opened: that waits for ever at a pipe
            with path.open("rb") as file:
                num_bytes = os.fstat(file.fileno()).st_size
                if num_bytes > max_bytes:
                    raise Rejected(Reason.TOO_LARGE, f"{key} has {num_bytes} bytes, the limit is {max_bytes}")
                admit(num_bytes)
                data = file.read(num_bytes + 1)  # one more, to see a file that has grown
        except OSError as error:
            raise _rejected(key, error) from None
        if len(data) != num_bytes:
            raise Rejected(Reason.FETCH_FAILED, f"{key} changed while it was read")
        return data

    def head(self, key: str) -> ObjectInfo:
        """See Source.head; the change mark is made of size and modification time."""
        path = self._path(key)
        try:
            return _info(key, _file_stat(key, path))
        except OSError as error:
            raise _rejected(key, error) from None

    def list_keys(self, prefix: str) -> Iterator[ObjectInfo]:
        """See Source.list_keys; keys come in order within each folder."""
        check_prefix(prefix)
        folder = self._path(prefix.rstrip("/")) if prefix else self._root
        return self._walk(folder, prefix) if folder.is_dir() else iter(())

    def _walk(self, folder: Path, prefix: str) -> Iterator[ObjectInfo]:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(folder / entry.name, f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield _info(prefix + entry.name, entry.stat())

    def _path(self, key: str) -> Path:
        check_key(key)
        path = self._root / key
        if not path.resolve().is_relative_to(self._root):
            raise Rejected(Reason.UNSAFE_URI, f"{key} is a link that leads out of the folder")
        return path


def _file_stat(key: str, path: Path) -> os.stat_result:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Rejected(Reason.NOT_FOUND, f"{key} is no regular file")
    return found


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"
    return ObjectInfo(key, found.st_size, etag, datetime.fromtimestamp(found.st_mtime, UTC))


def _rejected(key: str, error: OSError) -> Rejected:
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return Rejected(Reason.NOT_FOUND, f"{key} is not in the source")
    return Rejected(Reason.FETCH_FAILED, f"{key}: {type(error).__name__}: {error.strerror}")
