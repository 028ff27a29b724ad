"""Numbers of figures: read from labels, and put in order so that a range reaches what lies between its ends."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = r"(?:supplement(?:ary|al)|extended\s+data|appendix|online|additional|web)?\s*"
_KIND = (
    r"(?:fig(?:ure)?s?|schemes?|charts?|plates?|tables?|tab|box(?:es)?|images?|photos?|maps?|graphs?|diagrams?|panels?"
    r"|illustrations?|videos?|movies?|files?)?"
)
_NUMBER = re.compile(rf"^\W*{_WORD}{_KIND}\W*(?P<number>[A-Z]{{0,3}}[-.]?\d.*|[IVXLC]+|[A-Z])\W*$", re.IGNORECASE)
# A word of another language or a picture of another name before the number: Abb. 3, Рис. 5, 图1, Graphic 2.
_OTHER_WORD = re.compile(r"^\W*(?:[^\W\d_]+\W+){0,2}[^\W\d_]+\W*(?P<number>(?<![^\W\d_])[A-Z]{0,2}\d.*|\d.*)$")
_CONTINUED = re.compile(r"[\s.,:;(\[–—-]*\b(?:continued|contd?|cont['’]d)\b[\s.)\]]*$", re.IGNORECASE)
_LONGEST = 200  # characters of a label that are read: the pattern's time grows with their square
_ORDINAL = re.compile(r"^(?P<series>\D*?)(?P<ordinal>\d{1,4})$")


def label_number(label: str | None) -> str | None:
    """The number in a label without its word and end marks: 1, S2, IV, 2—figure supplement 1; None where it has none."""
    return _number(label[:_LONGEST]) if label else None


@lru_cache(maxsize=1024)
def _number(label: str) -> str | None:
    text = _CONTINUED.sub("", label)
    match = _NUMBER.match(text) or _OTHER_WORD.match(text)
    if not match:
        return None
    number = match.group("number")
    return number.strip(" .:;,|" if "(" in number else " .:;,|)]") or None


def ordinal(number: str | None) -> tuple[str, int] | None:
    """(series, position) of a plain number, S2: ("S", 2); None for one that no range can reach."""
    match = _ORDINAL.match(number or "")
    return (match.group("series").upper(), int(match.group("ordinal"))) if match else None
