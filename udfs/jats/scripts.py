"""Superscripts and subscripts as Unicode characters, where Unicode has them."""

from __future__ import annotations

import unicodedata

_BELOW = 0x2E00  # later blocks hold forms that hardly any font shows
_ORDINALS = "ªº"  # marks of Spanish and Portuguese ordinals, not raised letters
_SEPARATORS = frozenset(" ,.;:/|'\"*†‡§¶#∗′″")


def _forms(kind: str) -> dict[int, str]:
    """Plain code point to raised or lowered character, from Unicode's own decompositions."""
    forms: dict[int, str] = {}
    for code in range(0xB0, _BELOW):
        mark, _, plain = unicodedata.decomposition(chr(code)).partition(" ")
        if mark == kind and plain and " " not in plain and chr(code) not in _ORDINALS:
            forms.setdefault(int(plain, 16), chr(code))
    minus = forms.get(0x2212)
    if minus:
        forms.update({ord(dash): minus for dash in "-‐‑–—"})
    return forms


SUPERSCRIPTS = _forms("<super>")
SUBSCRIPTS = _forms("<sub>")


def to_script(text: str, forms: dict[int, str]) -> str | None:
    """The text in raised or lowered characters; None when a letter or digit of it has no such form."""
    has_form = False
    for character in text:
        if ord(character) in forms:
            has_form = True
        elif character >= " " and character not in _SEPARATORS:
            return None
    return text.translate(forms) if has_form else None
