"""Duplicate clusters of a small archive: rank of images, rows of the table, and runs after changes against a full run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from conf.settings import LakeSettings, Settings
from jobs import find_duplicates
from jobs.comparable_images import comparable_images
from jobs.find_duplicates import STAGE, duplicate_rows, image_uses, ranked_images
from jobs.stage import Counts, ReconciliationError, RunContext, StageResult, run_stage
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.duplicates import DUPLICATES, KINDS
from schemas.hash_pairs import HASH_PAIRS
from schemas.images import IMAGES
from schemas.media import MEDIA
from tests.jobs.rows import collected, frame
from udfs.batches.duplicate_clusters import NODE
from udfs.looks import MAX_LOOKS
from udfs.phash import HASH_VERSION

pytestmark = pytest.mark.spark
SETTINGS = load_settings("local", ["duplicates.min_entropy_bits=1.0"])


def media(spark: SparkSession, places: dict[str, str]) -> DataFrame:
    """A medium for every letter of each image's places, a letter an article: {"image": "aab"}."""
    rows = [
        {"accession": f"PMC{place}.1", "media_name": f"{image}{number}.jpg", "image_sha256": image}
        for image, where in places.items()
        for number, place in enumerate(where)
    ]
    return frame(spark, MEDIA, *rows)


def articles(spark: SparkSession) -> DataFrame:
    """PMC1.1 is free and young, PMC2.1 not free and old, PMC3.1 not free and of unknown year."""
    about = {1: ("commercial", 2024), 2: ("noncommercial", 2001), 3: ("noncommercial", None)}
    rows = [{"accession": f"PMC{n}.1", "license_group": group, "year": year} for n, (group, year) in about.items()]
    return frame(spark, ARTICLES, *rows)


def image(name: str, **values: Any) -> dict[str, Any]:
    plain = {"image_sha256": name, "pixels_sha256": name, "entropy_bits": 5.0, "hash_version": HASH_VERSION}
    return plain | {"phash256_trimmed": bytes(32)} | values


def test_uses_tell_the_freest_licence_and_the_oldest_article(spark: SparkSession) -> None:
    uses = image_uses(media(spark, {"a": "123", "b": "23", "c": "3", "elsewhere": "9"}), articles(spark))
    found = {row["image_sha256"]: (row["num_media"], row["license_rank"], *row["oldest"]) for row in uses.collect()}
    assert found == {
        "a": (3, 1, 2001, "PMC2.1", "a1.jpg"),
        "b": (2, 2, 2001, "PMC2.1", "b0.jpg"),
        "c": (1, 2, 9999, "PMC3.1", "c0.jpg"),
    }


def test_images_are_ranked_by_pixels_then_licence_then_age_then_name(spark: SparkSession) -> None:
    places = {"large": "3", "free": "1", "old": "2", "unknown_year": "3", "z_unknown_year": "3"}
    sides = dict.fromkeys(places, 100) | {"large": 50_000}
    rows = frame(spark, IMAGES, *(image(name, width_px=side, height_px=side) for name, side in sides.items()))
    nodes = comparable_images(rows, SETTINGS).selectExpr("*", "1L AS component")
    ranked = ranked_images(nodes.join(image_uses(media(spark, places), articles(spark)), "image_sha256"), 1)
    assert ranked.columns == NODE.names
    assert [row["image_sha256"] for row in ranked.collect()] == ["large", "free", "old", "unknown_year", "z_unknown_year"]


def test_components_stay_whole_however_many_tasks_there_are(spark: SparkSession) -> None:
    rows = [image(f"{number:03d}") for number in range(200)]
    nodes = comparable_images(frame(spark, IMAGES, *rows), SETTINGS).selectExpr("*", "pmod(hash(image_sha256), 40) AS component")
    uses = image_uses(media(spark, {row["image_sha256"]: "1" for row in rows}), articles(spark))
    ranked = ranked_images(nodes.join(uses, "image_sha256"), 20)
    placed = ranked.selectExpr("image_sha256", "spark_partition_id() AS task").join(nodes, "image_sha256")
    assert ranked.rdd.getNumPartitions() == 20
    assert placed.groupBy("component").agg({"task": "min"}).count() == placed.select("component", "task").distinct().count()
    assert placed.select("task").distinct().count() > 10


def test_little_entropy_is_featureless_and_other_hash_versions_are_left_out(spark: SparkSession) -> None:
    rows = [image("plain", entropy_bits=0.9), image("rich", entropy_bits=1.0), image("older", hash_version="phash-0")]
    found = comparable_images(frame(spark, IMAGES, *rows), SETTINGS)
    assert collected(found, "image_sha256", "is_featureless") == [("plain", True), ("rich", False)]


