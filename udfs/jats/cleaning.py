"""White space, Unicode form and block edges of rendered text, and the offsets of the marks that ride in it."""

from __future__ import annotations

import re
import unicodedata

# Control characters that XML forbids, so that no text can hold them: cross-reference opens, closes; block edge; label ends.
OPEN, CLOSE, EDGE, GLUE = "\x01", "\x02", "\x03", "\x04"

_MARK = re.compile(r"([\x01\x02])")
_AFTER_LABEL = re.compile(r"\x04[\s\x03]*")
_INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # soft hyphen, zero-width space, word joiner, byte order mark

Offsets = tuple[int, int]


def clean_text(raw: str) -> str:
    """Raw text with one space for any run of white space, one line a block, no invisible characters, NFC."""
    text = raw.strip() if raw.isprintable() and "  " not in raw else _joined(raw)
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", text)


def _joined(raw: str) -> str:
    for character in _INVISIBLE:
        if character in raw:
            raw = raw.replace(character, "")
    if GLUE in raw:
        raw = _AFTER_LABEL.sub(" ", raw)
    if EDGE not in raw:
        return " ".join(raw.split())
    lines = [" ".join(block.split()) for block in raw.split(EDGE)]
    return "\n".join(filter(None, lines))


def clean_marked_text(raw: str) -> tuple[str, list[Offsets]]:
    """Clean text without the marks, and (start, end) of each pair of marks in order of opening.

    The marks ride through the cleaning and are then cut out; a span never begins or ends with white space.
    """
    text, spans = _without_marks(_MARK.split(clean_text(raw)))
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text, spans
    return unicodedata.normalize("NFC", text), [(_nfc_length(text[:start]), _nfc_length(text[:end])) for start, end in spans]


def _nfc_length(text: str) -> int:
    return len(unicodedata.normalize("NFC", text))


def _without_marks(parts: list[str]) -> tuple[str, list[Offsets]]:
    """Text and spans of its marks, which nest as elements do; white space beside a mark falls outside of the span."""
    pieces: list[str] = []
    spans: list[Offsets] = []
    still_open: list[int] = []
    unstarted: list[int] = []
    length, space = 0, ""
    for part in parts:
        if part == OPEN:
            still_open.append(len(spans))
            unstarted.append(len(spans))
            spans.append((length, length))
        elif part == CLOSE:
            index = still_open.pop()
            spans[index] = (min(spans[index][0], length), length)
        elif part:
            text = part.strip()
            space = _wider(space, part[: len(part) - len(part.lstrip())])
            if not text:
                continue
            lead = space if length else ""
            length += len(lead)
            for index in unstarted:
                spans[index] = (length, length) if index in still_open else spans[index]
            unstarted.clear()
            pieces += (lead, text)
            length += len(text)
            space = part[len(part.rstrip()) :]
    return "".join(pieces), spans


def _wider(space: str, other: str) -> str:
    return "\n" if "\n" in space or "\n" in other else space or other
