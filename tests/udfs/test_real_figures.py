"""Real figures through kernel, hashes and clusters: copies come together, different figures never do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from conf.settings import DuplicateSettings
from jobs.bench.figure_changes import CHANGES
from jobs.bench.hash_recall import Hashes, figure, hashes_of
from jobs.bench.hostile_images import IMAGE_SUFFIXES
from udfs.batches.duplicate_clusters import NODE, FindClusters
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import ImageRecord, plan
from udfs.images import process_image

SETTINGS = DuplicateSettings()
_CROPS = {"2 % crop": 0.893, "5 % crop": 0.262}  # found in part: at least as large a share as another hash finds, docs/dedup.md


@pytest.fixture(scope="module")
def paths(shared_data: Path) -> list[Path]:
    found = sorted(path for path in shared_data.glob("pmc-mirror/*/*") if path.suffix.lower() in IMAGE_SUFFIXES)
    assert len(found) > 140
    return found


@pytest.fixture(scope="module")
def originals(paths: list[Path]) -> dict[Path, ImageRecord]:
    return {path: process_image(path.read_bytes(), ImageOptions(max_side_px=64)) for path in paths}


def node(path: Path, record: ImageRecord) -> dict[str, object]:
    return {
        "image_sha256": f"{path.parent.name}/{path.name}",
        "pixels_sha256": record.pixels_sha256,
        "phash_trimmed": record.phash_trimmed,
        "phash256_trimmed": record.phash256_trimmed,
        "is_featureless": record.entropy_bits < SETTINGS.min_entropy_bits,
    }


def test_no_two_different_figures_are_merged(originals: dict[Path, ImageRecord]) -> None:
    nodes = pa.RecordBatch.from_pylist([node(*original) for original in originals.items()], schema=NODE)
    kernel = FindClusters(SETTINGS.max_distance, SETTINGS.max_distance_256)
    rows = pa.Table.from_batches(kernel(iter([nodes]))).to_pylist()
    clusters: dict[str, set[str]] = {}
    for row in rows:
        clusters.setdefault(row["canonical_sha256"], set()).add(row["image_sha256"].rpartition(".")[0])
    assert clusters, "one figure lies there as JPEG and as GIF"
    assert all(len(figures) == 1 for figures in clusters.values()), clusters


def test_copies_of_real_figures_are_found(paths: list[Path]) -> None:
    tried = 0
    for path in paths[::24]:
        found = figure(path)
        for name in CHANGES.keys() - _CROPS.keys():
            near, far = found.original.distances(found.copies[name])
            assert near <= SETTINGS.max_distance, (path.name, name)
            assert far <= SETTINGS.max_distance_256, (path.name, name)
            tried += 1
    assert tried >= 40


def test_crops_of_real_figures_are_found_in_part(originals: dict[Path, ImageRecord]) -> None:
    """All figures: on fewer of them a few would decide."""
    found = np.mean([crops_found(path.read_bytes(), original) for path, original in originals.items()], axis=0)
    assert (found >= list(_CROPS.values())).all(), found


def crops_found(data: bytes, original: ImageRecord) -> list[bool]:
    image = Image.fromarray(decode(data, plan(data, ImageOptions()).image).pixels)
    hashes = Hashes(original.phash_trimmed, original.phash256_trimmed, is_featureless=False)
    distances = (hashes.distances(hashes_of(CHANGES[crop](image))) for crop in _CROPS)
    return [near <= SETTINGS.max_distance and far <= SETTINGS.max_distance_256 for near, far in distances]
