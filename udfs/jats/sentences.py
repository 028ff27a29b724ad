"""Sentences of scientific prose by rule: full stops of abbreviations, initials and numbers end none."""

from __future__ import annotations

import re

_END = re.compile(r"[.!?][)\]\"'’”»]*(?=\s+[\"'“‘«(\[]*[A-Z0-9À-ÖØ-ÞΑ-Ω])|\n")
_ABBREVIATION = re.compile(
    r"(?:\b(?:figs?|figures?|refs?|eqs?|eqns?|tabs?|suppl?|supplementary|nos?|vol|pp?|et\s+al|e\.?g|i\.?e|cf|vs|viz|ca|approx|resp|sp|spp"
    r"|subsp|var|cv|dr|prof|mr|mrs|ms|st|sec|sect|chap|app|ext|extended|inc|ltd|co|corp|dept|univ|ed|eds|al|etc|incl|max|min|fig|pl|no)"
    r"|(?<![A-Za-z])[A-Za-z])\.$",
    re.IGNORECASE,
)


def sentence_at(text: str, position: int) -> str:
    """The sentence of the text around a position (characters from 0)."""
    start, end = sentence_span(text, position)
    return text[start:end]


def sentence_span(text: str, position: int) -> tuple[int, int]:
    """(start, end) of the sentence around a position; a line is never left."""
    start, end = 0, len(text)
    for match in _END.finditer(text):
        if match.group() != "\n" and _ABBREVIATION.search(text, max(0, match.start() - 16), match.start() + 1):
            continue
        if match.end() > position:
            end = match.end()
            break
        start = match.end()
    while start < end and text[start].isspace():
        start += 1
    return start, end if text[end - 1 : end] != "\n" else end - 1
