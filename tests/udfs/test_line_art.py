"""Copies of line art are near their originals, symmetric or not, and different drawings are not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from conf.settings import DuplicateSettings
from jobs.bench.drawings import KINDS
from jobs.bench.hash_recall import Drawn, drawn, is_near

LIMITS = (DuplicateSettings().max_distance, DuplicateSettings().max_distance_256)
SEEDS = range(100, 107)  # not those that docs/dedup.md counts


@pytest.fixture(scope="module")
def drawings() -> list[Drawn]:
    return [drawn((kind, seed)) for kind in KINDS for seed in SEEDS]


def found(drawings: list[Drawn], change: str) -> float:
    """Share of the drawings of which such a copy is near."""
    return float(np.mean([is_near(each.original, each.copies[change], LIMITS) for each in drawings]))


@pytest.mark.parametrize(
    ("change", "share"),
    [
        ("JPEG q30", 0.95),
        ("as WebP", 0.95),
        ("64-colour GIF", 1.0),
        ("half size", 0.88),
        ("0.7 of the size", 0.9),
        ("1 % crop", 0.9),
    ],
)
def test_copies_of_line_art_are_near(drawings: list[Drawn], change: str, share: float) -> None:
    assert all(each.original.is_featureless for each in drawings)
    assert found(drawings, change) >= share


@pytest.mark.parametrize("change", ["JPEG q30", "as WebP", "64-colour GIF", "0.7 of the size"])
def test_every_copy_of_a_mirrored_drawing_is_near(drawings: list[Drawn], change: str) -> None:
    assert found([each for each in drawings if each.kind == "mirrored"], change) == 1


def test_different_drawings_are_hardly_ever_near(drawings: list[Drawn]) -> None:
    pairs = list(combinations(drawings, 2))
    assert sum(is_near(one.original, other.original, LIMITS) for one, other in pairs) <= len(pairs) // 1000
