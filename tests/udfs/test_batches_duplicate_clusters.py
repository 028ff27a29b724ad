"""Clusters of hashed images against the definition, pair by pair."""

from typing import Any

import numpy as np
import pytest

from tests.components import components
from tests.udfs.record_batches import one_by_one, results
from udfs.batches.duplicate_clusters import NODE, FindClusters


def nodes(seed: int, num_nodes: int) -> list[dict[str, Any]]:
    """Images around a few centres in hash space, some with equal pixels, some featureless, the best first."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**63, 8, np.uint64)
    fine_centres = rng.integers(0, 256, (8, 32), np.uint8)
    rows = []
    for number in range(num_nodes):
        centre = rng.integers(8)
        flips = int(sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 6), replace=False)))
        fine = fine_centres[centre].copy()
        fine[: rng.integers(0, 3)] ^= np.uint8(rng.integers(1, 256))
        if rng.random() < 0.1:
            fine = rng.integers(0, 256, 32, np.uint8)
        rows.append(
            {
                "image_sha256": f"{number:03d}",
                "pixels_sha256": f"pixels {number}",
                "phash_trimmed": int(np.uint64(centres[centre] ^ np.uint64(flips)).view(np.int64)),
                "phash256_trimmed": fine.tobytes(),
                "is_featureless": bool(rng.random() < 0.1),
            }
        )
        if number and rng.random() < 0.2:  # the same pixels in another file: hashes and features are theirs
            rows[-1] = rows[int(rng.integers(number))] | {"image_sha256": f"{number:03d}"}
        elif number and rng.random() < 0.1:  # other pixels that the hashes do not tell apart
            rows[-1] = rows[int(rng.integers(number))] | {key: rows[-1][key] for key in ("image_sha256", "pixels_sha256")}
    return rows


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).bit_count()


def bits(node: dict[str, Any]) -> bytes:
    return int(node["phash_trimmed"]).to_bytes(8, "little", signed=True)


def plain_clusters(rows: list[dict[str, Any]], coarse: int, fine: int) -> dict[str, tuple[str, str]]:
    """Canonical and best connected image of every image that is near another, by the definition, pair by pair: the oracle."""
    first: dict[object, int] = {}
    looks = [row["pixels_sha256"] if row["is_featureless"] else (row["phash_trimmed"], row["phash256_trimmed"]) for row in rows]
    for number, look in enumerate(looks):
        first.setdefault(look, number)

    def near(i: int, j: int) -> bool:
        one, other = rows[i], rows[j]
        if one["is_featureless"] or other["is_featureless"] or distance(bits(one), bits(other)) > coarse:
            return False
        return distance(one["phash256_trimmed"], other["phash256_trimmed"]) <= fine

    canonical: dict[int, int] = {}
    for i in sorted(first.values()):
        heads = [j for j in sorted(canonical) if canonical[j] == j and near(i, j)]
        canonical[i] = min(heads, key=lambda j: (distance(bits(rows[i]), bits(rows[j])), j)) if heads else i
    names = [row["image_sha256"] for row in rows]
    joined = components((names[i], names[j]) for i in canonical for j in canonical if i == j or near(i, j))
    best = {name: min(component) for component in joined for name in component}
    chosen = [(names[canonical[first[look]]], best[names[first[look]]]) for look in looks]
    connected = [component for _, component in chosen]
    return {name: choice for name, choice in zip(names, chosen, strict=True) if connected.count(choice[1]) > 1}


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_those_of_the_definition(seed: int) -> None:
    rows = nodes(seed, 120)
    found = results(FindClusters(6, 32)(one_by_one(rows, NODE)))
    groups = {row["image_sha256"]: (row["canonical_sha256"], row["component_sha256"]) for row in found}
    assert groups == plain_clusters(rows, 6, 32)
    by_name = {row["image_sha256"]: row for row in rows}
    for row in found:
        image, head = by_name[row["image_sha256"]], by_name[row["canonical_sha256"]]
        assert row["hamming_distance"] == distance(bits(image), bits(head))
        assert row["is_same_pixels"] == (image["pixels_sha256"] == head["pixels_sha256"])
    assert 20 < len(found) < 120


@pytest.mark.parametrize("rows", [[], nodes(0, 1), nodes(1, 2)[:1]])
def test_without_two_images_there_is_no_cluster(rows: list[dict[str, Any]]) -> None:
    assert results(FindClusters(6, 32)(one_by_one(rows, NODE))) == []


def test_a_featureless_image_is_no_duplicate_of_one_whose_hashes_are_zero() -> None:
    plain = {"phash_trimmed": 0, "phash256_trimmed": bytes(32)}
    flat = [plain | {"image_sha256": name, "pixels_sha256": name, "is_featureless": True} for name in ("flat 1", "flat 2")]
    drawn = [plain | {"image_sha256": name, "pixels_sha256": name, "is_featureless": False} for name in ("drawn 1", "drawn 2")]
    found = results(FindClusters(6, 44)(one_by_one([flat[0], drawn[0], flat[1], drawn[1]], NODE)))
    assert {(row["image_sha256"], row["canonical_sha256"]) for row in found} == {("drawn 1", "drawn 1"), ("drawn 2", "drawn 1")}
