"""The layout of the bucket: one prefix per article version, the metadata twice, the inventory of the day."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.sample import damage
from jobs.sample.contents import VersionPlan
from jobs.sample.damage import BUCKET
from jobs.sample.jats import doi, plain_text
from jobs.sample.prose import ArticleText

INVENTORY_PREFIX = f"inventory-reports/{BUCKET}/metadata"
FIRST_DAY = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)
ROWS_PER_PART = 60
_PDF = b"%PDF-1.4\n% the article as the publisher prints it\n%%EOF\n"
_STRAY = {"supplement.pdf": _PDF, "cover.jpg": b"no figure names this file, so nobody should read it\n"}

Objects = dict[str, bytes]


@dataclass(frozen=True)
class InventoryRow:
    """A metadata object as the inventory lists it."""

    key: str
    etag: str
    modified_day: int


def version_objects(version: VersionPlan, text: ArticleText, xml: bytes, media: dict[str, bytes]) -> Objects:
    """All objects of an article version by key, its metadata under both of its keys."""
    xml = damage.damaged_xml(xml, version.damage)
    body = " ".join([text.title, text.abstract]).encode() if version.damage == damage.NOT_XML else plain_text(xml)
    files = {f"{version.accession}.xml": xml, f"{version.accession}.txt": body, **media}
    if version.license_code == "CC BY" and version.index % 2:
        files[f"{version.accession}.pdf"] = _PDF
    if version.index % 6 == 1:
        files.update(_STRAY)
    metadata = damage.damaged_metadata(_metadata(version, text, files), version.damage)
    if version.damage == damage.XML_ABSENT:
        del files[f"{version.accession}.xml"]
    objects = {f"{version.accession}/{name}": data for name, data in files.items()}
    return {**objects, f"{version.accession}/{version.accession}.json": metadata, metadata_key(version): metadata}


def metadata_key(version: VersionPlan) -> str:
    """Key of the metadata object that the inventory lists."""
    return f"metadata/{version.accession}.json"


def _metadata(version: VersionPlan, text: ArticleText, files: dict[str, bytes]) -> bytes:
    own = {kind: f"{version.accession}.{kind}" for kind in ("xml", "txt", "pdf")}
    faults = {own["xml"]: version.damage} | {medium.name: medium.damage for figure in version.figures for medium in figure.media}
    urls = {name: _url(version, name, data, faults.get(name)) for name, data in files.items()}
    record = {
        "pmcid": version.pmcid,
        "version": version.version,
        "pmid": None if version.index % 9 == 0 else 31_000_000 + version.index,
        "doi": doi(version),
        "title": text.title,
        "citation": f"{text.journal}. {text.year}; {text.year - 2000}:{version.index}",
        "is_pmc_openaccess": version.is_open_access,
        "is_manuscript": version.is_manuscript,
        "is_historical_ocr": version.is_historical_ocr,
        "is_retracted": version.is_retracted,
        "license_code": version.license_code,
        "xml_url": urls[own["xml"]],
        "text_url": urls[own["txt"]],
        **({"pdf_url": urls[own["pdf"]]} if own["pdf"] in urls else {}),
        "media_urls": [urls[name] for name in sorted(urls) if name not in own.values()],
    }
    return json.dumps(record, indent=1, ensure_ascii=False).encode()


def _url(version: VersionPlan, name: str, data: bytes, fault: str | None) -> str:
    return damage.stated_uri(f"{version.accession}/{name}", md5(data), fault)


def md5(data: bytes) -> str:
    """Digest (hex) as the bucket states it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def inventory_objects(day: int, rows: Iterable[InventoryRow]) -> Objects:
    """The inventory of a day: gzipped CSV parts, manifest with checksum, Hive's list, a later manifest half written."""
    time = FIRST_DAY + timedelta(days=day - 1)
    listed = sorted(rows, key=lambda row: row.key)
    parts = [listed[start : start + ROWS_PER_PART] for start in range(0, len(listed), ROWS_PER_PART)]
    data = {
        f"{INVENTORY_PREFIX}/data/6f1c0f3a-0000-4000-80{day:02d}-{number:012d}.csv.gz": _csv(part)
        for number, part in enumerate(parts, 1)
    }
    return {**data, **manifest_objects(time, data)}


def manifest_objects(time: datetime, data: Objects) -> Objects:
    """What stands beside the CSV parts `data` of an inventory: manifest with checksum, Hive's list, a later one half written."""
    manifest = _manifest(time, data)
    folder, unfinished = _folder(time), _folder(time + timedelta(hours=12))
    links = "\n".join(f"s3://{BUCKET}/{key}" for key in data)
    return {
        f"{folder}/manifest.json": manifest,
        f"{folder}/manifest.checksum": md5(manifest).encode(),
        f"{INVENTORY_PREFIX}/hive/dt={time:%Y-%m-%d-%H-%M}/symlink.txt": links.encode(),
        f"{unfinished}/manifest.json": manifest[: len(manifest) // 2],
    }


def _folder(time: datetime) -> str:
    return f"{INVENTORY_PREFIX}/{time:%Y-%m-%dT%H-%MZ}"


def _csv(rows: list[InventoryRow]) -> bytes:
    lines = [f'"{BUCKET}","{row.key}","{_modified(row.modified_day)}","{row.etag}"\n' for row in rows]
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=buffer, mtime=0) as packed:
        packed.write("".join(lines).encode())
    return buffer.getvalue()


def _modified(day: int) -> str:
    return f"{FIRST_DAY + timedelta(days=day - 1) - timedelta(hours=13):%Y-%m-%dT%H:%M:%S}.000Z"


def _manifest(time: datetime, data: Objects) -> bytes:
    record = {
        "sourceBucket": BUCKET,
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "version": "2016-11-30",
        "creationTimestamp": str(round(time.timestamp() * 1000)),
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, LastModifiedDate, ETag",
        "files": [{"key": key, "size": len(packed), "MD5checksum": md5(packed)} for key, packed in data.items()],
    }
    return json.dumps(record, indent=1).encode()
