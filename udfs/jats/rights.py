"""Rights of a figure: the article's licence, one of its own, or others' rights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from schemas.licenses import stricter
from udfs.jats.holders import copyright_claims, holders_in, is_own, own_holders
from udfs.jats.licences import license_code, license_url, named_license, spdx_code
from udfs.jats.names import Element
from udfs.jats.rights_words import has_hint, taken_at, unconditional, withheld_at, without_reservation
from udfs.jats.sentences import sentence_at
from udfs.jats.text import line_text

ARTICLE = "article"
OWN_LICENSE = "own_license"
THIRD_PARTY = "third_party"
RIGHTS = (ARTICLE, OWN_LICENSE, THIRD_PARTY)


class Rights(NamedTuple):
    """Which rights hold, the statement that says so, and the URL and SPDX code of a licence of the figure's own."""

    rights: str = ARTICLE
    statement: str | None = None
    license_url: str | None = None
    license_spdx: str | None = None


_ARTICLES = Rights()


@dataclass(frozen=True)
class ArticleRights:
    """What figures are measured against: an article's own permissions (JATS article-meta/permissions) and its licence code.

    has_inner_permissions is False where no part of the article, such as a section, has any that would hold before these.
    """

    permissions: Sequence[Element] = ()
    code: str | None = None
    has_inner_permissions: bool = True

    @cached_property
    def holders(self) -> frozenset[str]:
        """The article's copyright holders (see holders.own_holders), which few figures ask for."""
        return own_holders(self.permissions)


def figure_rights(permissions: Sequence[Element], texts: Iterable[str | None], article: ArticleRights) -> Rights:
    """Rights by the permissions that hold for a figure, else by the words around it (attribution, captions, notes).

    A copyright without a licence, and any notice that all rights are reserved, is a third party's unless its holder is the
    article's. A licence that words name counts only where it is no freer than the article's.
    """
    stated = _by_permissions(permissions, article) if permissions else _ARTICLES
    if stated.rights == THIRD_PARTY:
        return stated
    told = [found for text in texts if text and has_hint(text) and (found := _by_words(text, article))]
    foreign = next((found for found in told if found.rights == THIRD_PARTY), None)
    if foreign:
        return foreign._replace(license_url=stated.license_url, license_spdx=stated.license_spdx)
    if stated.rights == OWN_LICENSE:
        return stated
    return told[0] if told else stated


def _by_permissions(permissions: Sequence[Element], article: ArticleRights) -> Rights:
    statement = " ".join(filter(None, map(line_text, permissions))) or None
    licenses = [found for element in permissions for found in element.iterfind("{*}license")]
    url = next(filter(None, map(license_url, licenses)), None)
    if statement is None:
        return Rights(OWN_LICENSE, url, url, spdx_code(url, None)) if licenses else _ARTICLES
    spdx = spdx_code(url, " ".join(filter(None, map(line_text, licenses))))
    holders = holders_in(permissions)
    is_articles = bool(holders) and all(is_own(holder, article.holders) for holder in holders)
    words = unconditional(statement)
    if spdx or (is_articles and not licenses):
        words = without_reservation(words)
    if withheld_at(words) is not None:
        return Rights(THIRD_PARTY, statement, url, spdx)
    if licenses:
        return Rights(OWN_LICENSE, statement, url, spdx)
    return Rights(THIRD_PARTY if holders and not is_articles else ARTICLE, statement)


def _by_words(text: str, article: ArticleRights) -> Rights | None:
    words = unconditional(text)
    claims = list(copyright_claims(words))
    foreign = [place for place, holder in claims if not is_own(holder, article.holders)]
    place = withheld_at(without_reservation(words) if claims and not foreign else words)
    if place is None and foreign:
        place = foreign[0]
    named = named_license(words) if place is None else None
    if named and stricter(article.code, license_code(named[1])) == license_code(named[1]):
        return Rights(OWN_LICENSE, sentence_at(words, named[0]), None, named[1])
    place = taken_at(words) if place is None else place
    return None if place is None else Rights(THIRD_PARTY, sentence_at(words, place))
