"""Licences: URL, SPDX code and version, from JATS permissions."""

from __future__ import annotations

import re

from udfs.jats.names import NAMES, Element, href_of
from udfs.jats.text import line_text

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_CC_URL = re.compile(r"creativecommons\.org/licen[sc]es/(?P<terms>[a-z-]+)(?:/(?P<version>\d\.\d))?", re.IGNORECASE)
_CC_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero|\bCC0\b|\bCC-0\b", re.IGNORECASE)
_CC_MARK = re.compile(r"creativecommons\.org/publicdomain/mark", re.IGNORECASE)
_CC_CODE = re.compile(r"\bCC[ -](?P<terms>BY(?:[ -](?:NC|ND|SA))*)(?:[ -](?P<version>\d\.\d))?\b")
_CC_WORDS = re.compile(
    r"Creative\s+Commons\s+Attribution(?P<terms>(?:[\s,/–-]+(?:and\s+)?(?:Non-?\s?Commercial|No-?\s?Deriv(?:ative|ate|s)*(?:\s+Works)?|Share-?\s?Alike))*)"
    r"(?:[^.]{0,40}?(?P<version>\d\.\d))?",
    re.IGNORECASE,
)


def license_url(license_element: Element) -> str | None:
    """URL of a licence: its xlink:href, an ali:license_ref, a link or else an address in its text."""
    href = href_of(license_element)
    if href and href.startswith("http"):
        return href
    for element in license_element.iterdescendants("{*}license_ref", "{*}ext-link", "{*}uri"):
        found = (element.text or "").strip() if NAMES[element.tag] == "license_ref" else href_of(element) or ""
        if found.startswith("http"):
            return found
    match = _URL.search(line_text(license_element) or "")
    return match.group().rstrip(".,;") if match else None


def spdx_code(url: str | None, statement: str | None) -> str | None:
    """SPDX-like code, CC-BY-4.0, from the URL or else the words; without a version where none is named; None if unknown."""
    for text in filter(None, (url, statement)):
        if _CC_ZERO.search(text):
            return "CC0-1.0"
        if _CC_MARK.search(text):
            return "PDM-1.0"
        for pattern in (_CC_URL, _CC_CODE):
            match = pattern.search(text)
            if match:
                return _code(match.group("terms").upper().replace(" ", "-"), match.group("version"))
        match = _CC_WORDS.search(text)
        if match:
            return _code(_terms_in_words(match.group("terms")), match.group("version"))
    return None


def license_code(spdx: str | None) -> str | None:
    """The code that the bucket's metadata has for an SPDX code: CC BY-NC for CC-BY-NC-4.0; None for what is no licence."""
    if not spdx or not spdx.startswith("CC"):
        return None
    return "CC0" if spdx.startswith("CC0") else re.sub(r"-\d.*$", "", spdx).replace("CC-", "CC ", 1)


def _code(terms: str, version: str | None) -> str:
    return f"CC-{terms}-{version}" if version else f"CC-{terms}"


def _terms_in_words(words: str) -> str:
    compact = re.sub(r"[^a-z]", "", words.lower())
    parts = ["BY"] + [
        code for word, code in (("noncommercial", "NC"), ("noderiv", "ND"), ("sharealike", "SA")) if word in compact
    ]
    return "-".join(parts)
