"""Words of captions, attributions and statements that say that a picture belongs to others."""

from __future__ import annotations

import re

from udfs.jats.sentences import sentence_span

_HINT_WORDS = (
    *("permission", "courtesy", "reproduced", "reprinted", "republished", "taken from", "licen", "creative commons"),
    *("copyright", "rights reserved", "cc by", "cc-by", "cc0", "creativecommons"),
    *("getty", "shutterstock", "istock", "alamy", "science photo library"),
)
_HINTS = tuple(word.encode() for word in _HINT_WORDS)
_RARE_HINTS = {"\u2010": "cc\u2010by".encode(), "\u2011": "cc\u2011by".encode()}
_LICENCE = (
    r"(?:Creative\s+Commons|CC[\s-]BY|open[\s-]access\s+licen[cs]e|article['’]s\s+licen[cs]e"
    r"|licen[cs]e\s+of\s+(?:the|this)\s+article)"
)
_RESERVED = re.compile(r"\ball\s+rights\s+(?:are\s+)?reserved\b", re.IGNORECASE)
_OUTSIDE = re.compile(
    rf"\b(?:not\s+(?:be\s+)?(?:included|covered|part|licen[cs]ed|available|published)|excluded|exempt(?:ed)?)\b[^.;]{{0,60}}?{_LICENCE}",
    re.IGNORECASE,
)
_PERMITTED = re.compile(
    r"\b(?:re(?:produced|printed|used|published|drawn)|used|adapted|modified|taken|redrawn)\b[^.]{0,120}?\bpermission"
    r"|\bpermissions?\s+(?:of|from|by|was|were|has|granted|obtained)\b|\b(?:with|by)\s+(?:the\s+)?(?:kind\s+)?permission\b",
    re.IGNORECASE,
)
_TAKEN = re.compile(
    r"\bcourtesy(?:\s*:|\s+(?:of|by)\b)|\bre(?:produced|printed|published)\s+from\b"
    r"|\btaken\s+from\s+(?:\[\d|refs?\b|(?-i:[A-Z])[\w’'-]+\s+(?:et\s+al|and\b|&)[^.;]{0,3}\.?,?[^.;]{0,40}?\d{4})"
    r"|\b(?:Getty\s+Images|Shutterstock|iStock(?:photo)?|Alamy|Science\s+Photo\s+Library)\b",
    re.IGNORECASE,
)
# A boilerplate of licences: what would hold for other material, and what may be done without asking.
_CONDITIONAL = re.compile(
    r"\b(?:If|Unless|Where)\s[^.]{0,80}\bnot\s+(?:included|covered)\b[^.]*\.?|\bwithout\s+(?:\w+,?\s+){0,5}permissions?\b(?:\s+(?:of|from)\b)?",
    re.IGNORECASE,
)
# Consent of those who are to be seen, and of those who let a study be made, is no right to a picture.
_CONSENT = re.compile(
    r"\b(?:patients?|parents?|participants?|guardians?|subjects?|famil(?:y|ies)|child(?:ren)?|mother|volunteers?|consent|ethic\w*)\b",
    re.IGNORECASE,
)
_OWN_FIGURE = re.compile(
    r"\s+(?:the\s+)?(?:main\s+|supplementary\s+|extended\s+data\s+)?(?:figs?|figures?|tables?|panels?)\b", re.IGNORECASE
)
_CITATION = re.compile(r"\b(?:of|in|from|by)\s+(?:ref|\[|(?-i:[A-Z]))|\bet\s+al\b|\b(?:19|20)\d\d\b", re.IGNORECASE)


def has_hint(text: str) -> bool:
    """True for text that may say something of rights; quick, so that most captions are looked at no further."""
    # In bytes, since only ASCII letters are to be folded and str.lower is ten times slower on text beyond ASCII.
    lowered = text.encode("utf-8", "replace").lower()
    if not text.isascii() and ("©" in text or any(sign in text and hint in lowered for sign, hint in _RARE_HINTS.items())):
        return True
    for hint in _HINTS:  # noqa: SIM110  twice as fast as any()
        if hint in lowered:
            return True
    return False


def unconditional(text: str) -> str:
    """The text without what it says only of other material, or of what needs no permission."""
    return _CONDITIONAL.sub(" ", text)


def without_reservation(text: str) -> str:
    """The text without "all rights reserved", which publishers also print beside a licence."""
    return _RESERVED.sub(" ", text)


def withheld_at(text: str) -> int | None:
    """Where text says that all rights are reserved, that its picture is outside the licence, or that others permitted it."""
    reserved = _RESERVED.search(text) or _OUTSIDE.search(text)
    if reserved:
        return reserved.start()
    return next((m.start() for m in _PERMITTED.finditer(text) if not _is_consent(text, m)), None)


def taken_at(text: str) -> int | None:
    """Where text says that its picture came from elsewhere, of no permission told."""
    return next((m.start() for m in _TAKEN.finditer(text) if not _is_own_figure(text, m)), None)


def _is_consent(text: str, match: re.Match[str]) -> bool:
    _, end = sentence_span(text, match.start())
    return _CONSENT.search(text, match.start(), min(end, match.end() + 80)) is not None


def _is_own_figure(text: str, match: re.Match[str]) -> bool:
    """True for data shown again from a figure of the same article."""
    _, end = sentence_span(text, match.start())
    own = _OWN_FIGURE.match(text, match.end())
    return own is not None and _CITATION.search(text, own.end(), end) is None
