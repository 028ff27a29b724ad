"""A folder of old packages `PMC*.tar.gz` at any depth, presented with the keys of the bucket; every package is version 1."""

from __future__ import annotations

import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from schemas.rejects import Reason, Rejected
from udfs.held_bytes import Admit, admit_any
from udfs.object_keys import Accession, accession_of_metadata_key, check_key, metadata_key, parse_accession
from udfs.source.file_list import FileList, ListedPackage
from udfs.source.options import ObjectInfo, SourceOptions, check_prefix
from udfs.source.package import Package, metadata_json, unpack

CACHE_BYTES = 256 * 2**20
_PACKAGE = re.compile(r"(PMC[1-9][0-9]{0,11})\.tar\.gz", re.ASCII)
_FILE_LISTS = ("*file_list*.csv", "*filelist*.csv")


class PackagesSource:
    """Objects out of packages; what was unpacked last stays in memory, since an article's files are read one after the other."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self._root = Path(options.uri.removeprefix("file://")).resolve()
        self._cache = _PackageCache(options.max_object_bytes)
        self._file_list = FileList(sorted({path for pattern in _FILE_LISTS for path in self._root.glob(pattern)}))

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
        if prefix in {"", "metadata/"}:
            yield from (self._info(Accession(pmcid, 1)) for pmcid in sorted(self._paths))
        versions = sorted(self._paths) if not prefix else [prefix.partition(".")[0]]
        for pmcid in versions:
            if pmcid in self._paths and f"{pmcid}.1/".startswith(prefix):
                yield from self._members(Accession(pmcid, 1))

    @cached_property
    def _paths(self) -> dict[str, Path]:
        found = ((_PACKAGE.fullmatch(path.name), path) for path in self._root.rglob("PMC*.tar.gz"))
        return {match[1]: path for match, path in found if match}

    def _members(self, accession: Accession) -> Iterator[ObjectInfo]:
        info = self._info(accession)
        package = self._package(accession)
        for name, num_bytes in ({name: len(data) for name, data in package.files.items()} | package.too_large).items():
            yield ObjectInfo(f"{accession}/{name}", num_bytes, info.etag, info.last_modified)

    def _content(self, key: str) -> bytes:
        accession, name = _parse(key)
        package = self._package(accession)
        if name is None:
            return metadata_json(package, self._file_list.row(accession.pmcid), self.options.bucket)
        if name in package.too_large:
            detail = f"{key} has {package.too_large[name]} bytes, the limit is {self.options.max_object_bytes}"
            raise Rejected(Reason.TOO_LARGE, detail)
        if name not in package.files:
            raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source")
        return package.files[name]

    def _package(self, accession: Accession) -> Package:
        return self._cache.get(self._path(accession), str(accession))

    def _path(self, accession: Accession) -> Path:
        """Where the package lies: as the file list says, else by a walk through the folder."""
        if accession.version != 1:
            raise Rejected(Reason.NOT_FOUND, f"{accession}: old packages know version 1 only")
        listed = self._file_list.row(accession.pmcid)
        for path in _listed_paths(self._root, listed):
            if path.is_file():
                return path
        if accession.pmcid not in self._paths:
            raise Rejected(Reason.NOT_FOUND, f"no package {accession.pmcid}.tar.gz in the source")
        return self._paths[accession.pmcid]

    def _info(self, accession: Accession) -> ObjectInfo:
        stat = self._path(accession).stat()
        listed = zlib.crc32(repr(self._file_list.row(accession.pmcid)).encode())
        etag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{listed:x}"
        return ObjectInfo(metadata_key(str(accession)), stat.st_size, etag, datetime.fromtimestamp(stat.st_mtime, UTC))


class _PackageCache:
    """The packages unpacked last, up to CACHE_BYTES; one package is unpacked at a time, and once for all that want it."""

    def __init__(self, max_file_bytes: int) -> None:
        self._max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._unpacking = threading.Lock()
        self._packages: OrderedDict[str, Future[Package]] = OrderedDict()

    def get(self, path: Path, accession: str) -> Package:
        with self._lock:
            future = self._packages.get(accession)
            is_new = future is None
            if future is None:
                future = self._packages[accession] = Future()
            self._packages.move_to_end(accession)
        if is_new:
            self._unpack(path, accession, future)
        return future.result()

    def _unpack(self, path: Path, accession: str, future: Future[Package]) -> None:
        try:
            with self._unpacking:
                future.set_result(unpack(path, accession, self._max_file_bytes))
        except BaseException as error:
            with self._lock:
                self._packages.pop(accession, None)
            future.set_exception(error)
            return
        with self._lock:
            self._evict()

    def _evict(self) -> None:
        sizes = {accession: one.result().num_bytes for accession, one in self._packages.items() if one.done()}
        total = sum(sizes.values())
        for accession, num_bytes in list(sizes.items())[:-1]:
            if total <= CACHE_BYTES:
                return
            del self._packages[accession]
            total -= num_bytes


def is_packages_folder(folder: Path) -> bool:
    """Whether a folder holds old packages rather than a mirror of the bucket."""
    if (folder / "metadata").is_dir():
        return False
    return any(_PACKAGE.fullmatch(path.name) for path in folder.rglob("PMC*.tar.gz"))


def _listed_paths(root: Path, listed: ListedPackage | None) -> list[Path]:
    if not listed or not listed.path:
        return []
    try:
        check_key(listed.path)
    except Rejected:
        return []
    return [root / listed.path, root / listed.path.partition("/")[2]]


def _parse(key: str) -> tuple[Accession, str | None]:
    """Accession and object name of a key; None as the name of a metadata JSON."""
    folder, _, name = key.partition("/")
    if folder == "metadata":
        return accession_of_metadata_key(key), None
    try:
        return parse_accession(folder), name
    except Rejected:
        raise Rejected(Reason.NOT_FOUND, f"{key} is not in the source") from None
