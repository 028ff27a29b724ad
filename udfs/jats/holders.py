"""Whose copyright a statement claims, and whether that is the article's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from udfs.jats.names import Element
from udfs.jats.text import line_text

_MARK = re.compile(
    r"(?:(?<!\w)©|©(?=\s*\d{4})|\bcopyright\b(?=\s*(?:©|@|:|\(c\)|\(?(?:19|20)\d\d\b|by\b|of\b|held\b)))", re.IGNORECASE
)
_END = re.compile(r"[;\]\n|]|\.\s+(?=[A-Z])|\s\(|\)(?=\s*[.,]?\s*(?:$|[A-Z(]))")
_NOISE = re.compile(
    r"©|@|\(c\)|\bcopyright\b|\ball\s+rights\s+reserved\b|\b(?:19|20)\d\d\b|\b(?:by|of|held|the|is|owned)\b|[^\w\s]|\d{4}-\d{2,4}",
    re.IGNORECASE,
)
_AUTHORS = frozenset({"author", "authors", "author s", "authors of this article", "authors own"})


_LEAD = re.compile(r"[\s©@:,.()]*(?:\(c\))?[\s©@:,.()]*(?:19|20)?\d*[\s,.):]*", re.IGNORECASE)


def copyright_claims(text: str) -> Iterator[tuple[int, str]]:
    """Place (characters from 0) and holder of each copyright that running text claims."""
    done = 0
    for match in _MARK.finditer(text):
        if match.start() < done:
            continue
        lead = _LEAD.match(text, match.end())
        start = lead.end() if lead else match.end()
        end = _END.search(text, start)
        done = end.start() if end else len(text)
        yield match.start(), text[start:done].strip()


def holders_in(permissions: Sequence[Element]) -> list[str]:
    """What permissions say of the holder (JATS copyright-holder, else copyright-statement)."""
    return list(_holders(permissions))


def _holders(permissions: Sequence[Element]) -> Iterator[str]:
    for element in permissions:
        named = [line_text(child) for child in element.iterchildren("{*}copyright-holder")]
        named = [name for name in named if name] or [line_text(c) for c in element.iterchildren("{*}copyright-statement")]
        yield from (name for name in named if name)


def own_holders(permissions: Sequence[Element]) -> frozenset[str]:
    """The article's own holders and statements, and the first clause of each, in the form that `is_own` compares."""
    texts = [line_text(c) for e in permissions for c in e.iterchildren("{*}copyright-holder", "{*}copyright-statement")]
    named = [text for text in texts if text]
    clauses = [holder for text in named for _, holder in copyright_claims(text)]
    return frozenset(filter(None, map(_bare, [*named, *clauses])))


def is_own(holder: str, own: frozenset[str]) -> bool:
    """True where a holder is one of the article's, or "the authors"."""
    bare = _bare(holder)
    return bare in own or bare in _AUTHORS


def _bare(text: str) -> str:
    """A holder without years, signs and words that all statements share."""
    return " ".join(_NOISE.sub(" ", text).casefold().split())
