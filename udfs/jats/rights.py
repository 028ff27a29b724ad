"""Rights of a figure: the article's licence, one of its own, or the permission of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from udfs.jats.licences import license_url, spdx_code
from udfs.jats.names import Element
from udfs.jats.sentences import sentence_at
from udfs.jats.text import line_text

ARTICLE = "article"
OWN_LICENSE = "own_license"
THIRD_PARTY = "third_party"
RIGHTS = (ARTICLE, OWN_LICENSE, THIRD_PARTY)

_HINTS = ("ermission", "ourtesy", "eproduced", "eprinted", "PERMISSION", "COURTESY")
_THIRD_PARTY = re.compile(
    r"\b(?:re(?:produced|printed|used|published)|used|adapted|modified|taken|redrawn)\b[^.]{0,120}?\bpermission"
    r"|\bpermission\s+(?:of|from|was|has|granted|obtained)\b|\bwith\s+(?:kind\s+)?permission\b"
    r"|\b(?:image|photo(?:graph)?|picture|figure|illustration)s?\b[^.;]{0,40}?\bcourtesy\s+of\b|\bcourtesy\s+of\b"
    r"|\breproduced\s+from\b|\breprinted\s+from\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """Which rights hold, the statement that says so, and the URL and SPDX code of a licence of the figure's own."""

    rights: str = ARTICLE
    statement: str | None = None
    license_url: str | None = None
    license_spdx: str | None = None


_ARTICLES = Rights()


def figure_rights(permissions: Sequence[Element], caption: str | None, attribution: str | None) -> Rights:
    """Rights from the permissions of the figure and its graphic, else from the words of attribution and caption."""
    if not permissions and not attribution and not _has_hint(caption):
        return _ARTICLES
    statement = " ".join(filter(None, (line_text(element) for element in permissions))) or None
    licenses = [found for element in permissions for found in element.iterfind("{*}license")]
    url = next(filter(None, map(license_url, licenses)), None)
    if statement and _THIRD_PARTY.search(statement):
        return Rights(THIRD_PARTY, statement, url, spdx_code(url, statement))
    if licenses:
        return Rights(OWN_LICENSE, statement, url, spdx_code(url, statement))
    for text in (attribution, caption):
        match = _THIRD_PARTY.search(text) if text else None
        if text and match:
            return Rights(THIRD_PARTY, statement or sentence_at(text, match.start()))
    return Rights(ARTICLE, statement)


def _has_hint(text: str | None) -> bool:
    return text is not None and any(hint in text for hint in _HINTS)
