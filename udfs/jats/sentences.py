"""Sentences of scientific prose by rule: full stops of abbreviations, initials and numbers end none."""

from __future__ import annotations

import re
from functools import lru_cache

_STOP = re.compile(r"[.!?\n](?:(?<=\n)|[)\]\"'’”»]*(?=\s[\"'“‘«(\[]*[^\Wa-z_]))")
_OPENING = "\"'“‘«(["
_ABBREVIATION_LINES = (
    "fig figs figure figures ref refs eq eqs eqn eqns tab tabs suppl supp no nos vol p pp al eg ie cf vs viz ca approx resp",
    "sp spp subsp var cv dr prof mr mrs ms st sec sect chap app ext inc ltd co corp dept univ ed eds etc incl max min pl e.g i.e",
)
_ABBREVIATIONS = frozenset(word for line in _ABBREVIATION_LINES for word in line.split())
_WIDTH = 256  # characters before a position that are searched first for the end of the sentence before


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
    start, end = _sentences(text).around(position)
    while start < position and text[start].isspace():
        start += 1
    return start, end - 1 if text[end - 1 : end] == "\n" else end


class _Sentences:
    """Sentences of one text, looked for around the positions asked for; the last one is kept, since questions come in order."""

    __slots__ = ("_end", "_start", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = self._end = -1

    def around(self, position: int) -> tuple[int, int]:
        """(end of the sentence before, end of this one) for a position."""
        width = _WIDTH
        while not self._start <= position < self._end:
            low = max(0, position - width)
            start, end = self._nearest(low, position)
            if start > low or not low:
                self._start, self._end = start, end
                break
            width *= 4
        return self._start, self._end

    def _nearest(self, low: int, position: int) -> tuple[int, int]:
        start = low
        for match in _STOP.finditer(self._text, low):
            if _ends_sentence(self._text, match.start()):
                if match.end() > position:
                    return start, match.end()
                start = match.end()
        return start, len(self._text)


@lru_cache(maxsize=8)
def _sentences(text: str) -> _Sentences:
    return _Sentences(text)


def _ends_sentence(text: str, stop: int) -> bool:
    """False for a full stop after an abbreviation or an initial."""
    if text[stop] != ".":
        return True
    word = text[max(0, stop - 16) : stop].rpartition(" ")[2].lstrip(_OPENING)
    return not (word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
