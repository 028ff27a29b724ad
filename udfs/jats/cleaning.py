"""White space, Unicode form and block edges of rendered text, and the offsets of the marks that ride in it."""

from __future__ import annotations

import re
import unicodedata

# Control characters that XML forbids, so that no text can hold them: cross-reference opens, closes; block edge; label ends.
OPEN, CLOSE, EDGE, GLUE = "\x01", "\x02", "\x03", "\x04"

_MARK = re.compile(r"([\x01\x02])")
_AFTER_LABEL = re.compile(r"\x04[\s\x03]*")
_SPACES = "\n\t\r\u00a0\u2009\u202f\u2002\u2005"  # the commonest ones: replacing is faster than splitting at all there are

_ALL_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_UNSEEN = "\u00ad\u200b\u2060\ufeff"  # soft hyphen, zero-width space, word joiner, byte order mark
_SHORT = 64  # characters up to which a look at each is faster than a search for each sort
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
_TRIMMED = _ALL_SPACES + _UNSEEN + EDGE + GLUE

_LOOSE = frozenset({" ", OPEN, CLOSE})

Offsets = tuple[int, int]


def clean_text(raw: str) -> str:
    """Raw text with one space for any run of white space, one line a block, no invisible characters, NFC."""
    # Text beyond ASCII knows many sorts of white space; of ASCII the few that XML allows are looked for faster one by one.
    if raw.isascii():
        is_even = not _has_breaks(raw) if len(raw) > _SHORT else raw.isprintable()
        return raw.strip() if is_even and raw.rfind("  ") < 0 else _joined(raw)  # from the end it is found a fifth faster
    text = raw.strip() if raw.isprintable() and raw.rfind("  ") < 0 else _joined(raw)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _has_breaks(raw: str) -> bool:
    """True for ASCII text with white space other than spaces; XML has no further control characters."""
    return "\n" in raw or "\t" in raw or "\r" in raw or EDGE in raw or GLUE in raw


def _joined(raw: str) -> str:
    if GLUE in raw:
        raw = _AFTER_LABEL.sub(" ", raw)
    if EDGE not in raw:
        return _even_line(raw)
    pieces = filter(None, raw.split(EDGE))  # blocks within blocks leave many empty ones
    return "\n".join(filter(None, map(_line, pieces)))


def _line(raw: str) -> str:
    return raw.strip() if raw.isprintable() and raw.rfind("  ") < 0 else _even_line(raw)


def _even_line(raw: str) -> str:
    raw = _with_plain_spaces(raw)
    line = raw.strip() if raw.rfind("  ") < 0 else " ".join(raw.split())
    if not line.isprintable():
        line = " ".join(_INVISIBLE.sub("", line).split())
    return line


def _with_plain_spaces(raw: str) -> str:
    for space in _SPACES:
        if space in raw:
            raw = raw.replace(space, " ")
    return raw


def clean_marked_text(raw: str) -> tuple[str, list[Offsets]]:
    """Clean text without the marks, and (start, end) of each pair of marks in order of opening; marks nest as elements do.

    White space beside a mark falls outside of its span.
    """
    raw = _with_plain_spaces(raw).strip()
    text = raw.replace(OPEN, "").replace(CLOSE, "")
    plain = _tight_spans(raw) if EDGE not in raw and clean_text(text) == text else None
    if plain is not None:
        return text, plain
    pieces: list[str] = []
    spans: list[Offsets] = []
    still_open: list[int] = []
    unstarted: list[int] = []
    length, space = 0, ""
    for part in _MARK.split(raw):
        if part == OPEN:
            still_open.append(len(spans))
            unstarted.append(len(spans))
            spans.append((length, length))
        elif part == CLOSE:
            index = still_open.pop()
            spans[index] = (min(spans[index][0], length), length)
        elif part:
            text = clean_text(part)
            before, after = _spaces_around(part, text)
            space = _wider(space, before)
            if not text:
                continue
            lead = space if length else ""
            length += len(lead)
            for index in unstarted:
                spans[index] = (length, length) if index in still_open else spans[index]
            unstarted.clear()
            pieces += (lead, text)
            length += len(text)
            space = after
    return _composed("".join(pieces), spans)


def _tight_spans(raw: str) -> list[Offsets] | None:
    """Spans of marks in text that is clean but for them; None where white space or nothing stands within a pair of marks."""
    spans: list[Offsets] = []
    still_open: list[int] = []
    before, *rest = raw.split(OPEN)
    place = len(before)
    for opened in rest:
        if not opened or opened[0] in _LOOSE:
            return None
        still_open.append(len(spans))
        spans.append((place, place))
        linked, *closed = opened.split(CLOSE)
        place += len(linked)
        for piece in closed:
            if linked[-1:] == " ":
                return None
            index = still_open.pop()
            spans[index] = (spans[index][0], place)
            place += len(piece)
            linked = piece or linked
    return spans


def _composed(text: str, spans: list[Offsets]) -> tuple[str, list[Offsets]]:
    """NFC also across the edges of the pieces; a span that loses its first character to the one before starts later."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text, spans
    composed = unicodedata.normalize("NFC", text)
    lengths = _nfc_lengths(text, sorted({edge for span in spans for edge in span}))
    edges = [(lengths[start], lengths[end]) for start, end in spans]
    return composed, [(end - len(composed[start:end].lstrip()), end) for start, end in edges]


def _nfc_lengths(text: str, positions: list[int]) -> dict[int, int]:
    """Length of the NFC of text[:position] for each of the ascending positions.

    Nothing composes with the ASCII character after it, so each stretch that starts at one counts by itself.
    """
    lengths: dict[int, int] = {}
    done = done_length = 0
    for position in positions:
        safe = position
        while safe > done and not text[safe : safe + 1].isascii():
            safe -= 1
        if safe > done and safe < len(text):
            done_length += len(unicodedata.normalize("NFC", text[done:safe]))
            done = safe
        lengths[position] = done_length + len(unicodedata.normalize("NFC", text[done:position]))
    return lengths


def _spaces_around(part: str, text: str) -> tuple[str, str]:
    """What a piece of raw text begins and ends with: a line break for a block edge, a space for white space, nothing."""
    if not text:
        return _space(part), ""
    before = part[: len(part) - len(part.lstrip(_TRIMMED))] if part[0] in _TRIMMED else ""
    after = part[len(part.rstrip(_TRIMMED)) :] if part[-1] in _TRIMMED else ""
    return _space(before), _space(after)


def _space(run: str) -> str:
    if not run.strip(_UNSEEN):
        return ""
    return "\n" if EDGE in run and GLUE not in run else " "


def _wider(space: str, other: str) -> str:
    return "\n" if "\n" in (space, other) else space or other
