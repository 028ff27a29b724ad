"""The books of a bucket: what becomes of each listed version, its figures and its files, stage by stage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.sample import contents, damage
from jobs.sample.contents import FigurePlan, Medium, VersionPlan
from jobs.sample.formats import decode
from jobs.sample.prose import ArticleText, FigureText
from jobs.sample.truth import ArticleTruth, FigureTruth, MediaTruth, RejectTruth
from schemas.licenses import license_group

STORED, FILTERED, REJECTED, PAIR = "stored", "filtered", "rejected", "pair"
_KINDS = {contents.FIG: "figure", contents.FORMULA: "equation", contents.INLINE: "inline"}
_GENRE_REASONS = {contents.BLANK: "blank", contents.TINY: "too_small"}


@dataclass(frozen=True)
class Entry:
    """A listed version with its words and the files of its figures, equations left out (none if it is not extracted)."""

    version: VersionPlan
    text: ArticleText
    media: dict[str, MediaTruth]

    @property
    def is_extracted(self) -> bool:
        """True if the pipeline fetches the version and reads its XML."""
        return self.version.is_open_access and self.version.damage is None


def enter(version: VersionPlan, text: ArticleText, files: dict[str, bytes]) -> Entry:
    """The entry of a version whose media files stand in the bucket as given."""
    entry = Entry(version, text, {})
    if not entry.is_extracted:
        return entry
    media = [medium for figure in version.figures if figure.element == contents.FIG for medium in figure.media]
    return Entry(version, text, {medium.name: _medium(version, medium, files[medium.name]) for medium in media})


def _medium(version: VersionPlan, medium: Medium, data: bytes) -> MediaTruth:
    refusal = damage.MEDIA_REFUSALS.get(medium.damage or "")
    reason = refusal.reason if refusal else _GENRE_REASONS.get(medium.picture.genre)
    image = None if reason else decode(data)
    return MediaTruth(
        accession=version.accession,
        media_name=medium.name,
        image_sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=hashlib.sha256(image.tobytes()).hexdigest() if image else None,
        state=REJECTED if reason else STORED,
        reason=reason,
        picture=medium.picture.number,
        width_px=image.width if image else None,
        height_px=image.height if image else None,
    )


def preferred_versions(versions: Iterable[VersionPlan]) -> set[str]:
    """Accession per PMCID that gives the pairs: the published version over the author manuscript, then the highest."""
    best: dict[str, VersionPlan] = {}
    for version in versions:
        other = best.setdefault(version.pmcid, version)
        best[version.pmcid] = max(other, version, key=lambda v: (not v.is_manuscript, v.version))
    return {version.accession for version in best.values()}


def boilerplate_pictures(entries: Sequence[Entry], max_articles: int) -> set[int]:
    """Numbers of the pictures that stand in more articles (PMCIDs) than may share one."""
    places = {(medium.picture, entry.version.pmcid) for entry in entries for medium in entry.media.values()}
    numbers = [picture for picture, _ in places]
    return {picture for picture in set(numbers) if numbers.count(picture) > max_articles}


def article_truths(entries: Sequence[Entry]) -> tuple[ArticleTruth, ...]:
    """What fetch_articles makes of each listed version."""
    preferred = preferred_versions(entry.version for entry in entries)
    return tuple(_article(entry.version, entry.version.accession in preferred) for entry in entries)


def _article(version: VersionPlan, is_preferred: bool) -> ArticleTruth:
    refusal = damage.ARTICLE_REFUSALS.get(version.damage or "")
    state, reason = STORED, None
    if refusal and refusal.stage == "fetch_articles":
        state, reason = REJECTED, refusal.reason
    elif not version.is_open_access:
        state, reason = FILTERED, "not_open_access"
    return ArticleTruth(version.accession, version.license_code, license_group(version.license_code), state, reason, is_preferred)


def figure_truths(entries: Sequence[Entry], boilerplate: set[int]) -> tuple[FigureTruth, ...]:
    """What build_pairs makes of each figure of the extracted versions."""
    preferred = preferred_versions(entry.version for entry in entries)
    extracted = [entry for entry in entries if entry.is_extracted]
    return tuple(
        _figure(entry, printed, _outcome(entry, printed.plan, entry.version.accession in preferred, boilerplate))
        for entry in extracted
        for _, printed in entry.text.results
    )


def _figure(entry: Entry, printed: FigureText, outcome: tuple[str, str | None]) -> FigureTruth:
    plan, version = printed.plan, entry.version
    chosen = entry.media[plan.media[0].name] if outcome[0] == PAIR else None
    return FigureTruth(
        accession=version.accession,
        xml_id=plan.xml_id,
        kind=_KINDS[plan.element],
        label=printed.label,
        caption=printed.plain_caption,
        graphic_ref=plan.hrefs[0] if plan.hrefs else None,
        num_mentions=entry.text.num_mentions()[plan.xml_id or ""],
        outcome=outcome[0],
        reason=outcome[1],
        media_name=chosen.media_name if chosen else None,
        image_sha256=chosen.image_sha256 if chosen else None,
        license_code=version.license_code,
        license_group=license_group(version.license_code),
    )


def _outcome(entry: Entry, figure: FigurePlan, is_preferred: bool, boilerplate: set[int]) -> tuple[str, str | None]:
    filters = {
        "kind": figure.element != contents.FIG,
        "no_graphic": not figure.hrefs,
        "superseded": not is_preferred,
        "retracted": entry.version.is_retracted,
        "boilerplate": figure.picture.number in boilerplate,
    }
    reason = next((name for name, applies in filters.items() if applies), None)
    if reason:
        return FILTERED, reason
    if not figure.media:
        return REJECTED, "no_media"
    states = {entry.media[medium.name].state for medium in figure.media}
    return (PAIR, None) if STORED in states else (REJECTED, "media_rejected")


def reject_truths(entries: Sequence[Entry], figures: Sequence[FigureTruth]) -> tuple[RejectTruth, ...]:
    """Every row of `rejects` that the bucket must lead to, in order of stage and key."""
    refusals = [
        (entry.version, damage.ARTICLE_REFUSALS.get(entry.version.damage or ""))
        for entry in entries
        if entry.version.is_open_access
    ]
    rejects = [RejectTruth(refusal.stage, version.accession, refusal.reason) for version, refusal in refusals if refusal]
    media = [medium for entry in entries for medium in entry.media.values() if medium.state == REJECTED]
    rejects += [RejectTruth("fetch_images", f"{m.accession}/{m.media_name}", str(m.reason)) for m in media]
    rejects += [RejectTruth("build_pairs", f"{f.accession}/{f.xml_id}", str(f.reason)) for f in figures if f.outcome == REJECTED]
    return tuple(sorted(rejects, key=lambda reject: (reject.stage, reject.key)))
