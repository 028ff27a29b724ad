"""Superscripts and subscripts as Unicode characters, where Unicode has them."""

from __future__ import annotations

import unicodedata

_BELOW = 0x2E00  # later blocks hold forms that hardly any font shows
_ORDINALS = "ªº"  # marks of Spanish and Portuguese ordinals, not raised letters
_MINUS = 0x2212
_SHORT = 8  # characters of a run that is remembered
_MAX_CACHED = 1024
_SEPARATORS = frozenset(" \t\n\x01\x02\x03\x04\u00a0\u2009,.;:/|'\"*†‡§¶#∗′″")


class Forms(dict[str, str | None]):
    """Runs of raised or lowered characters by their plain text; None where a letter or digit of it has no such form.

    `table` leads from plain code points to forms. Short runs are remembered: most of those of all articles are the same few.
    """

    def __init__(self, table: dict[int, str]) -> None:
        super().__init__()
        self._table = table
        self._allowed = frozenset(map(chr, table)) | _SEPARATORS

    def __missing__(self, text: str) -> str | None:
        """The run in its forms, remembered for the next time."""
        is_plain = not self._allowed.issuperset(text) or _SEPARATORS.issuperset(text)
        form = None if is_plain else text.translate(self._table)
        if len(text) <= _SHORT and len(self) < _MAX_CACHED:
            self[text] = form
        return form


def _forms(kind: str) -> Forms:
    """Forms of a kind (<super>, <sub>) from Unicode's own decompositions."""
    table: dict[int, str] = {}
    for code in range(0xB0, _BELOW):
        mark, _, plain = unicodedata.decomposition(chr(code)).partition(" ")
        if mark == kind and plain and " " not in plain and chr(code) not in _ORDINALS:
            table.setdefault(int(plain, 16), chr(code))
    table.update({ord(dash): table[_MINUS] for dash in "-‐‑–—"})
    return Forms(table)


SUPERSCRIPTS = _forms("<super>")
SUBSCRIPTS = _forms("<sub>")


def to_script(text: str, forms: Forms) -> str | None:
    """The text in raised or lowered characters; None when a letter or digit of it has no such form."""
    return forms[text]
