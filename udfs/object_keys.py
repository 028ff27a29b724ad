"""Accessions and object keys: what they look like and which of them are safe to read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from schemas.rejects import Reason, Rejected

MAX_NAME_BYTES = 255

_ACCESSION = re.compile(r"PMC([1-9][0-9]{0,11})\.([1-9][0-9]{0,4})", re.ASCII)
_METADATA_KEY = re.compile(r"metadata/(.+)\.json", re.ASCII)
_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.()-]{0,199}", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, order=True)
class Accession:
    """An article version; as text `PMC13901.1`."""

    pmcid: str
    version: int

    def __str__(self) -> str:
        """PMCID.version, the key of the article version in every table."""
        return f"{self.pmcid}.{self.version}"


@dataclass(frozen=True)
class ObjectRef:
    """An object that the metadata names: its key in the bucket, its name below the version's prefix, its MD5 (hex) if given."""

    key: str
    name: str
    uri_without_digest: str
    md5: str | None


def parse_accession(text: str) -> Accession:
    """The accession in a text such as `PMC13901.1`; Rejected (bad_key) for anything else."""
    match = _ACCESSION.fullmatch(text)
    if not match:
        raise Rejected(Reason.BAD_KEY, f"{text!r} is no accession (PMC13901.1)")
    return Accession(f"PMC{match[1]}", int(match[2]))


def metadata_key(accession: str) -> str:
    """Key of the metadata JSON of an article version."""
    return f"metadata/{accession}.json"


def accession_of_metadata_key(key: str) -> Accession:
    """The accession of `metadata/PMC13901.1.json`; Rejected (bad_key) for any other key."""
    match = _METADATA_KEY.fullmatch(key)
    if not match:
        raise Rejected(Reason.BAD_KEY, f"{key!r} is no metadata key (metadata/PMC13901.1.json)")
    return parse_accession(match[1])


def object_key(uri: str, accession: str, bucket: str) -> ObjectRef:
    """The object behind `s3://bucket/PMC13901.1/name?md5=hex`, which must lie directly below the version's prefix in `bucket`.

    The key is taken literally: S3 URIs are not percent-encoded. Rejected (unsafe_uri) for other schemes, buckets, prefixes and
    queries, for a digest that is none, and for names that `check_name` refuses.
    """
    path, question_mark, query = uri.partition("?")
    prefix = f"s3://{bucket}/{accession}/"
    if not path.startswith(prefix):
        raise Rejected(Reason.UNSAFE_URI, f"{uri!r} does not lie below {prefix}")
    name = path.removeprefix(prefix)
    check_name(name)
    return ObjectRef(f"{accession}/{name}", name, path, _digest(uri, query) if question_mark else None)


def check_name(name: str) -> None:
    """Pass a plain file name.

    Rejected (unsafe_uri) for an empty or overlong name, `.` and `..`, separators, drive letters, control or invisible characters,
    and for a name that becomes one of these when it is percent-decoded, however often.
    """
    if _PLAIN.fullmatch(name):  # most names: nothing in them that could do harm
        return
    decoded = name
    while True:
        fault = _fault(decoded)
        if fault:
            raise Rejected(Reason.UNSAFE_URI, f"object name {name!r}: {fault}")
        further = unquote(decoded, errors="replace")
        if further == decoded:
            return
        decoded = further


def check_key(key: str) -> None:
    """Pass a relative key whose every segment is a plain name; Rejected (unsafe_uri) otherwise."""
    for segment in key.split("/"):
        check_name(segment)


def _fault(name: str) -> str | None:
    if not name or name in {".", ".."}:
        return "no name"
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        return f"longer than {MAX_NAME_BYTES} bytes"
    if "/" in name or "\\" in name:
        return "contains a separator"
    if _DRIVE.match(name):
        return "starts with a drive letter"
    if any(unicodedata.category(character) in _INVISIBLE for character in name):
        return "contains a control or invisible character"
    return None


def _digest(uri: str, query: str) -> str:
    field, _, digest = query.partition("=")
    if field != "md5" or not _MD5.fullmatch(digest):
        raise Rejected(Reason.UNSAFE_URI, f"{uri!r} has a query other than md5=<32 hex digits>")
    return digest.lower()
