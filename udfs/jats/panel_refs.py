"""Panel letters that a mention refers to: Fig. 2B,C or Figure 3 (a-c)."""

from __future__ import annotations

import re

_DASH = r"[-‐‑‒–—−]"
_LETTER = r"(?:[A-Za-z](?![A-Za-z]))"
_GROUP = rf"\(?{_LETTER}\)?(?:\s*(?:,|;|/|&|and|{_DASH}|to)\s*(?:and\s+)?\(?{_LETTER}\)?)*"
_AFTER_NUMBER = re.compile(rf"\d\s*(?P<panels>{_GROUP})")
_ONLY = re.compile(rf"^\s*\(?(?P<panels>{_GROUP})\)?\s*$")
_TRAILING = re.compile(rf"^(?P<panels>(?:\(?[A-Z]\)?(?![A-Za-z])|\([a-z]\))(?:\s*(?:,|;|/|&|{_DASH})\s*\(?{_LETTER}\)?)*)")
_PART = re.compile(rf"(?P<first>[A-Za-z])\)?\s*(?:{_DASH}|to)\s*\(?(?P<last>[A-Za-z])(?![A-Za-z])|(?P<one>[A-Za-z])(?![A-Za-z])")


def panels_referred(text: str, start: int, end: int) -> list[str]:
    """Panel letters of the mention text[start:end] and of what follows it at once, ranges filled, each once, in order."""
    words = text[start:end]
    found: list[str] = []
    only = _ONLY.match(words)
    groups = [only.group("panels")] if only else [match.group("panels") for match in _AFTER_NUMBER.finditer(words)]
    trailing = _TRAILING.match(text[end : end + 40])
    if trailing:
        groups.append(trailing.group("panels"))
    for group in groups:
        found += _letters(group)
    return list(dict.fromkeys(found))


def _letters(group: str) -> list[str]:
    letters: list[str] = []
    for match in _PART.finditer(group):
        if match.group("one"):
            letters.append(match.group("one"))
            continue
        first, last = match.group("first"), match.group("last")
        if first.isupper() == last.isupper() and first <= last:
            letters += [chr(code) for code in range(ord(first), ord(last) + 1)]
        else:
            letters += [first, last]
    return letters
