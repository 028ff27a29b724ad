"""The bucket's metadata JSON: what it fills in, and where it and the XML disagree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from schemas.rejects import Rejected
from udfs.jats.licences import license_code
from udfs.object_keys import check_name

_SPACE = re.compile(r"\s+")
_FILLS = ("pmid", "doi", "title")


def media_names(metadata: Mapping[str, Any], accession: str) -> list[str]:
    """Names of the media objects below the version's own prefix, in order; unsafe names and URLs elsewhere are left out."""
    urls = metadata.get("media_urls")
    names = (_name(url, f"/{accession}/") for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()
    return list(dict.fromkeys(name for name in names if name))


def _name(url: str, prefix: str) -> str | None:
    name = url.partition("?")[0].partition(prefix)[2]
    try:
        check_name(name)
    except Rejected:
        return None
    return name


def merge(row: dict[str, Any], metadata: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Fill pmid, doi and title of the row where the XML has none; the differences between the two as rows."""
    differences = []
    for name in _FILLS:
        told = text_of(metadata.get(name))
        if row[name] is None:
            row[name] = told
        elif told is not None and not _agree(told, row[name], row["subtitle"] if name == "title" else None):
            differences.append(_difference(name, row[name], told))
    if row["xml_pmcid"] not in (None, row["pmcid"]):
        differences.append(_difference("pmcid", row["xml_pmcid"], row["pmcid"]))
    code = license_code(row["license_spdx"])
    if metadata and code and code != row["license_code"]:
        differences.append(_difference("license_code", code, row["license_code"]))
    return differences


def _difference(field: str, xml: str | None, metadata: str | None) -> dict[str, str | None]:
    return {"field": field, "xml": xml, "metadata": metadata}


def text_of(value: Any) -> str | None:
    """A JSON value as text; None for null and for nothing but white space."""
    if value is None or isinstance(value, (dict, list)):
        return None
    return _SPACE.sub(" ", str(value)).strip() or None


def flag(metadata: Mapping[str, Any], name: str) -> bool:
    """A yes or no of the metadata; anything but true is no."""
    return metadata.get(name) is True


def _agree(told: str, found: str, addition: str | None) -> bool:
    """True where two values have the same letters and digits; a title may be told with its subtitle."""
    letters = _letters(told)
    return letters == _letters(found) or (addition is not None and letters == _letters(found + addition))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text)).casefold()
