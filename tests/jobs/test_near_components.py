"""What may not fall into two splits: chains of near images, without the boilerplate in them."""

from __future__ import annotations

from itertools import combinations

import pytest
from pyspark.sql import SparkSession

from conf.settings import DuplicateSettings
from jobs.near_components import near_components
from schemas.duplicates import DUPLICATES
from schemas.images import IMAGES
from tests.components import components
from tests.jobs.rows import frame
from udfs.phash import HASH_VERSION, hamming_distance

pytestmark = pytest.mark.spark
SETTINGS = DuplicateSettings(max_distance=2, max_distance_256=2)
# A chain 0 - 1 - 2 - .. - 9 of hashes, each two bits from the next, and one hash beside number 4 that is near no other.
HASHES = {f"{number}": (1 << 2 * number) - 1 for number in range(10)} | {"beside 4": (1 << 8) - 1 | 3 << 60}
OTHERS = {"other 1": 1, "other 2": 1 << 40}


def found(
    spark: SparkSession,
    hashes: dict[str, int],
    boilerplate: set[str],
    version: str = HASH_VERSION,
    fine: dict[str, bytes] | None = None,
) -> dict[str, str]:
    """The component of each image: all of one and each of a cluster of its own, beside another component, which stays whole."""
    rows = [
        {
            "image_sha256": name,
            "pixels_sha256": name,
            "entropy_bits": 5.0,
            "hash_version": version,
            "phash_trimmed": value,
            "phash256_trimmed": (fine or {}).get(name, bytes(32)),
        }
        for name, value in (hashes | OTHERS).items()
    ]
    duplicates = [
        {
            "image_sha256": name,
            "cluster_id": f"cluster {name}",
            "component_id": "another" if name in OTHERS else "component",
            "hash_version": HASH_VERSION,
        }
        for name in hashes | OTHERS
    ]
    common = spark.createDataFrame([(name,) for name in boilerplate], "image_sha256 string")
    frames = frame(spark, DUPLICATES, *duplicates), common, frame(spark, IMAGES, *rows)
    answers = [tuple(row) for row in near_components(*frames, SETTINGS).collect()]
    assert len(answers) == len(dict(answers))
    assert {component for name, component in answers if name in OTHERS} == {"another"}
    return {name: component for name, component in answers if name not in OTHERS}


def near(hashes: dict[str, int]) -> list[tuple[str, str]]:
    return [(one, two) for one, two in combinations(hashes, 2) if hamming_distance(hashes[one], hashes[two]) <= 2]


@pytest.mark.parametrize("boilerplate", [{"4"}, {"0"}, {"2", "3", "7"}, {"beside 4"}, set(HASHES) - {"5"}, set(HASHES)])
def test_without_boilerplate_what_is_still_near_stays_one_component(spark: SparkSession, boilerplate: set[str]) -> None:
    kept = {name: value for name, value in HASHES.items() if name not in boilerplate}
    shown = found(spark, HASHES, boilerplate)
    assert set(shown) == set(kept)
    connected = components(near(kept))
    expected = connected + [{name} for name in kept if not any(name in group for group in connected)]
    groups = {frozenset(name for name in shown if shown[name] == component) for component in shown.values()}
    assert groups == {frozenset(group) for group in expected}


def test_a_component_without_boilerplate_is_one_component(spark: SparkSession) -> None:
    assert set(found(spark, HASHES, set()).values()) == {"component"}
    assert set(found(spark, HASHES, {"an image of another component"}).values()) == {"component"}


def test_near_means_near_by_both_hashes(spark: SparkSession) -> None:
    shown = found(spark, {"logo": 0, "a": 1, "b": 3}, {"logo"}, fine={"b": b"\xff" + bytes(31)})
    assert shown["a"] != shown["b"]


def test_images_of_another_hash_definition_are_components_of_their_own(spark: SparkSession) -> None:
    shown = found(spark, {"logo": 0, "a": 0, "b": 0}, {"logo"}, version="phash-0")
    assert len(set(shown.values())) == len(shown) == 2
