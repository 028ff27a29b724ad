"""Writes a sample bucket and its ground truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from conf.settings import UnusableSettings
from jobs.sample import bucket
from jobs.sample.accounts import (
    FILTERED,
    STORED,
    Entry,
    article_truths,
    boilerplate_pictures,
    enter,
    figure_truths,
    reject_truths,
)
from jobs.sample.bucket import InventoryRow, Objects
from jobs.sample.clusters import duplicate_clusters
from jobs.sample.contents import VersionPlan
from jobs.sample.damage import damaged_image
from jobs.sample.days import NUM_DAYS, BucketState, plan_days, planned_copies
from jobs.sample.jats import article_xml
from jobs.sample.prose import compose
from jobs.sample.studio import Studio
from jobs.sample.truth import SampleTruth
from schemas.licenses import LICENSE_GROUPS

TRUTH_NAME = "truth.json"
MAX_ARTICLES_PER_IMAGE = 50


def write_sample(
    folder: Path, num_articles: int, seed: int, day: int = 1, max_articles_per_image: int = MAX_ARTICLES_PER_IMAGE
) -> SampleTruth:
    """Write the bucket of a day (1 to 3) into a folder and return its truth, which also stands in `truth.json` there.

    An image in more than `max_articles_per_image` articles counts as boilerplate; the bucket itself does not depend on it.

    The folder then holds exactly the bucket of these arguments: what an earlier call left is replaced or removed.
    UnusableSettings for sizes or days that cannot be, and for a folder with other things in it.
    """
    _check(folder, num_articles, day)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTH_NAME).write_text('{"unfinished": true}\n', encoding="utf-8")
    states = plan_days(num_articles, seed)
    writer = _Writer(folder, Studio(seed, planned_copies(states)), seed)
    for state in states[:day]:
        writer.write_day(state, is_last=state.day == day)
    writer.remove_others()
    truth = _truth(writer.entries, states[day - 1], (num_articles, seed, max_articles_per_image))
    (folder / TRUTH_NAME).write_text(truth.to_json(), encoding="utf-8")
    return truth


def _check(folder: Path, num_articles: int, day: int) -> None:
    if num_articles < 1:
        raise UnusableSettings(f"sample: number of articles must be at least 1, not {num_articles}")
    if not 1 <= day <= NUM_DAYS:
        raise UnusableSettings(f"sample: day must be between 1 and {NUM_DAYS}, not {day}")
    if folder.exists() and any(folder.iterdir()) and not (folder / TRUTH_NAME).is_file():
        raise UnusableSettings(f"sample: {folder} is not empty and holds no sample; name a new or empty folder")


class _Writer:
    """Writes the days one after the other, because the studio draws in order; only the last day's articles reach the folder."""

    def __init__(self, folder: Path, studio: Studio, seed: int) -> None:
        self._folder, self._studio, self._seed = folder, studio, seed
        self._rows: dict[VersionPlan, InventoryRow] = {}
        self._keys: set[str] = set()
        self.entries: list[Entry] = []

    def write_day(self, state: BucketState, is_last: bool) -> None:
        for version in state.versions:
            if is_last or version not in self._rows:
                objects, entry = self._version(version)
                key = bucket.metadata_key(version)
                self._rows[version] = InventoryRow(key, bucket.md5(objects[key]), version.modified_day)
                if is_last:
                    self._put(objects)
                    self.entries.append(entry)
        self._put(bucket.inventory_objects(state.day, [self._rows[version] for version in state.versions]))

    def _version(self, version: VersionPlan) -> tuple[Objects, Entry]:
        text = compose(version, self._studio.subject, self._seed)
        media = [medium for figure in version.figures for medium in figure.media]
        files = {medium.name: damaged_image(self._studio.file(medium), medium.damage) for medium in media}
        return bucket.version_objects(version, text, article_xml(version, text), files), enter(version, text, files)

    def _put(self, objects: Objects) -> None:
        for key, data in objects.items():
            path = self._folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._keys.update(objects)

    def remove_others(self) -> None:
        """Delete what an earlier call wrote and this one did not."""
        for path in sorted(self._folder.rglob("*"), reverse=True):
            if path.is_dir():
                _remove_if_empty(path)
            elif path.relative_to(self._folder).as_posix() not in self._keys | {TRUTH_NAME}:
                path.unlink()


def _remove_if_empty(folder: Path) -> None:
    entries: Iterator[Path] = folder.iterdir()
    if next(entries, None) is None:
        folder.rmdir()


def _truth(entries: list[Entry], state: BucketState, arguments: tuple[int, int, int]) -> SampleTruth:
    num_articles, seed, max_articles_per_image = arguments
    boilerplate = boilerplate_pictures(entries, max_articles_per_image)
    articles, figures = article_truths(entries), figure_truths(entries, boilerplate)
    media = tuple(medium for entry in entries for medium in entry.media.values())
    groups = {article.accession: article.license_group for article in articles}
    stored = [article for article in articles if article.state == STORED]
    counts = Counter(article.license_group for article in stored)
    return SampleTruth(
        num_articles=num_articles,
        seed=seed,
        max_articles_per_image=max_articles_per_image,
        day=state.day,
        num_listed=len(articles),
        num_stored=len(stored),
        num_filtered=dict(Counter(str(article.reason) for article in articles if article.state == FILTERED)),
        num_by_license_group={group: counts[group] for group in LICENSE_GROUPS},
        articles=articles,
        figures=figures,
        media=media,
        rejects=reject_truths(entries, figures),
        clusters=duplicate_clusters(media, groups, boilerplate),
        changes=state.changes,
    )
