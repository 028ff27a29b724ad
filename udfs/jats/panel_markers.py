"""Panel markers of a caption: every place that may name a panel, by style of marking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_DASH = "-‐‑‒–—−"
_JOIN = rf"\s*(?:,|;|&|/|\band\b|\bto\b|[{_DASH}])\s*(?:and\s+|&\s*)?"
_LETTER = r"[A-Za-z](?![\w'’])"
_LIST = rf"{_LETTER}(?:{_JOIN}{_LETTER})*"
_LETTERS = rf"(?P<labels>{_LIST})"
_ROMANS = rf"(?P<labels>[ivx]+(?:{_JOIN}[ivx]+)*|[IVX]+(?:{_JOIN}[IVX]+)*)"
_SIDE = r"(?i:(?:(?:upper|lower|top|bottom)[ -])?(?:left|right|top|bottom|middle|cent(?:er|re)|upper|lower))"
_SIDE_WORDS = r"(?:\s+(?:panels?|rows?|columns?|images?|graphs?|plots?|hand\s+side))?"
_PANEL_WORD = r"(?:[Pp]anels?\s+)?"

_EDGE = re.compile(r"[.;:!?)\]%\n] ?")
_CLAUSE_EDGE = re.compile(r"[.;:!?)\]%,\n] ?| and ")
_SECOND = re.compile(r"[ \n(][B-Eb-e][.,:) –-]")
_SECOND_IN_CLAUSE = re.compile(r" [Bb][.,:)]")
_IN_PARENTHESES = re.compile(rf"\(\s?{_PANEL_WORD}(?P<labels>{_LIST}\s?\)(?:{_JOIN}\({_LIST}\))*)")
_HALF = re.compile(rf"(?<![\w(]){_LETTERS}\)")
_PANELS = re.compile(rf"[Pp]anels?\s+\(?{_LETTERS}\)?(?:\s*[:.)–—]|\s+(?=\w))")
_ROMAN = re.compile(rf"\({_ROMANS}\)")
_HALF_ROMAN = re.compile(rf"(?<![\w(]){_ROMANS}\)")
_SIDE_IN_PARENTHESES = re.compile(rf"\((?P<labels>{_SIDE}){_SIDE_WORDS}\)")
_LEADING_SIDE = re.compile(rf"(?P<labels>{_SIDE}){_SIDE_WORDS}\s*[:,]")
_LEADING = re.compile(
    rf"{_PANEL_WORD}{_LETTERS}(?:(?P<half>\))|(?P<stop>\.)(?=\s)|(?P<colon>\s?:)|(?P<comma>,)(?=\s[A-Za-z0-9]\w)|(?P<bare>\s+)(?=[^a-z\s(]))"
)
_OPPOSITES = (("eft", "ight"), ("op", "ottom"), ("pper", "ower"))
_ROMAN_ORDER = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_USUAL = 16  # characters of a list of labels that is remembered: the captions of all articles share the same few
_PART = re.compile(rf"(?P<first>\w+)\s*(?:[{_DASH}]|\bto\b)\s*(?P<last>\w+)|\w+")

TRUST = {"parentheses": 0.95, "half": 0.9, "stop": 0.85, "colon": 0.85, "comma": 0.8, "panels": 0.8, "roman": 0.8}
TRUST |= {"bare": 0.75, "side": 0.6}


class Marker(NamedTuple):
    """A place that may name panels: their labels in order, its characters, and whether a sentence or clause starts with it."""

    labels: tuple[str, ...]
    start: int
    end: int
    is_leading: bool


def in_parentheses(caption: str) -> list[Marker]:
    """Markers of the style (A), (a,b), (A-C), (panel A)."""
    if "(A" in caption or "(a" in caption or "(P" in caption or "(p" in caption:
        return _found(_IN_PARENTHESES, caption)
    return []


def without_parentheses(caption: str) -> dict[str, list[Marker]]:
    """Markers by style: half A), stop A., colon A:, comma A, where a clause starts; bare A where a sentence does; `panel A`."""
    styles: dict[str, list[Marker]] = {}
    if not _SECOND.search(caption):
        return styles
    for start in _edges(caption, _CLAUSE_EDGE if _SECOND_IN_CLAUSE.search(caption) else _EDGE):
        match = _LEADING.match(caption, start)
        style = match.lastgroup if match else None
        if match and style and (style != "bare" or _is_leading(caption, start)):
            styles.setdefault(style, []).append(_marker(caption, match))
    if " a)" in caption or " A)" in caption or "half" in styles:
        styles["half"] = _found(_HALF, caption)
    if "anel" in caption:
        styles["panels"] = _found(_PANELS, caption)
    return styles


def roman(caption: str) -> list[Marker]:
    """Markers of the style (i), (ii), (iii-v), (IV) or i)."""
    if "(i" in caption or "(I" in caption:
        return _found(_ROMAN, caption)
    return _found(_HALF_ROMAN, caption) if " i)" in caption else []


def sides(caption: str) -> list[Marker]:
    """Markers that name a side: Left: at the start of a sentence, (left) or (left panel) in it; the first of each side."""
    if not any(one in caption and other in caption for one, other in _OPPOSITES):
        return []
    matches = (_LEADING_SIDE.match(caption, start) for start in _edges(caption, _EDGE) if _is_leading(caption, start))
    found = [_side(caption, match) for match in (*_SIDE_IN_PARENTHESES.finditer(caption), *matches) if match]
    first = {marker.labels: marker for marker in sorted(found, key=lambda one: -one.start)}
    return sorted(first.values(), key=lambda one: one.start)


def expand_labels(written: str) -> tuple[str, ...]:
    """Labels of `A`, `A, B`, `A and C`, `a–d`, `i-iv` in order, each once."""
    if len(written) == 1:
        return (written,)
    return _usual_labels(written) if len(written) <= _USUAL else _expanded(written)


def _expanded(written: str) -> tuple[str, ...]:
    labels: list[str] = []
    for match in _PART.finditer(written.replace("(", "").replace(")", "")):
        first, last = match.group("first"), match.group("last")
        if first is not None:
            labels += _between(first, last)
        elif match.group() not in ("and", "to"):
            labels.append(match.group())
    return tuple(dict.fromkeys(labels))


_usual_labels = lru_cache(maxsize=1024)(_expanded)


def successor(label: str, is_roman: bool) -> str:
    """The label after a label: b after a, iv after iii; "" after the last."""
    if is_roman:
        index = _ROMAN_ORDER.index(label) + 1 if label in _ROMAN_ORDER else len(_ROMAN_ORDER)
        return _ROMAN_ORDER[index] if index < len(_ROMAN_ORDER) else ""
    return chr(ord(label) + 1) if label != "z" else ""


def _between(first: str, last: str) -> list[str]:
    if len(first) == len(last) == 1 and first.isupper() == last.isupper() and first < last:
        return [chr(code) for code in range(ord(first), ord(last) + 1)]
    low, high = first.lower(), last.lower()
    if low in _ROMAN_ORDER and high in _ROMAN_ORDER and _ROMAN_ORDER.index(low) < _ROMAN_ORDER.index(high):
        between = _ROMAN_ORDER[_ROMAN_ORDER.index(low) : _ROMAN_ORDER.index(high) + 1]
        return [label.upper() if first.isupper() else label for label in between]
    return [first, last]


def _found(pattern: re.Pattern[str], caption: str) -> list[Marker]:
    return [_marker(caption, match) for match in pattern.finditer(caption)]


def _marker(caption: str, match: re.Match[str]) -> Marker:
    return Marker(expand_labels(match.group("labels")), match.start(), match.end(), _is_leading(caption, match.start()))


def _side(caption: str, match: re.Match[str]) -> Marker:
    return Marker((match.group("labels").lower(),), match.start(), match.end(), _is_leading(caption, match.start()))


def _edges(caption: str, edge: re.Pattern[str]) -> Iterator[int]:
    """Positions where a sentence, line or clause may start."""
    yield 0
    for match in edge.finditer(caption):
        yield match.end()


def _is_leading(caption: str, start: int) -> bool:
    """True where a sentence, line or clause starts."""
    before = caption[max(0, start - 3) : start].rstrip(" ")
    return not before or before[-1] in ".;:!?\n"
