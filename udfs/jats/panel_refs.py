"""Panel letters that a mention refers to: Fig. 2B,C or Figure 3 (a-c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_DASH = r"[-‐‑‒–—−]"
_LETTER = rf"(?<![A-Za-z])[A-Za-z](?![A-Za-z0-9])(?!{_DASH}[ivx]{{2}})"  # the i of i-iv is no letter
_JOIN = rf"\)?\s*(?:,|;|/|&|and\b|to\b|{_DASH})\s*(?:and\s+|&\s*)?\(?"
_GROUP = rf"{_LETTER}(?:{_JOIN}{_LETTER})*"
_NUMBERED = re.compile(rf"(?P<number>[A-Z]?\d+)\s*\(?(?P<panels>{_GROUP})")
_NUMBERS = re.compile(r"(?<![A-Za-z\d])[A-Z]?\d+")
_ONLY = re.compile(rf"\(?(?P<panels>{_GROUP})\)?")
_AFTER = re.compile(rf"(?P<at_once>{_GROUP})|\s?\(\s?(?P<inside>{_GROUP})\s?\)|,?\s?\(?[Pp]anels?\s\(?(?P<named>{_GROUP})")
_FURTHER = re.compile(rf"\s?{_JOIN}(?P<panels>{_LETTER})(?!\s?[=<>≤≥±-])")
_PART = re.compile(rf"(?P<first>{_LETTER})\)?\s*(?:{_DASH}|to\b)\s*\(?(?P<last>{_LETTER})|{_LETTER}")
_LOOK_AHEAD = 60


def panels_referred(text: str, start: int, end: int, number: str | None = None, is_between: bool = False) -> list[str]:
    """Panel letters of the mention text[start:end] and of what follows at once, ranges filled, each once, in order.

    Where the mention spells out several figure numbers, only the panels after the given number count; a figure that lies
    between two numbers (is_between) is meant as a whole.
    """
    words = text[start:end]
    only = _ONLY.fullmatch(words)
    groups = [("", only.group("panels"))] if only else [match.group("number", "panels") for match in _NUMBERED.finditer(words)]
    numbers = _NUMBERS.findall(words)
    is_last = not is_between
    if number in numbers or is_between:
        groups = [(found, panels) for found, panels in groups if found == number]
        is_last = number == numbers[-1] if numbers else is_last
    found = [panels for _, panels in groups]
    after = _AFTER.match(text, end, end + _LOOK_AHEAD) if is_last else None
    further = _FURTHER.match(text, end, end + _LOOK_AHEAD) if groups and is_last and not after else None
    found += [panels for match in (after, further) if match for panels in match.groupdict().values() if panels]
    return list(dict.fromkeys(_letters(found)))


def _letters(groups: Iterable[str]) -> Iterator[str]:
    """Letters of the groups, ranges filled; all in the case of the first, since `Fig. 1A, p < 0.05` names no panel p."""
    is_upper: bool | None = None
    for group in groups:
        for match in _PART.finditer(group):
            first = match.group("first") or match.group()
            is_upper = first.isupper() if is_upper is None else is_upper
            for letter in _range(first, match.group("last") or first):
                if letter.isupper() == is_upper:
                    yield letter


def _range(first: str, last: str) -> list[str]:
    if first.isupper() == last.isupper() and first <= last:
        return [chr(code) for code in range(ord(first), ord(last) + 1)]
    return [first, last]
