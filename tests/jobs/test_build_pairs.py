"""Figures to pairs: which image, which are left out and why, and splits that leak nothing."""

import hashlib
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings, PairSettings
from jobs.boilerplate import common_images
from jobs.build_pairs import (
    assign_split,
    judged_figures,
    largest_media,
    mentions_of_figures,
    pairs_of,
    preferred_versions,
    with_documents_told,
)
from jobs.near_components import near_components
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS
from schemas.duplicates import DUPLICATES
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.figures import FIGURES
from schemas.images import IMAGES
from schemas.media import MEDIA
from schemas.mentions import MENTIONS
from schemas.pairs import PAIRS
from tests.components import components
from tests.jobs.rows import collected, frame

pytestmark = pytest.mark.spark
SETTINGS = PairSettings(val_fraction=0.3, test_fraction=0.3)


def article(accession: str, **values: Any) -> dict[str, Any]:
    pmcid, version = accession.split(".")
    return {"accession": accession, "pmcid": pmcid, "version": int(version), "license_in_force": "CC BY"} | values


def figure(accession: str, figure_id: str, *media_names: str, **values: Any) -> dict[str, Any]:
    defaults = {"kind": "figure", "rights": "article", "graphic_ref": "g", "media_names": list(media_names)}
    return {"accession": accession, "figure_id": figure_id} | defaults | values


def medium(accession: str, name: str, image: str, num_bytes: int = 1) -> dict[str, Any]:
    return {"accession": accession, "media_name": name, "image_sha256": image, "num_bytes": num_bytes}


def image(name: str, width: int = 100, height: int = 100, phash: int | None = None) -> dict[str, Any]:
    """A rather different image for each name; those whose hashes are given are near each other as these are."""
    digest = hashlib.sha256(name.encode()).digest()
    hashes = (int.from_bytes(digest[:8], "big", signed=True), digest) if phash is None else (phash, bytes(32))
    about = {"phash_trimmed": hashes[0], "phash256_trimmed": hashes[1], "entropy_bits": 5.0}
    return {"image_sha256": name, "pixels_sha256": name, "width_px": width, "height_px": height} | about


def duplicate(name: str, canonical: str, connected: str = "") -> dict[str, Any]:
    about = {"cluster_id": f"cluster of {canonical}", "component_id": f"cluster of {connected or canonical}", "kind": "near"}
    return {"image_sha256": name, "canonical_sha256": canonical} | about


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("published", ["PMC1.1", "PMC2.10", "PMC3.2"]),
        ("highest", ["PMC1.2", "PMC2.10", "PMC3.2"]),
        ("all", ["PMC1.1", "PMC1.2", "PMC2.10", "PMC2.9", "PMC3.1", "PMC3.2"]),
    ],
)
def test_the_policy_says_which_versions_are_preferred(spark: SparkSession, policy: str, expected: list[str]) -> None:
    versions = [
        article("PMC1.1"),
        article("PMC1.2", is_manuscript=True),
        article("PMC2.9"),
        article("PMC2.10"),
        article("PMC3.1", is_manuscript=True),
        article("PMC3.2", is_manuscript=True),
    ]
    preferred = preferred_versions(frame(spark, ARTICLES, *versions), policy).where("is_preferred")
    assert [name for (name,) in collected(preferred, "accession")] == expected


