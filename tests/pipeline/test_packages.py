"""A folder of old packages becomes the same pairs as the same articles in a mirror of the bucket."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs.entry import STAGES, job_module
from jobs.stage import RunContext, StageResult, run_stage
from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import overrides, rows
from tests.udfs.test_source_packages import listed, write_list, write_package

TO_PAIRS = STAGES[: STAGES.index("build_pairs") + 1]
PMCIDS = ("PMC12419688", "PMC99000008", "PMC99000019", "PMC99000023")
# What depends on the other articles of an archive, on when the source was written, or stands in the bucket's metadata alone.
NEIGHBOURS = {"cluster_id", "is_canonical", "cluster_rank", "split", "split_group", "eval_overlap"}
MARKS = {"etag", "citation"}


@dataclass(frozen=True)
class Packages:
    """A folder of packages and the archive that follows it."""

    spark: SparkSession
    folder: Path
    out: Path

    def run(self, **changes: object) -> list[StageResult]:
        """Run the stages up to the pairs, with settings whose dots are written as `__`."""
        changed = [f"{name.replace('__', '.')}={value}" for name, value in changes.items()]
        settings = load_settings("local", [*overrides(self.folder, self.out), *changed])
        context = RunContext.new()
        return [run_stage(self.spark, settings, context, job_module(stage), stage) for stage in TO_PAIRS]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table of the archive."""
        return rows(self.out / "lake", table)


def packed(mirror: Path, folder: Path) -> None:
    """The chosen articles of a mirror as packages in folders of folders, with what else such packages hold."""
    for number, pmcid in enumerate(PMCIDS):
        article = mirror / f"{pmcid}.1"
        files = {path.name: path.read_bytes() for path in article.iterdir() if path.suffix not in {".json", ".txt", ".xml"}}
        files |= {f"{pmcid}.nxml": (article / f"{pmcid}.1.xml").read_bytes(), "main.pdf": b"%PDF", "film.avi": bytes(10_000)}
        write_package(folder / f"{number:02x}/a7/{pmcid}.tar.gz", files, pmcid)


@pytest.fixture(scope="module")
def packages(
    spark: SparkSession, mirror_archive: Archive, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Packages:
    made = Packages(spark, tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("of_packages"))
    packed(mirror_archive.bucket, made.folder)
    shutil.copytree(empty_lake, made.out / "lake")
    made.run()
    return made


def chosen(table: list[dict[str, Any]], without: set[str] = frozenset()) -> list[dict[str, Any]]:  # type: ignore[assignment]
    """Rows of the chosen articles, without some columns."""
    mine = [row for row in table if row["accession"].removesuffix(".1") in PMCIDS]
    return [{name: value for name, value in row.items() if name not in without | MARKS} for row in mine]


def test_packages_become_the_pairs_that_a_mirror_of_them_becomes(packages: Packages, mirror_archive: Archive) -> None:
    expected = chosen(rows(mirror_archive.lake, "pairs"), NEIGHBOURS)
    assert chosen(packages.rows("pairs"), NEIGHBOURS) == expected
    assert {row["accession"] for row in expected} == {f"{pmcid}.1" for pmcid in PMCIDS}
    assert all(row["license_code"] and row["image_sha256"] and row["title"] and row["caption"] for row in expected)


@pytest.mark.parametrize("table", ["articles", "figures", "mentions", "media"])
def test_what_the_pairs_are_made_of_is_the_same_too(packages: Packages, mirror_archive: Archive, table: str) -> None:
    expected = chosen(rows(mirror_archive.lake, table))
    assert expected
    assert chosen(packages.rows(table)) == expected


def test_images_are_the_same_to_the_byte(packages: Packages, mirror_archive: Archive) -> None:
    theirs = {row["image_sha256"]: row for row in rows(mirror_archive.lake, "images")}
    mine = packages.rows("images")
    assert mine
    assert mine == [theirs[row["image_sha256"]] for row in mine]


def test_changed_packages_and_another_list_of_licences_are_followed(packages: Packages, tmp_path: Path) -> None:
    stays, relicensed, gone, changed = (f"{pmcid}.1" for pmcid in PMCIDS)
    later = Packages(packages.spark, tmp_path / "packages", tmp_path)
    shutil.copytree(packages.folder, later.folder)
    shutil.copytree(packages.out / "lake", tmp_path / "lake")
    before = {row["pair_id"]: row for row in later.rows("pairs")}
    write_list(later.folder / "oa_file_list.csv", [listed(relicensed.removesuffix(".1"), "CC BY-NC")])
    (later.folder / f"02/a7/{gone.removesuffix('.1')}.tar.gz").unlink()
    edit_images(later.folder / f"03/a7/{changed.removesuffix('.1')}.tar.gz")
    later.run(source__max_removed_fraction=0.3)
    after = {row["pair_id"]: row for row in later.rows("pairs")}
    assert before.keys() - after.keys() == {name for name, row in before.items() if row["accession"] == gone}
    for name, row in after.items():
        is_changed, is_relicensed = row["accession"] == changed, row["accession"] == relicensed
        assert (row["image_sha256"] == before[name]["image_sha256"]) != is_changed
        assert row["license_group"] == ("noncommercial" if is_relicensed else "commercial")
        assert row["accession"] != stays or row == before[name]
    assert {row["accession"] for row in later.rows("tombstones")} >= {gone, relicensed}


def edit_images(path: Path) -> None:
    """Write a package anew with every picture halved."""
    with tarfile.open(path) as package:
        members = [(member.name, package.extractfile(member)) for member in package]
        files = {Path(name).name: file.read() for name, file in members if file}
    for name in [name for name in files if name.endswith(".jpg")]:
        with Image.open(io.BytesIO(files[name])) as image, io.BytesIO() as stream:
            image.resize((image.width // 2, image.height // 2)).save(stream, "JPEG")
            files[name] = stream.getvalue()
    write_package(path, files, path.name.removesuffix(".tar.gz"))
