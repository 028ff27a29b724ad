"""Superscripts and subscripts as Unicode characters, where Unicode has them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_BELOW = 0x2E00  # later blocks hold forms that hardly any font shows
_ORDINALS = "ªº"  # marks of Spanish and Portuguese ordinals, not raised letters
_MINUS = 0x2212
_SEPARATORS = frozenset(" \t\n\x01\x02\x03\x04\u00a0\u2009,.;:/|'\"*†‡§¶#∗′″")


@dataclass(frozen=True, slots=True)
class Forms:
    """Raised or lowered characters: plain code point to form, and the characters that a run of them may hold."""

    table: dict[int, str]
    allowed: frozenset[str]


def _forms(kind: str) -> Forms:
    """Forms of a kind (<super>, <sub>) from Unicode's own decompositions."""
    table: dict[int, str] = {}
    for code in range(0xB0, _BELOW):
        mark, _, plain = unicodedata.decomposition(chr(code)).partition(" ")
        if mark == kind and plain and " " not in plain and chr(code) not in _ORDINALS:
            table.setdefault(int(plain, 16), chr(code))
    table.update({ord(dash): table[_MINUS] for dash in "-‐‑–—"})
    return Forms(table, frozenset(map(chr, table)) | _SEPARATORS)


SUPERSCRIPTS = _forms("<super>")
SUBSCRIPTS = _forms("<sub>")


def to_script(text: str, forms: Forms) -> str | None:
    """The text in raised or lowered characters; None when a letter or digit of it has no such form."""
    if not forms.allowed.issuperset(text) or _SEPARATORS.issuperset(text):
        return None
    return text.translate(forms.table)
