"""Which pairs are exported, where each goes, and what lies in the export's folder afterwards."""

import hashlib
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from conf.load import load_settings
from conf.settings import ExportSettings, Settings, UnusableSettings
from jobs import export_shards
from jobs.export_shards import filtered_pairs, sample_rows, shard_counts, shard_rows, with_shard
from jobs.stage import RunContext, run_stage
from jobs.tables import CHANGE, Lake
from schemas.images import IMAGES
from schemas.pairs import PAIRS
from schemas.shards import SHARDS
from tests.jobs.rows import collected, frame
from udfs.phash import HASH_VERSION

pytestmark = pytest.mark.spark
RECIPE = ExportSettings(uri="unused", samples_per_shard=40, license_groups=("commercial",))


def older(spark: SparkSession, *names: str) -> DataFrame:
    return spark.createDataFrame([(f"image of {name}",) for name in names], "image_sha256 string")


def pair(name: str, **values: Any) -> dict[str, Any]:
    defaults = {"license_group": "commercial", "rights": "article", "split": "train", "caption": f"Caption of {name}"}
    return {"pair_id": name, "image_sha256": f"image of {name}"} | defaults | values


def test_the_recipe_filters_pairs_for_one_reason_each(spark: SparkSession) -> None:
    pairs = frame(
        spark,
        PAIRS,
        pair("good", cluster_id="seen twice"),
        pair("copy", cluster_id="seen twice", cluster_rank=2),
        pair("others", rights="third_party", license_group="other"),
        pair("own", rights="own_license"),
        pair("not_free", license_group="noncommercial", caption=None),
        pair("unchangeable", is_no_derivatives=True, caption=None),
        pair("silent", caption=None),
        pair("examined", eval_overlap=["medmnist"], caption=None),
        pair("uncompared", split="test"),
        pair("examined_elsewhere", eval_overlap=["medmnist"], split="val"),
    )
    expected = [
        ("copy", "duplicate"),
        ("examined", "eval_overlap"),
        ("examined_elsewhere", None),
        ("good", None),
        ("not_free", "license_group"),
        ("others", "rights"),
        ("own", None),
        ("silent", "no_caption"),
        ("unchangeable", "no_derivatives"),
        ("uncompared", "hash_version"),
    ]
    assert collected(filtered_pairs(pairs, older(spark, "uncompared"), RECIPE), "pair_id", "filtered") == expected
    wide = RECIPE.model_copy(
        update={
            "canonical_only": False,
            "license_groups": ("commercial", "noncommercial", "other"),
            "include_no_derivatives": True,
            "rights": ("article", "third_party"),
        }
    )
    kept = filtered_pairs(pairs.where("caption IS NOT NULL"), older(spark, "uncompared"), wide).where("filtered IS NULL")
    assert collected(kept, "pair_id") == [("copy",), ("examined_elsewhere",), ("good",), ("others",)]


def test_others_figures_and_unchangeable_ones_stay_out_by_default(spark: SparkSession) -> None:
    default = ExportSettings(uri="unused")
    pairs = frame(spark, PAIRS, pair("others", rights="third_party"), pair("fixed", is_no_derivatives=True), pair("own"))
    assert collected(filtered_pairs(pairs, older(spark), default).where("filtered IS NULL"), "pair_id") == [("own",)]


