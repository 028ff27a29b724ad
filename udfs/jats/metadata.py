"""The bucket's metadata JSON: what it fills in, and where it and the XML disagree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SPACE = re.compile(r"\s+")
_FILLS = ("pmid", "doi", "title")


def media_names(metadata: Mapping[str, Any], accession: str) -> list[str]:
    """Names of the media objects below the version's own prefix, in order; URLs elsewhere are none of ours."""
    marker = f"/{accession}/"
    names = []
    for url in metadata.get("media_urls") or ():
        if isinstance(url, str):
            _, found, name = url.partition("?md5=")[0].partition(marker)
            if found and name:
                names.append(name)
    return list(dict.fromkeys(names))


def merge(row: dict[str, Any], metadata: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Fill pmid, doi and title of the row where the XML has none; the differences between the two as rows."""
    differences = []
    for name in _FILLS:
        told = text_of(metadata.get(name))
        if row[name] is None:
            row[name] = told
        elif told is not None and _comparable(told) != _comparable(row[name]):
            differences.append({"field": name, "xml": row[name], "metadata": told})
    return differences


def text_of(value: Any) -> str | None:
    """A JSON value as text; None for null and for nothing but white space."""
    if value is None or isinstance(value, (dict, list)):
        return None
    return _SPACE.sub(" ", str(value)).strip() or None


def flag(metadata: Mapping[str, Any], name: str) -> bool:
    """A yes or no of the metadata; anything but true is no."""
    return metadata.get(name) is True


def _comparable(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()