def test_the_largest_raster_of_a_figure_is_taken_whatever_its_name(spark: SparkSession) -> None:
    figures = [
        figure("PMC1.1", "f1", "a.gif", "a.jpg", "a.png"),
        figure("PMC1.1", "f2", "same.gif", "same.jpg"),
        figure("PMC1.1", "f3", "lost.jpg"),
        figure("PMC2.1", "f1", "a.jpg"),
    ]
    media = [
        medium("PMC1.1", "a.gif", "thumb"),
        medium("PMC1.1", "a.jpg", "wide", num_bytes=1),
        medium("PMC1.1", "a.png", "tall", num_bytes=9),
        medium("PMC1.1", "same.gif", "thumb", num_bytes=5),
        medium("PMC1.1", "same.jpg", "thumb", num_bytes=6),
        medium("PMC2.1", "a.jpg", "thumb"),
    ]
    images = [image("thumb", 10, 10), image("wide", 60_000, 60_000), image("tall", 300, 3_000)]
    chosen = largest_media(frame(spark, FIGURES, *figures), frame(spark, MEDIA, *media), frame(spark, IMAGES, *images))
    assert collected(chosen, "accession", "figure_id", "media_name", "image_sha256", "width_px") == [
        ("PMC1.1", "f1", "a.jpg", "wide", 60_000),
        ("PMC1.1", "f2", "same.jpg", "thumb", 10),
        ("PMC2.1", "f1", "a.jpg", "thumb", 10),
    ]


def test_an_article_is_relicensed_if_its_own_version_is(spark: SparkSession) -> None:
    documents = [{"accession": f"PMC1.{n}", "state": "stored", "is_relicensed": n == 2} for n in (1, 2, 3)]
    versions = frame(spark, ARTICLES, article("PMC1.1"), article("PMC1.2"))
    told = with_documents_told(versions, frame(spark, DOCUMENTS, *documents))
    assert collected(told, "accession", "is_relicensed") == [("PMC1.1", False), ("PMC1.2", True)]


def test_an_article_is_retracted_if_any_known_version_of_it_is(spark: SparkSession) -> None:
    versions = [article("PMC1.1"), article("PMC2.1"), article("PMC2.2", is_retracted=True), article("PMC10.1")]
    documents = [
        {"accession": "PMC1.1", "state": "stored"},
        {"accession": "PMC1.2", "state": "filtered", "is_retracted": True},
        {"accession": "PMC3.1", "state": "stored", "is_retracted": True},
    ]
    known = with_documents_told(preferred_versions(frame(spark, ARTICLES, *versions)), frame(spark, DOCUMENTS, *documents))
    assert collected(known, "accession", "is_retracted", "is_preferred") == [
        ("PMC1.1", True, True),
        ("PMC10.1", False, True),
        ("PMC2.1", True, False),
        ("PMC2.2", True, True),
    ]


@pytest.fixture(scope="module")
def judged(spark: SparkSession) -> dict[str, tuple[str | None, str | None]]:
    """(filtered, reason) of figures that are each out of the ordinary in one way."""
    articles = [
        article("PMC1.1"),
        article("PMC2.1", is_retracted=True),
        article("PMC3.1", license_in_force="TDM"),
        article("PMC4.1"),
        article("PMC4.2"),
        article("PMC5.1"),
    ]
    figures = [
        figure("PMC1.1", "good", "a.jpg"),
        figure("PMC1.1", "inline", "a.jpg", kind="inline"),
        figure("PMC1.1", "video", kind="video", graphic_ref=None),
        figure("PMC1.1", "no_graphic", graphic_ref=None),
        figure("PMC1.1", "no_file"),
        figure("PMC1.1", "broken_file", "broken.jpg"),
        figure("PMC1.1", "logo", "logo.gif"),
        figure("PMC1.1", "others", "a.jpg", rights="third_party"),
        figure("PMC3.1", "licensed", "a.jpg", rights="own_license", license_code="CC BY-NC"),
        figure("PMC2.1", "retracted", "a.jpg"),
        figure("PMC3.1", "other_license", "a.jpg"),
        figure("PMC4.1", "old_version", "a.jpg"),
        figure("PMC4.2", "new_version", "a.jpg"),
        figure("PMC5.1", "relicensed", "a.jpg"),
    ]
    chosen = [(f["accession"], f["figure_id"], "a.jpg", "logo" if f["figure_id"] == "logo" else "image", 9, 9) for f in figures]
    found = spark.createDataFrame(
        [row for row in chosen if row[1] not in ("no_file", "broken_file", "video", "no_graphic")],
        "accession string, figure_id string, media_name string, image_sha256 string, width_px int, height_px int",
    )
    logos = spark.createDataFrame([("logo", "boilerplate")], "image_sha256 string, filtered string")
    settings = PairSettings(license_groups=("commercial", "noncommercial"))
    told = frame(spark, DOCUMENTS, {"accession": "PMC5.1", "state": "stored", "is_relicensed": True})
    about = with_documents_told(preferred_versions(frame(spark, ARTICLES, *articles)), told)
    rows = judged_figures(frame(spark, FIGURES, *figures), about, found, logos, settings).collect()
    assert len(rows) == len(figures)
    return {row["figure_id"]: (row["filtered"], row["reason"]) for row in rows}


