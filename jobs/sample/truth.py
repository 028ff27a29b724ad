"""The ground truth of a bucket: what a faithful pipeline makes of each article version, figure and file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ArticleTruth:
    """An article version that the inventory lists. state: stored, filtered or rejected by fetch_articles."""

    accession: str
    license_code: str | None
    license_group: str
    state: str
    reason: str | None
    is_preferred: bool


@dataclass(frozen=True)
class FigureTruth:
    """A graphic of an extracted version. outcome: pair, filtered or rejected by build_pairs; caption: blocks, a space between."""

    accession: str
    xml_id: str | None
    kind: str
    label: str | None
    caption: str | None
    graphic_ref: str | None
    num_mentions: int
    outcome: str
    reason: str | None
    media_name: str | None
    image_sha256: str | None
    license_code: str | None
    license_group: str


@dataclass(frozen=True)
class MediaTruth:
    """A file that a figure of an extracted version names. state: stored or rejected by fetch_images; copies share a picture."""

    accession: str
    media_name: str
    image_sha256: str
    pixels_sha256: str | None
    state: str
    reason: str | None
    picture: int
    width_px: int | None
    height_px: int | None


@dataclass(frozen=True)
class RejectTruth:
    """A row of `rejects`; the key is an accession, accession/media_name or accession/XML id of the figure."""

    stage: str
    key: str
    reason: str


@dataclass(frozen=True)
class DuplicateTruth:
    """An image in a cluster. kind: self, exact_bytes (canonical, the file stands at several places), exact_pixels, near."""

    image_sha256: str
    kind: str
    num_media: int


@dataclass(frozen=True)
class ClusterTruth:
    """Images of one picture, the canonical one first (largest, then best licence group, then smallest PMCID)."""

    picture: int
    is_boilerplate: bool
    members: tuple[DuplicateTruth, ...]


@dataclass(frozen=True)
class SampleTruth:
    """All that can be said of a bucket beforehand; `changes` lists the accessions that each edit of the day touched."""

    num_articles: int
    seed: int
    max_articles_per_image: int
    day: int
    num_listed: int
    num_stored: int
    num_filtered: dict[str, int]
    num_by_license_group: dict[str, int]
    articles: tuple[ArticleTruth, ...]
    figures: tuple[FigureTruth, ...]
    media: tuple[MediaTruth, ...]
    rejects: tuple[RejectTruth, ...]
    clusters: tuple[ClusterTruth, ...]
    changes: dict[str, tuple[str, ...]]

    @property
    def pairs(self) -> tuple[FigureTruth, ...]:
        """The figures that become pairs."""
        return tuple(figure for figure in self.figures if figure.outcome == "pair")

    def to_json(self) -> str:
        """The truth as a JSON document, `pairs` written out."""
        record: dict[str, Any] = {**asdict(self), "pairs": [asdict(pair) for pair in self.pairs]}
        return json.dumps(record, indent=1, ensure_ascii=False) + "\n"