def test_rows_of_clusters_and_of_single_images_at_several_places(spark: SparkSession) -> None:
    columns = (
        "image_sha256 string, canonical_sha256 string, component_sha256 string, is_same_pixels boolean, hamming_distance int"
    )
    rows = [
        ("head", "head", "head", True, 0),
        ("pixels", "head", "head", True, 0),
        ("near", "head", "head", False, 3),
        ("beside", "beside", "head", True, 0),
        ("repeated", "repeated", "repeated", True, 0),
    ]
    clusters = spark.createDataFrame(rows, columns)
    uses = image_uses(
        media(spark, {"head": "1", "pixels": "2", "near": "12", "repeated": "11", "alone": "11", "single": "3", "beside": "1"}),
        articles(spark),
    )
    found = duplicate_rows(clusters, uses, SETTINGS.duplicates, HASH_VERSION)
    ids = ("image_sha256", "canonical_sha256", "cluster_id", "component_id")
    assert collected(found, *ids, "kind", "hamming_distance", "num_media") == [
        ("alone", "alone", "alone", "alone", "exact_bytes", 0, 2),
        ("beside", "beside", "beside", "head", "self", 0, 1),
        ("head", "head", "head", "head", "self", 0, 1),
        ("near", "head", "head", "head", "near", 3, 2),
        ("pixels", "head", "head", "head", "exact_pixels", 0, 1),
        ("repeated", "repeated", "repeated", "repeated", "exact_bytes", 0, 2),
    ]


@dataclass
class World:
    """An archive's images, media and articles, changed at random; near images come in crowds, so that clusters meet."""

    rng: np.random.Generator
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    articles: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_articles(self, num_articles: int) -> None:
        for _ in range(num_articles):
            accession = f"PMC{len(self.articles) + 1}.1"
            group = str(self.rng.choice(["commercial", "noncommercial", "other"]))
            self.articles[accession] = {
                "accession": accession,
                "license_group": group,
                "year": int(self.rng.integers(1990, 2026)),
            }

    def add_images(self, num_images: int) -> None:
        for _ in range(num_images):
            self.add_image(self.name(), **self.looks())

    def add_crowd(self, num_images: int) -> None:
        """Images of one 64-bit hash, each with another 256-bit one."""
        for _ in range(num_images):
            self.add_image(f"crowd{self.name()}", phash_trimmed=7, phash256_trimmed=self.rng.bytes(32))

    def add_image(self, name: str, **values: Any) -> None:
        self.images[name] = image(name, width_px=int(self.rng.integers(1, 4)), **values)
        self.add_medium(name)

    def name(self) -> str:
        return f"{self.rng.integers(2**62):016x}" * 4

    def looks(self) -> dict[str, Any]:
        """Pixels, entropy and hashes of an image near one of ten centres."""
        centres = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 10)
        flips = np.left_shift(np.int64(1), self.rng.integers(0, 63, self.rng.integers(0, 8)))
        fine = self.rng.integers(0, 256, 4, np.uint8).tobytes() if self.rng.random() < 0.7 else self.rng.bytes(16)
        return {
            "pixels_sha256": self.name(),
            "entropy_bits": float(self.rng.choice([0.5, 5.0], p=[0.1, 0.9])),
            "phash_trimmed": int(np.bitwise_xor.reduce(np.append(flips, self.rng.choice(centres)))),
            "phash256_trimmed": fine.ljust(32, b"\0"),
        }

    def add_copies(self, num_copies: int) -> None:
        for known in self.rng.choice(sorted(self.images), num_copies):
            name = self.name()
            self.images[name] = self.images[known] | {"image_sha256": name}
            self.add_medium(name)

    def add_medium(self, image_name: str, accession: str | None = None) -> None:
        name = f"{self.rng.integers(2**62)}.jpg"
        accession = accession or str(self.rng.choice(sorted(self.articles)))
        self.media[name] = {"accession": accession, "media_name": name, "image_sha256": image_name}

    def change(self) -> None:
        """Images come, go and look otherwise, known ones are used again, articles change licence and year, the crowd grows."""
        ordinary = [name for name in sorted(self.images) if not name.startswith("crowd")]
        chosen = self.rng.choice(ordinary, 20, replace=False).tolist()
        for name in chosen[:12]:
            del self.images[name]
            self.media = {key: row for key, row in self.media.items() if row["image_sha256"] != name}
        for name in chosen[12:]:
            self.images[name] |= self.looks()
        for accession in self.rng.choice(sorted(self.articles), 2, replace=False):
            self.articles[accession] |= {"license_group": "commercial", "year": 1980}
        self.add_articles(2)
        self.add_images(12)
        self.add_copies(8)
        self.add_crowd(4)
        for name in self.rng.choice(sorted(self.images), 12).tolist():
            self.add_medium(name)
        for name in self.rng.choice(sorted(self.images), 12).tolist():
            self.add_medium(name, "PMC0.1")  # an article that was not extracted

    def write(self, lake: Lake) -> None:
        for table, rows in ((IMAGES, self.images), (MEDIA, self.media), (ARTICLES, self.articles)):
            lake.sync(table, frame(lake.spark, table, *rows.values()))


