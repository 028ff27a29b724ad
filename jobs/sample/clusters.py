"""Which files of a bucket show the same picture, from the pictures that they were made of and not from their hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from jobs.sample.truth import ClusterTruth, DuplicateTruth, MediaTruth
from schemas.licenses import COMMERCIAL, NONCOMMERCIAL

_LICENSE_ORDER = {COMMERCIAL: 0, NONCOMMERCIAL: 1}


def duplicate_clusters(
    media: Iterable[MediaTruth], license_groups: dict[str, str], boilerplate: set[int]
) -> tuple[ClusterTruth, ...]:
    """Clusters of the stored files that show one picture in more than one file; `license_groups` by accession."""
    by_picture: dict[int, list[MediaTruth]] = {}
    for medium in media:
        if medium.state == "stored":
            by_picture.setdefault(medium.picture, []).append(medium)
    return tuple(
        ClusterTruth(picture, picture in boilerplate, _members(shown, license_groups))
        for picture, shown in sorted(by_picture.items())
        if len(shown) > 1
    )


def _members(shown: list[MediaTruth], license_groups: dict[str, str]) -> tuple[DuplicateTruth, ...]:
    ranked = sorted(shown, key=lambda medium: _rank(medium, license_groups))
    counts = Counter(medium.image_sha256 for medium in ranked)
    firsts = {medium.image_sha256: medium for medium in reversed(ranked)}
    canonical = ranked[0]
    ordered = [firsts[sha256] for sha256 in dict.fromkeys(medium.image_sha256 for medium in ranked)]
    return tuple(
        DuplicateTruth(m.image_sha256, _kind(m, canonical, counts[m.image_sha256]), counts[m.image_sha256]) for m in ordered
    )


def _rank(medium: MediaTruth, license_groups: dict[str, str]) -> tuple[int, int, int, str]:
    area = (medium.width_px or 0) * (medium.height_px or 0)
    pmcid = int(medium.accession.split(".")[0][3:])
    return -area, _LICENSE_ORDER.get(license_groups[medium.accession], 2), pmcid, medium.accession


def _kind(medium: MediaTruth, canonical: MediaTruth, num_media: int) -> str:
    if medium.image_sha256 == canonical.image_sha256:
        return "exact_bytes" if num_media > 1 else "self"
    return "exact_pixels" if medium.pixels_sha256 == canonical.pixels_sha256 else "near"