@pytest.mark.parametrize(
    ("figure_id", "filtered", "reason"),
    [
        ("good", None, None),
        ("new_version", None, None),
        ("inline", "kind", None),
        ("video", "kind", None),
        ("no_graphic", "no_graphic", None),
        ("no_file", None, "no_media"),
        ("broken_file", None, "media_rejected"),
        ("logo", "boilerplate", None),
        ("others", "license_group", None),
        ("licensed", None, None),
        ("retracted", "retracted", None),
        ("other_license", "license_group", None),
        ("old_version", "superseded", None),
        ("relicensed", "relicensed", None),
    ],
)
def test_every_figure_is_paired_filtered_or_refused_for_one_reason(
    judged: dict[str, tuple[str | None, str | None]], figure_id: str, filtered: str | None, reason: str | None
) -> None:
    assert judged[figure_id] == (filtered, reason)


def test_mentions_keep_their_reading_order(spark: SparkSession) -> None:
    numbers = [11, 2, 0, 1, 10]
    rows = [{"accession": "PMC1.1", "figure_id": "f1", "mention_no": n, "paragraph": f"paragraph {n}"} for n in numbers]
    found = mentions_of_figures(frame(spark, MENTIONS, *rows)).collect()
    assert [mention["paragraph"] for mention in found[0]["mentions"]] == [f"paragraph {n}" for n in sorted(numbers)]
    assert list(found[0]["mentions"][0].asDict()) == ["section_path", "paragraph", "start", "end"]


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.0), (0.2, 0.1), (0.0, 0.5)])
def test_groups_are_split_in_about_the_wanted_shares(spark: SparkSession, val: float, test: float) -> None:
    groups = spark.range(4000).select(F.concat(F.lit("PMC"), "id").alias("split_group"))
    split = assign_split(PairSettings(val_fraction=val, test_fraction=test)).alias("split")
    counts = {row["split"]: row["count"] for row in groups.groupBy(split).count().collect()}
    assert counts.get("val", 0) / 4000 == pytest.approx(val, abs=0.03)
    assert counts.get("test", 0) / 4000 == pytest.approx(test, abs=0.03)
    assert (val > 0) == ("val" in counts)


def test_another_seed_splits_otherwise(spark: SparkSession) -> None:
    groups = spark.range(200).select(F.col("id").cast("string").alias("split_group"))
    splits = [assign_split(PairSettings(val_fraction=0.5, split_seed=seed)).alias(str(seed)) for seed in (1, 2)]
    rows = groups.select(*splits).collect()
    assert 20 < sum(row["1"] != row["2"] for row in rows) < 180


@dataclass(frozen=True)
class World:
    """Random articles that share images and near duplicates of them in places, and the pairs made of them."""

    figures: dict[tuple[str, str], str]
    canonical: dict[str, str]
    connected: dict[str, str]
    pairs: list[Row]

    def cluster(self, row: Row) -> str:
        """The canonical image, or the image itself."""
        image: str = row["image_sha256"]
        return self.canonical.get(image, image)

    def component(self, row: Row) -> str:
        """What connects articles: the best image that near ones lead to, or the image itself."""
        return self.connected.get(self.cluster(row), self.cluster(row))