def settings_for(lake: Lake, *overrides: str) -> Settings:
    return load_settings("local", [f"lake.uri={lake.settings.uri}", "duplicates.min_entropy_bits=1", *overrides])


def decide(lake: Lake, *overrides: str) -> StageResult:
    return run_stage(lake.spark, settings_for(lake, *overrides), RunContext.new(), find_duplicates, STAGE)


def tables(lake: Lake) -> tuple[list[Any], list[Any]]:
    return collected(lake.read(DUPLICATES)), collected(lake.read(HASH_PAIRS))


@pytest.mark.slow
def test_runs_after_changes_equal_a_full_run_whatever_the_partitioning(lake: Lake, empty_lake: Path, tmp_path: Path) -> None:
    world = World(np.random.default_rng(11))
    world.add_articles(8)
    world.add_images(60)
    world.add_copies(15)
    world.add_crowd(MAX_LOOKS - 4)
    world.add_image("crowd, beside", phash_trimmed=6, phash256_trimmed=b"\xff" * 32)
    has_pair = []
    for num_changes in range(3):  # the crowd has less looks than are kept, then as many, then more
        if num_changes:
            world.change()
        world.write(lake)
        decide(lake)
        has_pair.append(not lake.read(HASH_PAIRS).where("lower_phash = 6 AND upper_phash = 7").isEmpty())
    assert has_pair == [False, False, True]
    afresh = Lake(lake.spark, LakeSettings(uri=str(copytree(empty_lake, tmp_path / "afresh"))))
    world.write(afresh)
    decide(afresh, "duplicates.images_per_task=5", "duplicates.max_broadcast_bytes=1", "duplicates.hashes_per_task=200")
    assert tables(lake) == tables(afresh)
    assert {row["kind"] for row in lake.read(DUPLICATES).collect()} == set(KINDS)


