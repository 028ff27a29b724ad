"""How the bucket changes from day to day: a list of edits, each to its share of the articles that have no other role.

Shares of the first day's articles, at least one article each: day 2 and day 3 add 6 % new articles, reword the captions of
4 %, replace an image in 3 %, publish a further version of 2 %, relicense 3 %, close 1 %, retract 2 % and remove 3 %; what
day 2 removed first comes back on day 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from jobs.sample import contents
from jobs.sample.contents import Picture, VersionPlan
from jobs.sample.plan import PLAIN, Planner, role_of

NUM_DAYS = 3
ADDED, REWORDED, REDRAWN, NEW_VERSION = "added", "reworded", "redrawn", "new_version"
RELICENSED, CLOSED, RETRACTED, REMOVED, RETURNED = "relicensed", "closed", "retracted", "removed", "returned"
ADDED_SHARE = 0.06
EDIT_SHARES = {REWORDED: 0.04, REDRAWN: 0.03, NEW_VERSION: 0.02, RELICENSED: 0.03, CLOSED: 0.01, RETRACTED: 0.02, REMOVED: 0.03}
_DAY_STREAM = 2

Article = tuple[VersionPlan, ...]


@dataclass(frozen=True)
class BucketState:
    """The articles of a day by their place, and what was done to which of them (accessions by edit)."""

    day: int
    articles: dict[int, Article]
    changes: dict[str, tuple[str, ...]]

    @property
    def versions(self) -> list[VersionPlan]:
        """All article versions, in the order of their places."""
        return [version for index in sorted(self.articles) for version in self.articles[index]]


def plan_days(num_articles: int, seed: int) -> list[BucketState]:
    """The bucket on each of its three days; a pure function of size and seed."""
    planner = Planner(seed)
    states = [BucketState(1, {index: planner.article(index) for index in range(num_articles)}, {})]
    history = _History(num_articles, seed, set())
    while len(states) < NUM_DAYS:
        states.append(_next_state(states, planner, history))
    return states


def planned_copies(states: list[BucketState]) -> dict[Picture, tuple[str, ...]]:
    """The changed copies of each picture that go round on any day."""
    versions = (version for state in states for version in state.versions)
    media = {medium for version in versions for figure in version.figures for medium in figure.media}
    copies: dict[Picture, set[str]] = {}
    for medium in media:
        if medium.copy != contents.ORIGINAL:
            copies.setdefault(medium.picture, set()).add(medium.copy)
    return {picture: tuple(sorted(kinds)) for picture, kinds in copies.items()}


@dataclass(frozen=True)
class _History:
    num_articles: int
    seed: int
    touched: set[int]

    def count(self, share: float) -> int:
        return max(1, round(share * self.num_articles))


def _next_state(states: list[BucketState], planner: Planner, history: _History) -> BucketState:
    before, day = states[-1], states[-1].day + 1
    articles, changes = dict(before.articles), {}
    rng = np.random.default_rng([history.seed, _DAY_STREAM, day])
    waiting = [i for i in rng.permutation(history.num_articles) if role_of(int(i)) == PLAIN and i not in history.touched]
    for edit, share in EDIT_SHARES.items():
        chosen, waiting = sorted(int(i) for i in waiting[: history.count(share)]), waiting[history.count(share) :]
        history.touched.update(chosen)
        changes[edit] = _apply(edit, chosen, articles, _Editor(planner, rng, day))
    returned = [i for i in states[0].articles if i not in before.articles][:1]
    changes[RETURNED] = tuple(_put(articles, i, _dated(states[0].articles[i], day)) for i in returned)
    start = max(max(state.articles) for state in states) + 1
    new = range(start, start + history.count(ADDED_SHARE))
    changes[ADDED] = tuple(_put(articles, i, _dated(planner.article(i), day)) for i in new)
    return BucketState(day, articles, changes)


@dataclass(frozen=True)
class _Editor:
    planner: Planner
    rng: np.random.Generator
    day: int


def _apply(edit: str, chosen: list[int], articles: dict[int, Article], editor: _Editor) -> tuple[str, ...]:
    accessions = tuple(articles[index][-1].accession for index in chosen)
    for index in chosen:
        article = articles.pop(index)
        if edit != REMOVED:
            articles[index] = _EDITS[edit](article, editor)
    return accessions


def _put(articles: dict[int, Article], index: int, article: Article) -> str:
    articles[index] = article
    return article[-1].accession


def _dated(article: Article, day: int) -> Article:
    return tuple(replace(version, modified_day=day) for version in article)


def _reworded(article: Article, editor: _Editor) -> Article:
    (version,) = article
    figures = tuple(
        replace(f, wording=f.wording + 100_000) if f.picture.genre == contents.DRAWING else f for f in version.figures
    )
    return (replace(version, figures=figures, revision=version.revision + 1, modified_day=editor.day),)


def _redrawn(article: Article, editor: _Editor) -> Article:
    (version,) = article
    first, *others = version.figures
    return (replace(version, figures=(editor.planner.redrawn(first), *others), modified_day=editor.day),)


def _with_new_version(article: Article, editor: _Editor) -> Article:
    (version,) = article
    return version, replace(editor.planner.next_version(version, editor.rng), modified_day=editor.day)


def _relicensed(article: Article, editor: _Editor) -> Article:
    (version,) = article
    code = "CC BY-NC" if version.license_code != "CC BY-NC" else "CC BY"
    return (replace(version, license_code=code, modified_day=editor.day),)


def _closed(article: Article, editor: _Editor) -> Article:
    (version,) = article
    return (replace(version, license_code="TDM", is_open_access=False, modified_day=editor.day),)


def _retracted(article: Article, editor: _Editor) -> Article:
    (version,) = article
    return (replace(version, is_retracted=True, modified_day=editor.day),)


_EDITS: dict[str, Callable[[Article, _Editor], Article]] = {
    REWORDED: _reworded,
    REDRAWN: _redrawn,
    NEW_VERSION: _with_new_version,
    RELICENSED: _relicensed,
    CLOSED: _closed,
    RETRACTED: _retracted,
}
