"""An export is refused unless its pairs say in which evaluation sets each image stands, by what real runs have recorded."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
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
from tests.jobs.rows import DAY_1, frame
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


UNREAD = ("too_large", "truncated", "unsupported", "not_an_image", "fetch_failed")


def test_an_export_is_refused_while_images_of_a_set_are_unread_until_that_is_accepted(compared: Compared) -> None:
    reject = {"stage": "find_eval_overlap", "detail": "why", "attempts": 1, "first_seen": DAY_1, "last_seen": DAY_1}

    def add(key: str, reason: str) -> None:
        compared.lake.append(REJECTS, frame(compared.lake.spark, REJECTS, reject | {"key": key, "reason": reason}))

    add("mine/one colour.png", "blank")
    assert compared.refusal() == ""
    assert eval_sets(compared.lake)["mine"]["num_unread"] == 0
    for reason in UNREAD:
        add(f"mine/{reason}.png", reason)
        for with_set in (True, False):
            assert "no image could be read of" in compared.refusal(with_set=with_set)
        assert compared.refusal("eval.allow_unread=[mine]") == ""
    add("other/1.png", "truncated")
    told = compared.refusal("eval.allow_unread=[mine]")
    assert "of 1 files or rows of other (first other/1.png: truncated, why)" in told
    assert "eval.allow_unread='[other]'" in told
    assert "of 5 files or rows of mine (first mine/fetch_failed.png: fetch_failed, why); of 1 files" in compared.refusal()
    assert compared.refusal("eval.allow_unread=[mine, other]") == ""
    assert eval_sets(compared.lake)["mine"]["num_unread"] == len(UNREAD)


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
