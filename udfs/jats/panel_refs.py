"""Panel letters that a mention refers to: Fig. 2B,C or Figure 3 (a-c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

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
    groups, is_last = _spelled_out(text[start:end], number, is_between)
    if is_last:
        further = _AFTER.match(text, end, end + _LOOK_AHEAD)
        if groups and not further:
            further = _FURTHER.match(text, end, end + _LOOK_AHEAD)
        groups += tuple(filter(None, further.groups())) if further else ()
    return list(_letters(groups)) if groups else []


@lru_cache(maxsize=1024)  # mentions of all articles are the same few: Fig. 1, Figure 2A
def _spelled_out(words: str, number: str | None, is_between: bool) -> tuple[tuple[str, ...], bool]:
    """(groups of panels in a mention's own words, whether what follows these words belongs to the figure of the number)."""
    only = _ONLY.fullmatch(words)
    groups = [("", only.group("panels"))] if only else [match.group("number", "panels") for match in _NUMBERED.finditer(words)]
    numbers = _NUMBERS.findall(words)
    is_last = not is_between
    if number in numbers or is_between:
        groups = [(found, panels) for found, panels in groups if found == number]
        is_last = number == numbers[-1] if numbers else is_last
    return tuple(panels for _, panels in groups), is_last


@lru_cache(maxsize=1024)
def _letters(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Letters of the groups, each once."""
    return tuple(dict.fromkeys(_each_letter(groups)))


def _each_letter(groups: Iterable[str]) -> Iterator[str]:
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
