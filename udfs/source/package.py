"""One old package `PMC13900.tar.gz` (XML and images of an article) to its files and to the metadata the bucket would have."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.rejects import Reason, Rejected
from udfs.jats.front import article_meta, read_ids, read_titles
from udfs.jats.licences import license_url, spdx_code
from udfs.jats.parse import Limits, parse_article
from udfs.jats.text import line_text
from udfs.media_match import split_raster
from udfs.object_keys import check_name
from udfs.source.file_list import ListedPackage
from udfs.source.package_members import Member, PackageMembers

_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, OverflowError, RecursionError)
_MAX_UNSAFE_CHARS = 1024
"""Of an unsafe name that is told: as long as a key can be."""

_SPDX = re.compile(r"CC-(BY(?:-[A-Z]+)*)(?:-[0-9.]+)?")


@dataclass(frozen=True)
class Package:
    """XML and raster images of a package by the names they have in the bucket.

    `unsafe` are names that no object may have; `too_large` has the sizes of those that were left in the package.
    """

    accession: str
    files: dict[str, bytes]
    unsafe: tuple[str, ...]
    too_large: dict[str, int]

    @property
    def num_bytes(self) -> int:
        """Size of the unpacked files."""
        return sum(map(len, self.files.values()))


def unpack(path: Path, accession: str, max_file_bytes: int) -> Package:
    """XML and raster images of a package, in memory; everything else in it, and what is larger than allowed, is passed by.

    Rejected: not_found, too_large (more than 1 GiB unpacked, as soon as that is announced), unsupported (a sparse file), damaged,
    fetch_failed.
    """
    found = _Unpacked(accession, max_file_bytes)
    try:
        with gzip.GzipFile(path) as text:
            members = PackageMembers(text, path.name)
            for member in members:
                found.add(member, members)
    except FileNotFoundError:
        raise Rejected(Reason.NOT_FOUND, f"{path.name} is not in the source") from None
    except _DAMAGE as error:
        raise Rejected(Reason.DAMAGED, f"{path.name} is damaged: {type(error).__name__}: {error}") from None
    except (OSError, MemoryError) as error:
        raise Rejected(Reason.FETCH_FAILED, f"{path.name}: {type(error).__name__}: {getattr(error, 'strerror', '')}") from None
    return Package(accession, found.files, tuple(found.unsafe), found.too_large)


def metadata_json(package: Package, listed: ListedPackage | None, bucket: str) -> bytes:
    """Metadata as the bucket would have it: ids and title from the XML, licence from the file list, else from the XML."""
    accession = package.accession
    pmcid, _, version = accession.partition(".")
    xml_name = f"{accession}.xml"
    found = _front(package.files[xml_name], pmcid) if xml_name in package.files else {}
    urls = {name: f"s3://{bucket}/{accession}/{name}?md5={_md5(data)}" for name, data in package.files.items()}
    urls |= {name: f"s3://{bucket}/{accession}/{name}" for name in package.too_large}
    xml_url = urls.pop(xml_name, None)
    values = {
        "pmcid": pmcid,
        "version": int(version),
        "pmid": (listed.pmid if listed else None) or found.get("pmid"),
        "doi": found.get("doi"),
        "title": found.get("title"),
        "is_pmc_openaccess": True,
        "is_manuscript": False,
        "is_historical_ocr": False,
        "is_retracted": bool(listed and listed.is_retracted),
        "license_code": (listed.license_code if listed else None) or found.get("license_code"),
        "xml_url": xml_url,
        "media_urls": [*urls.values(), *(f"s3://{bucket}/{accession}/{name}" for name in package.unsafe)],
    }
    return json.dumps(values, indent=1, ensure_ascii=False).encode()


@dataclass
class _Unpacked:
    """What has been taken out of a package so far."""

    accession: str
    max_file_bytes: int
    files: dict[str, bytes] = field(default_factory=dict)
    unsafe: list[str] = field(default_factory=list)
    too_large: dict[str, int] = field(default_factory=dict)

    def add(self, member: Member, members: PackageMembers) -> None:
        """Take the member if it is the XML or a raster image, the first of its name."""
        name = member.path.rpartition("/")[2]
        is_xml = name.lower().endswith((".nxml", ".xml"))
        if not member.is_file or not (is_xml or split_raster(name)[1]):
            return
        try:
            check_name(name)
        except Rejected:
            self.unsafe.append(name[:_MAX_UNSAFE_CHARS])
            return
        stored = f"{self.accession}.xml" if is_xml else name
        if stored in self.files or stored in self.too_large:
            return
        if member.num_bytes > self.max_file_bytes:
            self.too_large[stored] = member.num_bytes
        else:
            self.files[stored] = members.read()


def _front(xml: bytes, pmcid: str) -> dict[str, Any]:
    """Ids, title and licence code of the XML; nothing where it is no article, which extraction will say."""
    try:
        meta, _ = article_meta(parse_article(xml, pmcid, Limits()).article)
    except Rejected:
        return {}
    licenses = [one for permissions in meta.get("permissions", ()) for one in permissions.iterfind("{*}license")]
    codes = [_license_code(spdx_code(license_url(one), line_text(one))) for one in licenses]
    return {**read_ids(meta), **read_titles(meta), "license_code": next(filter(None, codes), None)}


def _license_code(spdx: str | None) -> str | None:
    if spdx == "CC0-1.0":
        return "CC0"
    match = _SPDX.fullmatch(spdx or "")
    return f"CC {match[1]}" if match else None


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
