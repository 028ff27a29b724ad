"""An export is refused unless its pairs say in which evaluation sets each image stands, by what real runs have recorded."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from PIL import Image
from pyspark.sql import SparkSession

from conf.load import load_settings
from conf.settings import LakeSettings, Settings, UnusableSettings
from jobs import export_shards, find_eval_overlap
from jobs.decontamination import check_decontaminated, eval_sets
from jobs.entry import job_module
from jobs.stage import RunContext, run_stage
from jobs.tables import Lake
from schemas.duplicates import DUPLICATES
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.images import IMAGES
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS
from schemas.table import Table
from tests.jobs.rows import frame
from tests.udfs.image_samples import encoded, image
from udfs.images import ImageOptions, process_image
from udfs.phash import HASH_VERSION

pytestmark = pytest.mark.spark
STAGES = ("find_duplicates", "find_eval_overlap", "build_pairs")


@dataclass(frozen=True)
class Compared:
    """An archive whose images a set was looked for in, by stages that really ran."""

    lake: Lake
    folder: Path

    def settings(self, *overrides: str, with_set: bool = True) -> Settings:
        named = [f"eval.sets.mine={self.folder / 'set'}"] if with_set else []
        places = [f"lake.uri={self.lake.settings.uri}", f"export.uri={self.lake.settings.uri}/../shards", "export.name=mine"]
        return load_settings("local", [*places, *named, *overrides])

    def run(self, *stages: str, overrides: tuple[str, ...] = (), with_set: bool = True) -> None:
        settings = self.settings(*overrides, with_set=with_set)
        for stage in stages:
            run_stage(self.lake.spark, settings, RunContext.new(), job_module(stage), stage)

    def refusal(self, *overrides: str, with_set: bool = True) -> str:
        """Why an export is refused; nothing where it is not."""
        try:
            check_decontaminated(self.lake, self.settings(*overrides, with_set=with_set))
        except UnusableSettings as refusal:
            return str(refusal)
        return ""


@pytest.fixture(scope="module")
def built(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("compared")
    lake = Lake(spark, LakeSettings(uri=str(shutil.copytree(empty_lake, folder / "lake"))))
    record = process_image(encoded(image(), "PNG"), ImageOptions())
    lake.append(IMAGES, frame(spark, IMAGES, asdict(record)))
    (folder / "set").mkdir()
    (folder / "set" / "1.png").write_bytes(encoded(image(), "PNG"))
    made = Compared(lake, folder)
    made.run(*STAGES)
    return made


@pytest.fixture
def compared(built: Compared, tmp_path: Path) -> Compared:
    """A copy of the archive; the set stays where it is."""
    copy = shutil.copytree(built.folder / "lake", tmp_path / "lake")
    return Compared(Lake(built.lake.spark, LakeSettings(uri=str(copy))), built.folder)


def test_what_was_compared_is_exported_and_the_manifest_names_the_set(compared: Compared) -> None:
    compared.lake.spark.sql(f"OPTIMIZE {compared.lake.identifier(IMAGES)}")
    assert (compared.refusal(), compared.refusal(with_set=False), compared.refusal("duplicates.hashes_per_task=5")) == (
        "",
        "",
        "",
    )
    settings = compared.settings(with_set=False)
    export_shards.run(compared.lake.spark, settings, RunContext.new())
    manifest = json.loads((Path(settings.export.uri) / "mine" / "manifest.json").read_text())
    digest = find_eval_overlap.set_at("mine", str(compared.folder / "set")).digest
    assert manifest["eval_sets"] == {"mine": {"digest": digest, "num_unread": 0}}


def test_without_a_comparison_only_an_export_without_sets_is_written(lake: Lake, built: Compared) -> None:
    lake.append(IMAGES, built.lake.read(IMAGES))
    never = Compared(lake, built.folder)
    assert "run find_duplicates, build_pairs before" in never.refusal(with_set=False)
    never.run("find_duplicates", "build_pairs", with_set=False)
    assert never.refusal(with_set=False) == ""
    assert "compared other sets" in never.refusal()


def test_near_images_may_cross_splits_until_duplicates_were_looked_for_among_all(lake: Lake, built: Compared) -> None:
    """Whether or not there are evaluation sets."""
    lake.append(IMAGES, built.lake.read(IMAGES))
    alone = Compared(lake, built.folder)
    alone.run("find_duplicates", "build_pairs", with_set=False)
    lake.append(IMAGES, frame(lake.spark, IMAGES, {"image_sha256": "new", "hash_version": HASH_VERSION}))
    assert "may stand in another split" in alone.refusal(with_set=False)
    alone.run("build_pairs", with_set=False)
    assert "run find_duplicates, build_pairs before" in alone.refusal(with_set=False)


@pytest.mark.parametrize(
    "override", ["duplicates.max_distance=2", "duplicates.max_distance_256=3", "eval.sets.other={folder}/set"]
)
def test_an_export_of_other_sets_or_bounds_than_were_compared_is_refused(compared: Compared, override: str) -> None:
    assert "compared other sets or contents" in compared.refusal(override.format(folder=compared.folder))
    if "sets" not in override:
        assert "compared other sets or contents" in compared.refusal(override, with_set=False)


@pytest.mark.parametrize(
    ("table", "stages"),
    [
        (IMAGES, "find_duplicates, find_eval_overlap, build_pairs"),
        (DUPLICATES, "find_duplicates, build_pairs"),
        (EVAL_OVERLAP, "find_eval_overlap, build_pairs"),
        (PAIRS, "build_pairs"),
    ],
)
def test_an_export_is_refused_while_a_table_is_not_what_the_runs_left(compared: Compared, table: Table, stages: str) -> None:
    """As of a run that was killed before it was recorded, or of one stage that ran alone."""
    values = {"split": "train", "license_group": "commercial", "rights": "article"} if table is PAIRS else {}
    if table is DUPLICATES:
        values = {"kind": "near"}
    compared.lake.append(table, frame(compared.lake.spark, table, dict.fromkeys(table.key, "new") | values))
    for with_set in (True, False):
        told = compared.refusal(with_set=with_set)
        assert "have changed since these were looked at" in told
        assert f"run {stages} before" in told


@pytest.mark.parametrize("override", ["duplicates.max_distance=0", "duplicates.min_entropy_bits=7"])
def test_clusters_made_under_other_bounds_than_the_export_s_are_refused(compared: Compared, override: str) -> None:
    compared.run("find_duplicates", overrides=(override,))
    compared.run("find_eval_overlap", "build_pairs")
    assert "run find_duplicates, build_pairs before" in compared.refusal()
    compared.run("find_duplicates", "build_pairs")
    assert compared.refusal() == ""


def test_pairs_that_were_built_before_the_last_comparison_are_not_exported(compared: Compared) -> None:
    row = {"image_sha256": "gone", "eval_set": "mine"}
    compared.lake.append(EVAL_OVERLAP, frame(compared.lake.spark, EVAL_OVERLAP, row))
    compared.run("find_eval_overlap")
    assert "run build_pairs before" in compared.refusal()
    compared.run("build_pairs")
    assert compared.refusal() == ""


def test_an_export_is_refused_while_images_of_a_set_are_unread_until_that_is_accepted(compared: Compared, tmp_path: Path) -> None:
    other, more = tmp_path / "other", tmp_path / "more"
    picture = encoded(image(), "PNG")
    for folder in (other, more):
        folder.mkdir()
        (folder / "whole.png").write_bytes(picture)
    (other / "one colour.png").write_bytes(encoded(Image.new("RGB", (99, 99)), "PNG"))
    (other / "labels.csv").write_text("name,label")
    sets = (f"eval.sets.other={other}", f"eval.sets.more={more}")
    compared.run("find_eval_overlap", "build_pairs", overrides=sets)
    assert compared.refusal(*sets) == ""
    (other / "half.png").write_bytes(picture[: len(picture) // 2])
    (other / "images.zip").write_bytes(b"PK\3\4\0\0")
    (more / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    compared.run("find_eval_overlap", "build_pairs", overrides=sets)
    told = compared.refusal(*sets)
    assert "read of 1 files or rows of more (first more/photo.heic: unsupported, HEIF" in told
    assert "; of 2 files or rows of other (first other/half.png: truncated, " in told
    assert "eval.allow_unread='[more, other]'" in told
    assert "no image could be read" in compared.refusal(with_set=False)
    assert "rows of more" in compared.refusal("eval.allow_unread=[other]", *sets)
    assert compared.refusal("eval.allow_unread=[more, other]", *sets) == ""
    assert {name: found["num_unread"] for name, found in eval_sets(compared.lake).items()} == {"mine": 0, "other": 2, "more": 1}
    # Nor does the refusal hang on rows that somebody may delete.
    compared.lake.spark.sql(f"DELETE FROM {compared.lake.identifier(REJECTS)}")
    assert "run find_eval_overlap, build_pairs before" in compared.refusal("eval.allow_unread=[more, other]", *sets)
    compared.run("find_eval_overlap", "build_pairs", overrides=sets)
    assert "no image could be read" in compared.refusal(*sets)


def test_an_export_that_lies_there_is_not_up_to_date_while_its_pairs_may_not_be_trained_on(compared: Compared) -> None:
    compared.run("export_shards")
    row = dict.fromkeys(DUPLICATES.key, "new") | {"kind": "near"}
    compared.lake.append(DUPLICATES, frame(compared.lake.spark, DUPLICATES, row))
    for with_set in (True, False):
        with pytest.raises(UnusableSettings, match="may stand in another split"):
            compared.run("export_shards", with_set=with_set)
    compared.run("find_duplicates", "build_pairs", "export_shards")


def test_a_file_replaced_by_one_of_its_size_and_time_is_another_set(compared: Compared, tmp_path: Path) -> None:
    folder = shutil.copytree(compared.folder / "set", tmp_path / "other")
    moved = Compared(compared.lake, tmp_path)
    (tmp_path / "other").rename(tmp_path / "set")
    file = folder.with_name("set") / "1.png"
    moved.run("find_eval_overlap", "build_pairs", overrides=("eval.allow_removed=[mine]",))
    assert moved.refusal() == ""
    before, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "compared other sets or contents" in moved.refusal()
