"""The members of an old package one after the other, each header and its size checked before anything is done with them."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

from schemas.rejects import Reason, Rejected

MAX_UNPACKED_BYTES = 2**30
MAX_EXTENSION_BYTES = 2**20
"""Of a header with a long name or with further fields; a path on Linux has 4096 bytes at most."""

MAX_HEADERS = 100_000
"""A package has the files of one article; the limit on bytes alone lets two million empty members through."""

_ENCODING, _ERRORS = "utf-8", "surrogateescape"
_FIELDS = frozenset({tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE})
_EXTENSIONS = _FIELDS | {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_WITHOUT_DATA = frozenset({tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE})
_LENGTH = re.compile(rb"([0-9]{1,8}) ")
_SKIPPED_AT_ONCE = 2**16


@dataclass(frozen=True)
class Member:
    """A member as its headers describe it; only a plain file is one to read."""

    path: str
    is_file: bool
    num_bytes: int


class PackageMembers:
    """Goes through the unpacked stream once, forward; at most one member's content is in memory.

    tarfile reads a single header here and not the archive: it follows chained headers by recursion, keeps all members, skips any
    announced size and expands sparse files. Global fields are passed by: a name or a size for all members means nothing.
    Rejected (too_large, also for a negative size; unsupported); tarfile.TarError, EOFError or ValueError for what is damaged.
    """

    def __init__(self, unpacked: BufferedIOBase, name: str) -> None:
        self._unpacked = unpacked
        self._name = name
        self._left = MAX_UNPACKED_BYTES
        self._content = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        fields: dict[str, str] = {}
        seen: set[bytes] = set()
        for header in self._headers():
            if header.type in _EXTENSIONS:
                if header.type in seen:
                    raise tarfile.ReadError("a member has two headers of one kind")
                seen.add(header.type)
                fields |= self._extension(header)
                continue
            yield self._member(header, fields)
            self._skip()
            fields, seen = {}, set()

    def read(self) -> bytes:
        """Content of the member that was come to last; once."""
        data = self._unpacked.read(self._content)
        if len(data) != self._content:
            raise EOFError("the archive ends within a member")
        self._content = 0
        return data

    def _headers(self) -> Iterator[tarfile.TarInfo]:
        for number in range(MAX_HEADERS):
            self._announce(tarfile.BLOCKSIZE)
            block = self._unpacked.read(tarfile.BLOCKSIZE)
            if not block and not number:
                raise EOFError("there is no archive")
            if not block.strip(b"\0"):
                return
            yield tarfile.TarInfo.frombuf(block, _ENCODING, _ERRORS)
        raise Rejected(Reason.TOO_LARGE, f"{self._name} has {MAX_HEADERS} headers or more")

    def _extension(self, header: tarfile.TarInfo) -> dict[str, str]:
        if header.size > MAX_EXTENSION_BYTES:
            detail = f"{self._name} has a header of {header.size} bytes, the limit is {MAX_EXTENSION_BYTES}"
            raise Rejected(Reason.TOO_LARGE, detail)
        self._open(header.size)
        data = self.read()
        self._skip()
        if header.type in _FIELDS:
            return dict(_records(data))
        long = data.partition(b"\0")[0].decode(_ENCODING, _ERRORS)
        return {"path": long} if header.type == tarfile.GNUTYPE_LONGNAME else {}

    def _member(self, header: tarfile.TarInfo, fields: dict[str, str]) -> Member:
        if header.type == tarfile.GNUTYPE_SPARSE or any(field.startswith("GNU.sparse.") for field in fields):
            raise Rejected(Reason.UNSUPPORTED, f"{self._name} has a sparse file")
        num_bytes = 0 if header.type in _WITHOUT_DATA else int(fields.get("size") or header.size)
        self._open(num_bytes)
        return Member(fields.get("path") or header.name, header.type in _FILES, num_bytes)

    def _open(self, num_bytes: int) -> None:
        self._content, self._padding = num_bytes, -num_bytes % tarfile.BLOCKSIZE
        self._announce(num_bytes)
        self._announce(self._padding)

    def _announce(self, num_bytes: int) -> None:
        """Called before anything is read; a member that announces too much is the end, since what follows it is out of reach."""
        if not 0 <= num_bytes <= self._left:
            detail = f"{self._name} goes on with {num_bytes} bytes, {self._left} of {MAX_UNPACKED_BYTES} are left to it"
            raise Rejected(Reason.TOO_LARGE, detail)
        self._left -= num_bytes

    def _skip(self) -> None:
        left = self._content + self._padding
        while left:
            data = self._unpacked.read(min(left, _SKIPPED_AT_ONCE))
            if not data:
                raise EOFError("the archive ends within a member")
            left -= len(data)
        self._content = self._padding = 0


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """Fields of an extended header of POSIX.1-2001 (pax): `length name=value\\n` each, the length of the whole record."""
    start = 0
    while match := _LENGTH.match(data, start):
        end = start + int(match[1])
        if end <= match.end() or end > len(data):
            raise tarfile.ReadError("a field of a header has a length that cannot be")
        name, _, value = data[match.end() : end].removesuffix(b"\n").partition(b"=")
        yield name.decode(_ENCODING, _ERRORS), value.decode(_ENCODING, _ERRORS)
        start = end
