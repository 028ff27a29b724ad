"""Sentences of scientific prose by rule: full stops of abbreviations, initials and numbers end none."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

_STOP = re.compile(r"[.!?\n](?:(?<=\n)|[)\]\"'’”»]*(?=\s[\"'“‘«(\[]*[^\Wa-z_]))")
_OPENING = "\"'“‘«(["
_ABBREVIATION_LINES = (
    "fig figs figure figures ref refs eq eqs eqn eqns tab tabs suppl supp no nos vol p pp al eg ie cf vs viz ca approx resp",
    "sp spp subsp var cv dr prof mr mrs ms st sec sect chap app ext inc ltd co corp dept univ ed eds etc incl max min pl e.g i.e",
)
_ABBREVIATIONS = frozenset(word for line in _ABBREVIATION_LINES for word in line.split())


def sentence_at(text: str, position: int) -> str:
    """The sentence of the text around a position (characters from 0)."""
    start, end = sentence_span(text, position)
    return text[start:end]


def first_sentence(text: str) -> str:
    """The first sentence of a text."""
    for match in _STOP.finditer(text):
        if _ends_sentence(text, match.start()):
            return text[: match.end()].strip()
    return text.strip()


def sentence_span(text: str, position: int) -> tuple[int, int]:
    """(start, end) of the sentence around a position, without white space at its ends; no sentence goes over a line."""
    edges = _edges(text)
    index = bisect_right(edges, position)
    start = edges[index - 1] if index else 0
    end = edges[index] if index < len(edges) else len(text)
    while start < position and text[start].isspace():
        start += 1
    return start, end - 1 if text[end - 1 : end] == "\n" else end


@lru_cache(maxsize=8)
def _edges(text: str) -> list[int]:
    """Positions after the end of each sentence, but for the last."""
    return [match.end() for match in _STOP.finditer(text) if _ends_sentence(text, match.start())]


def _ends_sentence(text: str, stop: int) -> bool:
    """False for a full stop after an abbreviation or an initial."""
    if text[stop] != ".":
        return True
    word = text[max(0, stop - 16) : stop].rpartition(" ")[2].lstrip(_OPENING)
    return not (word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