@pytest.fixture(scope="module")
def world(spark: SparkSession) -> World:
    """300 articles in 75 neighbourhoods: images are shared within each, and now and then with the next."""
    rng = random.Random(11)
    figures = {}
    for number in range(300):
        for position in range(rng.randrange(1, 4)):
            place = number // 4 + (rng.random() < 0.1)
            figures[f"PMC{1000 + number}.1", f"f{position}"] = f"image {place}-{rng.randrange(12)}"
    names = sorted(set(figures.values()))
    canonical = {name: name for name in rng.sample(names, 120)}
    canonical |= {
        name: rng.choice([n for n in canonical if n.split("-")[0] == name.split("-")[0]] or [name]) for name in names[::3]
    }
    canonical |= {name: name for name in set(canonical.values())}
    heads = sorted(set(canonical.values()))
    connected = {head: min(n for n in heads if n.split("-")[0] == head.split("-")[0]) for head in heads[::2]}
    return World(figures, canonical, connected, make_pairs(spark, figures, canonical, connected).collect())


def make_pairs(
    spark: SparkSession,
    figures: dict[tuple[str, str], str],
    canonical: dict[str, str],
    connected: dict[str, str],
    hashes: dict[str, int] | None = None,
    overlap: dict[str, str] | None = None,
) -> DataFrame:
    found = frame(spark, FIGURES, *(figure(accession, name, f"{name}.jpg") for accession, name in figures))
    media = frame(spark, MEDIA, *(medium(accession, f"{name}.jpg", sha) for (accession, name), sha in figures.items()))
    accessions = sorted({accession for accession, _ in figures})
    articles = frame(spark, ARTICLES, *(article(name, year=2000 + int(name[4:6])) for name in accessions))
    images = frame(spark, IMAGES, *(image(name, phash=(hashes or {}).get(name)) for name in set(figures.values())))
    duplicates = frame(spark, DUPLICATES, *(duplicate(name, best, connected.get(best, "")) for name, best in canonical.items()))
    mentions = frame(spark, MENTIONS, {"accession": "PMC1000.1", "figure_id": "f0"})
    chosen = largest_media(found, media, images)
    about = with_documents_told(preferred_versions(articles), frame(spark, DOCUMENTS))
    boilerplate = common_images(media, duplicates.selectExpr("image_sha256", "cluster_id AS group"), 50)
    boilerplate = boilerplate.selectExpr("*", "'boilerplate' AS filtered")
    judged = judged_figures(found, about, chosen, boilerplate, SETTINGS)
    in_sets = [{"image_sha256": name, "eval_set": eval_set} for name, eval_set in (overlap or {}).items()]
    near = near_components(duplicates, boilerplate, images, DuplicateSettings())
    shown = duplicates.join(near, "image_sha256")
    return pairs_of(judged, mentions, shown, frame(spark, EVAL_OVERLAP, *in_sets), SETTINGS)


def test_every_figure_with_an_image_becomes_one_pair_with_a_safe_key(world: World) -> None:
    assert {(row["accession"], row["figure_id"]): row["image_sha256"] for row in world.pairs} == world.figures
    keys = [row["pair_id"] for row in world.pairs]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"PMC\d+_1_f\d", key) for key in keys)
    assert set(world.pairs[0].asDict()) == set(PAIRS.column_names)


def test_neither_article_nor_image_nor_cluster_nor_near_images_of_two_clusters_cross_splits(world: World) -> None:
    splits = defaultdict(set)
    for row in world.pairs:
        shared = (f"cluster {world.cluster(row)}", f"component {world.component(row)}", f"group {row['split_group']}")
        for owner in (row["accession"], row["image_sha256"], *shared):
            splits[owner].add(row["split"])
    assert {len(found) for found in splits.values()} == {1}
    assert {row["split"] for row in world.pairs} == {"train", "val", "test"}


def test_split_groups_are_the_components_of_articles_and_near_images(world: World) -> None:
    for component in components((row["accession"].split(".")[0], f"component {world.component(row)}") for row in world.pairs):
        members = {name for name in component if name.startswith("PMC")}
        groups = {row["split_group"] for row in world.pairs if row["accession"].split(".")[0] in members}
        assert groups == {min(members)}
    assert len({row["split_group"] for row in world.pairs}) > 20