def test_featureless_images_of_one_hash_are_spread_by_their_pixels(spark: SparkSession) -> None:
    rows = [image(f"{number:03d}", pixels_sha256=str(number // 2), entropy_bits=0.5) for number in range(200)]
    nodes = comparable_images(frame(spark, IMAGES, *rows), SETTINGS).selectExpr("*", "7L AS component")
    uses = image_uses(media(spark, {row["image_sha256"]: "1" for row in rows}), articles(spark))
    placed = ranked_images(nodes.join(uses, "image_sha256"), 20).selectExpr("pixels_sha256", "spark_partition_id() AS task")
    assert placed.distinct().count() == 100
    assert placed.select("task").distinct().count() > 10


def test_other_settings_decide_everything_again_only_where_they_decide(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[bool] = []

    def watched(lake: Lake, nodes: DataFrame, is_all: bool, settings: Settings) -> DataFrame:
        decided.append(is_all)
        return original(lake, nodes, is_all, settings)

    original = find_duplicates.decide
    monkeypatch.setattr(find_duplicates, "decide", watched)
    for override in ("max_articles_per_image=50", "max_articles_per_image=51", "max_distance=5"):
        decide(lake, f"duplicates.{override}")
    assert decided == [True, False, True]


def test_a_run_that_ends_before_the_graph_is_saved_is_made_good(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run takes its place: its table is the one the interrupted run wrote, its graph the one it did not."""
    lake.append(ARTICLES, articles(lake.spark))
    lake.append(MEDIA, media(lake.spark, {"a": "1", "b": "1", "c": "1"}))
    lake.append(IMAGES, frame(lake.spark, IMAGES, image("a", phash_trimmed=0), image("b", phash_trimmed=1)))
    decide(lake)
    lake.append(IMAGES, frame(lake.spark, IMAGES, image("c", phash_trimmed=3)))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(find_duplicates, "save_graph", killed)
        with pytest.raises(KeyboardInterrupt):
            decide(lake)
    assert collected(lake.read(HASH_PAIRS)) == [(0, 1, 1)]
    decide(lake)
    assert collected(lake.read(HASH_PAIRS)) == [(0, 1, 1), (0, 3, 2), (1, 3, 1)]
    assert collected(lake.read(DUPLICATES), "image_sha256", "canonical_sha256") == [(name, "a") for name in "abc"]


def test_only_touched_components_are_decided_again_unless_others_changed_the_table(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided: list[set[str]] = []

    def watched(lake: Lake, nodes: DataFrame, *others: Any) -> DataFrame:
        decided.append({row["image_sha256"] for row in nodes.collect()})
        return original(lake, nodes, *others)

    original = find_duplicates.decide
    monkeypatch.setattr(find_duplicates, "decide", watched)
    crowd = {name: image(name, phash_trimmed=value) for name, value in (("a", 0), ("b", 1), ("y", -1), ("z", -2))}
    places = dict.fromkeys(crowd, "1")
    for table, rows in ((IMAGES, frame(lake.spark, IMAGES, *crowd.values())), (ARTICLES, articles(lake.spark))):
        lake.sync(table, rows)
    lake.sync(MEDIA, media(lake.spark, places))
    decide(lake)
    lake.sync(IMAGES, frame(lake.spark, IMAGES, *crowd.values(), image("c", phash_trimmed=3)))
    lake.sync(MEDIA, media(lake.spark, places | {"b": "11", "c": "1"}))
    decide(lake)
    right = [("a", "a", 1), ("b", "a", 2), ("c", "a", 1), ("y", "y", 1), ("z", "y", 1)]
    assert collected(lake.read(DUPLICATES), "image_sha256", "canonical_sha256", "num_media") == right
    lake.spark.sql(f"UPDATE {lake.identifier(DUPLICATES)} SET num_media = 77 WHERE image_sha256 = 'z'")
    decide(lake)
    assert collected(lake.read(DUPLICATES), "image_sha256", "canonical_sha256", "num_media") == right
    assert decided == [set("abyz"), set("abc"), set("abcyz")]


def test_an_image_that_is_hashed_anew_finds_its_neighbours(lake: Lake) -> None:
    lake.append(ARTICLES, articles(lake.spark))
    lake.append(MEDIA, media(lake.spark, {"a": "1", "y": "1"}))
    lake.append(IMAGES, frame(lake.spark, IMAGES, image("a", phash_trimmed=0), image("y", phash_trimmed=-1)))
    decide(lake)
    assert collected(lake.read(DUPLICATES)) == []
    lake.sync(IMAGES, frame(lake.spark, IMAGES, image("a", phash_trimmed=0), image("y", phash_trimmed=1)))
    decide(lake)
    assert collected(lake.read(DUPLICATES), "image_sha256", "canonical_sha256") == [("a", "a"), ("y", "a")]


def test_only_pairs_that_some_images_confirm_stay_in_the_graph(lake: Lake) -> None:
    """Of two images of one hash the second is near another hash's, and with it the pair of hashes goes."""
    other = b"\xff" * 32
    images = {
        "a": image("a", phash_trimmed=0),
        "b": image("b", phash_trimmed=1),
        "b2": image("b2", phash_trimmed=1, phash256_trimmed=other),
        "c": image("c", phash_trimmed=3, phash256_trimmed=other),
    }
    for names, pairs in (("a b b2 c", [(0, 1, 1), (1, 3, 1)]), ("a b c", [(0, 1, 1)])):
        rows = [images[name] for name in names.split()]
        lake.sync(IMAGES, frame(lake.spark, IMAGES, *rows))
        lake.sync(ARTICLES, articles(lake.spark))
        lake.sync(MEDIA, media(lake.spark, dict.fromkeys(names.split(), "1")))
        decide(lake)
        assert collected(lake.read(HASH_PAIRS)) == pairs
    assert collected(lake.read(DUPLICATES), "image_sha256", "canonical_sha256") == [("a", "a"), ("b", "a")]


def test_images_that_get_lost_do_not_add_up(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = {name: image(name) for name in "ab"} | {"older": image("older", hash_version="phash-0")}
    lake.append(IMAGES, frame(lake.spark, IMAGES, *pairs.values()))
    lake.append(ARTICLES, articles(lake.spark))
    lake.append(MEDIA, media(lake.spark, {"a": "1"}))
    with pytest.raises(ReconciliationError, match="2 images to decide, but 1 of them in an article"):
        decide(lake)
    lake.append(MEDIA, media(lake.spark, {"b": "1"}))
    assert decide(lake).counts == Counts(3, 2, 0, {"hash_version": 1})

    def without_b(*given: Any) -> DataFrame:
        return comparable_images(*given).where("image_sha256 <> 'b'")

    monkeypatch.setattr(find_duplicates, "comparable_images", without_b)
    with pytest.raises(ReconciliationError, match=r"3 inputs, but 1 ok \+ 0 rejected \+ 1 filtered"):
        decide(lake, "duplicates.max_distance=5")
