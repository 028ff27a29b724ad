"""Licences: URL, SPDX code and version, from JATS permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from schemas.licenses import stricter, strictness
from udfs.jats.names import NAMES, Element, href_of
from udfs.jats.text import line_text

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_CC_URL = re.compile(r"creativecommons\.org/licen[sc]es/(?P<terms>[a-z-]+)(?:/(?P<version>\d\.\d))?", re.IGNORECASE)
_CC_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero|\bCC0\b|\bCC-0\b", re.IGNORECASE)
_CC_MARK = re.compile(r"creativecommons\.org/publicdomain/mark", re.IGNORECASE)
_DASH = r"\-\u2010\u2011\u2013"
_CC_CODE = re.compile(rf"\bCC[ {_DASH}](?P<terms>BY(?:[ {_DASH}](?:NC|ND|SA))*)(?:[ {_DASH}](?P<version>\d\.\d))?(?![A-Za-z])")
_CC_WORDS = re.compile(
    rf"Creative\s+Commons\s+Attribution(?P<terms>(?:[\s,/()—{_DASH}]+(?:and\s+)?"
    rf"(?:Non[\s{_DASH}]?Commercial|No[\s{_DASH}]?Deriv(?:ative|ate|s)*(?:\s+Works)?|Share[\s{_DASH}]?Alike))*)"
    r"(?:[^.]{0,40}?(?P<version>\d\.\d))?",
    re.IGNORECASE,
)
_ORDER = ("BY", "NC", "SA", "ND")
_USUAL = 2000  # characters of a statement that is remembered: most articles share the words of a few hundred


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


def cc_url(text: str) -> str | None:
    """The first address of a Creative Commons licence in running text."""
    urls = (match.group().rstrip(".,;") for match in _URL.finditer(text))
    return next((url for url in urls if "creativecommons.org/" in url.lower()), None)


def spdx_code(url: str | None, statement: str | None) -> str | None:
    """SPDX-like code, CC-BY-4.0, of the strictest licence that the URL or the words name; None if they name none known.

    Without a version where none is named. The two contradict each other in about one article in fifty, and the words of many a
    licence also name CC0, for the data alone.
    """
    is_usual = statement is None or len(statement) <= _USUAL
    return _usual_code(url, statement) if is_usual and (url is None or len(url) <= _USUAL) else _strictest(url, statement)


def _strictest(*texts: str | None) -> str | None:
    found = [code for text in texts if text for _, code in _codes(text)]
    return max(found, key=_strictness, default=None)


_usual_code = lru_cache(maxsize=256)(_strictest)


def named_license(text: str) -> tuple[int, str] | None:
    """Place (characters from 0) and SPDX-like code of the strictest licence that running text names; None if it names none."""
    return max(_codes(text), key=lambda found: _strictness(found[1]), default=None)


def _strictness(spdx: str) -> int:
    return -1 if spdx.startswith("PDM") else strictness(license_code(spdx))


def _codes(text: str) -> Iterator[tuple[int, str]]:
    """Every licence that a text names with its place, addresses first; only patterns whose words are there are tried."""
    folded = text.lower()
    for pattern, may_match in ((_CC_URL, "creativecommons.org" in folded), (_CC_CODE, "BY" in text)):
        for match in pattern.finditer(text) if may_match else ():
            terms = re.sub(f"[ {_DASH}]+", "-", match.group("terms").upper()).split("-")
            yield match.start(), _code(terms, match.group("version"))
    for match in _CC_WORDS.finditer(text) if "commons" in folded and "attribution" in folded else ():
        yield match.start(), _code(_terms_in_words(match.group("terms")), match.group("version"))
    zero = "publicdomain/zero" in folded or "cc0" in folded or "cc-0" in folded
    for pattern, code, may_match in ((_CC_ZERO, "CC0-1.0", zero), (_CC_MARK, "PDM-1.0", "publicdomain/mark" in folded)):
        for match in pattern.finditer(text) if may_match else ():
            yield match.start(), code


def license_code(spdx: str | None) -> str | None:
    """The code that the bucket's metadata has for an SPDX code: CC BY-NC for CC-BY-NC-4.0; None for what is no licence."""
    if not spdx or not spdx.startswith("CC"):
        return None
    return "CC0" if spdx.startswith("CC0") else re.sub(r"-\d.*$", "", spdx).replace("CC-", "CC ", 1)


def strictest_code(metadata_code: str | None, spdx: str | None) -> str | None:
    """The code in force for an article: the stricter of metadata and XML; the metadata's where the XML names none known."""
    xml_code = license_code(spdx)
    return stricter(metadata_code, xml_code) if xml_code else metadata_code


def _code(terms: list[str], version: str | None) -> str:
    """The code of licence terms, these in the usual order (by-nd-nc of version 1.0 is BY-NC-ND)."""
    code = "-".join(["CC", *(sorted(terms, key=_ORDER.index) if set(terms) <= set(_ORDER) else terms)])
    return f"{code}-{version}" if version else code


def _terms_in_words(words: str) -> list[str]:
    compact = re.sub(r"[^a-z]", "", words.lower())
    names = (("noncommercial", "NC"), ("sharealike", "SA"), ("noderiv", "ND"))
    return ["BY", *(code for word, code in names if word in compact)]
