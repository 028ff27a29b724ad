"""A folder of old packages `PMC*.tar.gz` at any depth, presented with the keys of the bucket; every package is version 1."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from schemas.rejects import Reason, Rejected
from udfs.held_bytes import Admit, admit_any
from udfs.object_keys import Accession, accession_of_metadata_key, check_key, metadata_key, parse_accession
from udfs.source.options import ObjectInfo, SourceOptions, check_prefix
from udfs.source.package import Package, metadata_json, unpack
from udfs.source.package_folder import PackageFolder, change_mark

CACHE_BYTES = 256 * 2**20
_Place: TypeAlias = tuple[Path, tuple[int, int] | None]
"""Where a package lies, with the change mark of its file."""


class PackagesSource:
    """Objects out of packages; what was unpacked last stays in memory, since an article's files are read one after the other."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self._folder = PackageFolder(Path(options.uri.removeprefix("file://")).resolve())
        self._cache = _PackageCache(options.max_object_bytes)

    def read(self, key: str, max_bytes: int, admit: Admit = admit_any) -> bytes:
        """See Source.read; a metadata JSON is made from the package and the file list."""
        check_key(key)
        data = self._content(key)
        if len(data) > max_bytes:
            raise Rejected(Reason.TOO_LARGE, f"{key} has {len(data)} bytes, the limit is {max_bytes}")
        admit(len(data))
        return data

    def head(self, key: str) -> ObjectInfo:
        """See Source.head; the change mark is the package's, so it is the same for all its objects."""
        check_key(key)
        accession, _ = _parse(key)
        info = self._info(accession)
        return ObjectInfo(key, len(self._content(key)), info.etag, info.last_modified)

    def list_keys(self, prefix: str) -> Iterator[ObjectInfo]:
        """See Source.list_keys; the size of a metadata object is that of its package, which is not opened for a listing."""
        check_prefix(prefix)
        pmcids = sorted(self._folder.walk())
        if prefix in {"", "metadata/"}:
            yield from (self._info(Accession(pmcid, 1)) for pmcid in pmcids)
        for pmcid in pmcids:
            if f"{pmcid}.1/".startswith(prefix):
                yield from self._members(Accession(pmcid, 1))

    def _members(self, accession: Accession) -> Iterator[ObjectInfo]:
        info = self._info(accession)
        package = self._package(accession)
        for name, num_bytes in ({name: len(data) for name, data in package.files.items()} | package.too_large).items():
            yield ObjectInfo(f"{accession}/{name}", num_bytes, info.etag, info.last_modified)

    def _content(self, key: str) -> bytes:
        accession, name = _parse(key)
        package = self._package(accession)
        if name is None:
            return metadata_json(package, self._folder.row(accession.pmcid), self.options.bucket)
        if name in package.too_large:
            detail = f"{key} has {package.too_large[name]} bytes, the limit is {self.options.max_object_bytes}"
            raise Rejected(Reason.TOO_LARGE, detail)
        if name not in package.files:
            raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source")
        return package.files[name]

    def _package(self, accession: Accession) -> Package:
        return self._cache.get(self._path(accession), str(accession))

    def _path(self, accession: Accession) -> Path:
        if accession.version != 1:
            raise Rejected(Reason.NOT_FOUND, f"{accession}: old packages know version 1 only")
        path = self._folder.path(accession.pmcid)
        if path is None:
            raise Rejected(Reason.NOT_FOUND, f"no package {accession.pmcid}.tar.gz in the source")
        return path

    def _info(self, accession: Accession) -> ObjectInfo:
        stat = self._path(accession).stat()
        listed = zlib.crc32(repr(self._folder.row(accession.pmcid)).encode())
        etag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{listed:x}"
        return ObjectInfo(metadata_key(str(accession)), stat.st_size, etag, datetime.fromtimestamp(stat.st_mtime, UTC))


class _PackageCache:
    """The packages unpacked last, up to CACHE_BYTES; one package is unpacked at a time, and once for all that want it."""

    def __init__(self, max_file_bytes: int) -> None:
        self._max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._unpacking = threading.Lock()
        self._packages: OrderedDict[_Place, Future[Package]] = OrderedDict()

    def get(self, path: Path, accession: str) -> Package:
        place = (path, change_mark(path))
        with self._lock:
            future = self._packages.get(place)
            is_new = future is None
            if future is None:
                future = self._packages[place] = Future()
            self._packages.move_to_end(place)
        if is_new:
            self._unpack(place, accession, future)
        return future.result()

    def _unpack(self, place: _Place, accession: str, future: Future[Package]) -> None:
        try:
            with self._unpacking:
                future.set_result(unpack(place[0], accession, self._max_file_bytes))
        except BaseException as error:
            with self._lock:
                self._packages.pop(place, None)
            future.set_exception(error)
            return
        with self._lock:
            self._evict()

    def _evict(self) -> None:
        sizes = {place: one.result().num_bytes for place, one in self._packages.items() if one.done()}
        total = sum(sizes.values())
        for place, num_bytes in list(sizes.items())[:-1]:
            if total <= CACHE_BYTES:
                return
            del self._packages[place]
            total -= num_bytes


def _parse(key: str) -> tuple[Accession, str | None]:
    """Accession and object name of a key; None as the name of a metadata JSON."""
    folder, _, name = key.partition("/")
    if folder == "metadata":
        return accession_of_metadata_key(key), None
    try:
        return parse_accession(folder), name
    except Rejected:
        raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source") from None