def test_a_logo_in_too_many_articles_becomes_no_pair_and_connects_none(spark: SparkSession) -> None:
    accessions = [f"PMC{1000 + number}.1" for number in range(51)]
    figures = {(accession, "f0"): f"image of {accession}" for accession in accessions}
    logos = {(accession, "f1"): f"logo {accession[-3]}" for accession in accessions}
    # What looks like some logo and is none by the rule: clusters of their own, each in a few articles, of the logo's component.
    beside = {(accession, "f2"): f"like a logo {accession[-3]}" for accession in accessions[:20]}
    canonical = dict.fromkeys(logos.values(), "logo 0") | {name: name for name in beside.values()}
    connected = dict.fromkeys(beside.values(), "logo 0")
    found = make_pairs(spark, figures | logos | beside, canonical, connected).collect()
    assert {row["image_sha256"] for row in found} == {*figures.values(), *beside.values()}
    groups = Counter(row["split_group"] for row in found if row["figure_id"] == "f0")
    assert sorted(groups.values()) == [*[1] * 31, *[2] * 10]
    # Three of them are near each other, the first and the last by way of the second alone: they still connect their articles.
    hashes = {"like a logo 0": 0, "like a logo 1": 0b111111, "like a logo 2": 0b111111111111}
    near = make_pairs(spark, figures | logos | beside, canonical, connected, hashes).collect()
    groups = Counter(row["split_group"] for row in near if row["figure_id"] == "f0")
    assert sorted(groups.values()) == [*[1] * 31, *[2] * 7, 6]
    # One article fewer, and the same picture connects them all.
    fewer = {key: name for key, name in (figures | logos).items() if key[0] != accessions[-1]}
    assert {row["split_group"] for row in make_pairs(spark, fewer, canonical, {}).collect()} == {"PMC1000"}


def test_one_pair_stands_for_each_cluster_with_the_canonical_image_if_any_pair_has_it(world: World) -> None:
    clusters = defaultdict(list)
    for row in world.pairs:
        clusters[world.cluster(row)].append(row)
    assert any(len(rows) > 1 for rows in clusters.values())
    for best, rows in clusters.items():
        assert sorted(row["cluster_rank"] for row in rows) == list(range(1, len(rows) + 1))
        (chosen,) = [row for row in rows if row["is_canonical"]]
        assert chosen["cluster_rank"] == 1
        holders = [row for row in rows if row["image_sha256"] == best] or rows
        assert chosen["accession"] == min(row["accession"] for row in holders)


def test_what_chains_of_near_images_connect_with_an_image_of_an_evaluation_set_stands_in_it_too(spark: SparkSession) -> None:
    names = ("cropped", "cropped further", "near the last", "alone", "not near")
    figures = {(f"PMC{1000 + number}.1", "f0"): name for number, name in enumerate(names)}
    canonical = {"cropped": "cropped", "cropped further": "cropped", "in no pair": "cropped", "near the last": "near the last"}
    connected = {"cropped": "the chain", "near the last": "the chain"}
    in_sets = {"cropped": "one", "in no pair": "two", "alone": "one"}
    found = make_pairs(spark, figures, canonical, connected, overlap=in_sets).collect()
    assert {row["image_sha256"]: row["eval_overlap"] for row in found} == {
        **{name: ["one", "two"] for name in names[:3]},
        "alone": ["one"],
        "not near": [],
    }


def test_cluster_ids_are_null_without_duplicates_and_mentions_empty_without_any(world: World) -> None:
    for row in world.pairs:
        expected = world.canonical.get(row["image_sha256"])
        assert row["cluster_id"] == (f"cluster of {expected}" if expected else None)
        assert len(row["mentions"]) == ((row["accession"], row["figure_id"]) == ("PMC1000.1", "f0"))
    assert any(row["cluster_id"] is None for row in world.pairs)