REASONS: dict[str, dict[str, Any]] = {
    "license_group": {"license_group": "noncommercial"},
    "rights": {"rights": "third_party"},
    "no_derivatives": {"is_no_derivatives": True},
    "no_caption": {"caption": None},
    "eval_overlap": {"eval_overlap": ["medmnist"]},
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_next_pair_of_a_cluster_stands_for_it_where_the_recipe_leaves_out_the_first(spark: SparkSession, reason: str) -> None:
    pairs = [
        pair("first", cluster_id="c", cluster_rank=1, is_canonical=True, **REASONS[reason]),
        pair("third", cluster_id="c", cluster_rank=3),
        pair("second", cluster_id="c", cluster_rank=2),
        pair("alone"),
        pair("older", cluster_id="c", cluster_rank=0),
    ]
    judged = filtered_pairs(frame(spark, PAIRS, *pairs), older(spark, "older"), RECIPE)
    expected = [("alone", None), ("first", reason), ("older", "hash_version"), ("second", None), ("third", "duplicate")]
    assert collected(judged, "pair_id", "filtered") == expected


@pytest.fixture(scope="module")
def samples(spark: SparkSession) -> DataFrame:
    """201 samples for training, 40 for validation, one for testing."""
    names = [("train", n) for n in range(201)] + [("val", n) for n in range(40)] + [("test", 0)]
    return frame(spark, PAIRS, *(pair(f"{split}{number}", split=split) for split, number in names)).cache()


def test_splits_get_the_shards_that_they_need(samples: DataFrame) -> None:
    assert shard_counts(samples, RECIPE) == {"train": 6, "val": 1, "test": 1}


def places(samples: DataFrame, recipe: ExportSettings) -> dict[str, tuple[str, int]]:
    rows = with_shard(samples, {"train": 6, "val": 1, "test": 1}, recipe).collect()
    return {row["pair_id"]: (row["shard"], row["order"]) for row in rows}


def test_a_sample_has_the_same_place_whatever_the_order_of_the_rows(samples: DataFrame) -> None:
    first = places(samples, RECIPE)
    assert places(samples.repartition(3).orderBy("image_sha256"), RECIPE) == first
    assert {name: shard.split("-")[0] for name, (shard, _) in first.items()} == {
        name: name.rstrip("0123456789") for name in first
    }
    assert {shard for shard, _ in first.values()} == {
        *(f"train-{n:06d}.tar" for n in range(6)),
        "val-000000.tar",
        "test-000000.tar",
    }
    sizes = [sum(shard == f"train-{n:06d}.tar" for shard, _ in first.values()) for n in range(6)]
    assert all(15 < size < 60 for size in sizes)


def test_another_seed_gives_another_order(samples: DataFrame) -> None:
    first, other = places(samples, RECIPE), places(samples, RECIPE.model_copy(update={"seed": 1}))
    assert sum(first[name] != other[name] for name in first) > 200


def test_the_samples_of_a_shard_come_together_and_in_order(spark: SparkSession, samples: DataFrame) -> None:
    images = frame(spark, IMAGES, *({"image_sha256": row["image_sha256"], "image": b"i"} for row in samples.collect()))
    placed = with_shard(samples, {"train": 6, "val": 1, "test": 1}, RECIPE)
    order = {row["pair_id"]: row["order"] for row in placed.collect()}
    parts = sample_rows(placed, images, 3).select("shard", "pair_id").rdd.glom().collect()
    seen: list[str] = []
    for part in parts:
        shards = [row["shard"] for row in part]
        assert shards == sorted(shards)
        seen += sorted(set(shards))
        for shard in set(shards):
            numbers = [order[row["pair_id"]] for row in part if row["shard"] == shard]
            assert numbers == sorted(numbers)
    assert len(seen) == len(set(seen)) == 8


def test_shard_rows_carry_recipe_and_versions(spark: SparkSession) -> None:
    written = spark.createDataFrame(
        [("train-000000.tar", "train", 2, 10, "ab")],
        "shard string, split string, num_samples long, num_bytes long, sha256 string",
    )
    (row,) = shard_rows(written, RECIPE, {"pairs": 3, "images": 4}).collect()
    assert list(row.asDict()) == SHARDS.column_names
    assert (row["export"], row["recipe_hash"], row["table_versions"]) == (
        "default",
        RECIPE.recipe_hash(),
        {"images": 4, "pairs": 3},
    )


def settings_for(lake: Lake, tmp_path: Path, *overrides: str) -> Settings:
    places = [f"lake.uri={lake.settings.uri}", f"export.uri={tmp_path}/shards", "export.name=mine"]
    return load_settings("local", [*places, *overrides])


@pytest.fixture
def archive(lake: Lake) -> Lake:
    """An archive of two pairs for the export and three that it leaves out, the last for hashes of another definition."""
    spark = lake.spark
    pairs = [pair("a"), pair("b", split="val"), pair("c", caption=None), pair("d", license_group="other")]
    plain = {"image_format": "JPEG", "hash_version": HASH_VERSION}
    images = [{"image_sha256": f"image of {name}", "image": f"pixels of {name}".encode()} | plain for name in "abcd"]
    pairs.append(pair("e"))
    images.append({"image_sha256": "image of e", "image": b"e"} | plain | {"hash_version": "phash-0"})
    lake.apply(PAIRS, frame(spark, PAIRS, *pairs).selectExpr("*", f"'insert' AS {CHANGE}"))
    lake.apply(IMAGES, frame(spark, IMAGES, *images).selectExpr("*", f"'insert' AS {CHANGE}"))
    return lake


def test_an_export_under_settings_of_other_hashes_is_refused_before_anything_is_removed(archive: Lake, tmp_path: Path) -> None:
    export_shards.run(archive.spark, settings_for(archive, tmp_path), RunContext.new())
    archive.spark.sql(f"DELETE FROM {archive.identifier(IMAGES)} WHERE hash_version = 'phash-0'")
    other = settings_for(archive, tmp_path, "images.shrink_on_load=true")
    with pytest.raises(UnusableSettings, match=re.escape(f"kind {HASH_VERSION}+shrunk, the archive has {HASH_VERSION} alone")):
        run_stage(archive.spark, other, RunContext.new(), export_shards, export_shards.STAGE)
    assert (tmp_path / "shards" / "mine" / "manifest.json").exists()


def test_an_export_replaces_its_shards_and_leaves_other_files(archive: Lake, tmp_path: Path) -> None:
    lake, folder, settings = archive, tmp_path / "shards" / "mine", settings_for(archive, tmp_path)
    folder.mkdir(parents=True)
    for name in ("train-000007.tar", "notes.txt"):
        (folder / name).write_bytes(b"old")

    counts = export_shards.run(lake.spark, settings, RunContext.new())
    assert (counts.num_in, counts.num_ok, counts.filtered) == (5, 2, {"no_caption": 1, "license_group": 1, "hash_version": 1})
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "notes.txt", "train-000000.tar", "val-000000.tar"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["num_samples"] == {"train": 1, "val": 1}
    assert manifest["table_versions"] == {"pairs": 1, "images": 1}
    for shard in manifest["shards"]:
        data = (folder / shard["shard"]).read_bytes()
        assert (shard["num_bytes"], shard["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    with tarfile.open(folder / "train-000000.tar") as tar:
        assert tar.getnames() == ["a.jpg", "a.txt", "a.json"]
        assert tar.extractfile("a.jpg").read() == b"pixels of a"  # type: ignore[union-attr]
    assert collected(lake.read(SHARDS), "export", "shard", "num_samples") == [
        ("mine", "train-000000.tar", 1),
        ("mine", "val-000000.tar", 1),
    ]


def test_an_export_whose_files_are_gone_is_written_again(archive: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stage has built these pairs: what an export asks of the stages has its tests in test_decontamination."""
    monkeypatch.setattr(export_shards, "guard", lambda *_: None)
    folder, settings = tmp_path / "shards" / "mine", settings_for(archive, tmp_path)

    def written() -> bool:
        counts = run_stage(archive.spark, settings, RunContext.new(), export_shards, export_shards.STAGE).counts
        assert {path.name for path in folder.iterdir()} >= {"manifest.json", "train-000000.tar", "val-000000.tar"}
        return counts is not None

    assert written()
    (folder / "notes.txt").write_text("of somebody else")
    assert not written()
    (folder / "val-000000.tar").write_bytes(b"cut off")
    assert written()
    shutil.rmtree(folder)
    assert written()


def test_an_export_that_is_interrupted_leaves_no_manifest(archive: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, settings = tmp_path / "shards" / "mine", settings_for(archive, tmp_path)
    export_shards.run(archive.spark, settings, RunContext.new())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export_shards, "shard_rows", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_shards.run(archive.spark, settings, RunContext.new())
    assert {path.name for path in folder.iterdir()} == {"train-000000.tar", "val-000000.tar"}
