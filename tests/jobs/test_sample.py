"""The sample bucket as files: layout, digests, determinism, days."""

import csv
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from conf.settings import UnusableSettings
from jobs.sample import SampleTruth, write_sample

NUM_ARTICLES, SEED = 48, 7
INVENTORY = "inventory-reports/pmc-oa-opendata/metadata"
CSV_LINE = re.compile(r'"pmc-oa-opendata","metadata/PMC\d+\.\d+\.json","2026-\d\d-\d\dT\d\d:00:00\.000Z","[0-9a-f]{32}"')


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTruth]:
    folder = tmp_path_factory.mktemp("bucket")
    return folder, write_sample(folder, NUM_ARTICLES, SEED)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def manifest_rows(folder: Path, day: int) -> dict[str, tuple[str, str]]:
    manifest = json.loads((folder / INVENTORY / f"2026-11-{day:02d}T01-00Z" / "manifest.json").read_text())
    rows = {}
    for part in manifest["files"]:
        data = (folder / part["key"]).read_bytes()
        assert (len(data), md5(data)) == (part["size"], part["MD5checksum"])
        for _, key, modified, etag in csv.reader(gzip.decompress(data).decode().splitlines()):
            rows[key] = (modified, etag)
    return rows


def test_same_seed_gives_the_same_bytes_and_another_seed_other_drawings(bucket: tuple[Path, SampleTruth], tmp_path: Path) -> None:
    folder, truth = bucket
    assert write_sample(tmp_path / "again", NUM_ARTICLES, SEED) == truth
    assert contents(tmp_path / "again") == contents(folder)
    other = write_sample(tmp_path / "other", 4, SEED + 1)
    assert {m.image_sha256 for m in other.media}.isdisjoint(m.image_sha256 for m in truth.media if m.media_name != "logo.png")


def test_inventory_lists_every_metadata_object_with_its_digest(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    rows = manifest_rows(folder, 1)
    objects = {f"metadata/{path.name}": md5(path.read_bytes()) for path in (folder / "metadata").iterdir()}
    assert {key: etag for key, (_, etag) in rows.items()} == objects
    assert len(objects) == truth.num_listed


def test_only_the_finished_manifest_has_a_checksum_that_holds(bucket: tuple[Path, SampleTruth]) -> None:
    folder = bucket[0] / INVENTORY
    assert (folder / "2026-11-01T01-00Z/manifest.checksum").read_text() == md5(
        (folder / "2026-11-01T01-00Z/manifest.json").read_bytes()
    )
    assert not (folder / "2026-11-01T13-00Z/manifest.checksum").exists()


def test_metadata_stands_twice_and_its_digests_hold_but_for_the_planned_faults(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    faults = set()
    for path in sorted((folder / "metadata").iterdir()):
        assert path.read_bytes() == (folder / path.stem / path.name).read_bytes()
        try:
            record = json.loads(path.read_bytes())
        except ValueError:
            faults.add((path.stem, "metadata_invalid"))
            continue
        for url in [record["xml_url"], record["text_url"], *record["media_urls"]]:
            name, key, digest = re.fullmatch(r"s3://([a-z-]+)/(.+)\?md5=([0-9a-f]{32})", url).groups()
            file = folder / key
            if name != "pmc-oa-opendata":
                faults.add((key, "unsafe_uri"))
            elif not file.exists():
                faults.add((path.stem, "not_found"))
            elif md5(file.read_bytes()) != digest:
                faults.add((key if "xml" not in key else path.stem, "checksum_mismatch"))
    kinds = ("metadata_invalid", "not_found", "checksum_mismatch", "unsafe_uri")
    planned = {(r.key, r.reason) for r in truth.rejects if r.reason in kinds}
    assert faults == planned


def test_file_forms_are_those_of_the_real_bucket(bucket: tuple[Path, SampleTruth], shared_data: Path) -> None:
    folder, real = bucket[0], shared_data / "pmc-mirror"
    sample_json, real_json = (json.loads((f / "metadata").glob("*.json").__next__().read_text()) for f in (folder, real))
    assert [key for key in sample_json if key != "pdf_url"] == list(real_json)
    own, theirs = (json.loads((f / INVENTORY / "2026-11-01T01-00Z/manifest.json").read_text()) for f in (folder, real))
    assert list(own) == list(theirs)
    assert {k: v for k, v in own.items() if k != "files"} == {k: v for k, v in theirs.items() if k != "files"}
    assert list(own["files"][0]) == list(theirs["files"][0])
    for place, manifest in ((folder, own), (real, theirs)):
        text = gzip.decompress((place / manifest["files"][0]["key"]).read_bytes()).decode()
        assert all(CSV_LINE.fullmatch(line) for line in text.splitlines())


def test_one_pmcid_is_the_beginning_of_another(bucket: tuple[Path, SampleTruth]) -> None:
    pmcids = {article.accession.split(".")[0] for article in bucket[1].articles}
    assert any(f"{pmcid}0" in pmcids for pmcid in pmcids)


def test_days_one_by_one_leave_the_same_bucket_as_the_third_day_at_once(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        step = write_sample(tmp_path / "steps", 20, SEED, day)
    assert write_sample(tmp_path / "once", 20, SEED, 3) == step
    assert contents(tmp_path / "once") == contents(tmp_path / "steps")


def test_a_day_marks_what_it_changed_and_nothing_else(tmp_path: Path) -> None:
    write_sample(tmp_path, 30, SEED)
    first = contents(tmp_path)
    truth = write_sample(tmp_path, 30, SEED, 2)
    before, after = manifest_rows(tmp_path, 1), manifest_rows(tmp_path, 2)
    removed = {f"metadata/{accession}.json" for accession in truth.changes["removed"]}
    assert set(before) - set(after) == removed
    changed = {key for key in before if key in after and before[key][1] != after[key][1]}
    edits = ("reworded", "redrawn", "relicensed", "closed", "retracted")
    assert changed == {f"metadata/{accession}.json" for edit in edits for accession in truth.changes[edit]}
    assert all(after[key][0] > before[key][0] for key in changed)
    assert all(after[key] == before[key] for key in before if key in after and key not in changed)
    untouched = [key for key in first if key.startswith("PMC") and f"metadata/{key.split('/')[0]}.json" not in changed | removed]
    second = contents(tmp_path)
    assert all(second[key] == first[key] for key in untouched)
    assert all(truth.changes[edit] for edit in (*edits, "removed", "added", "new_version"))


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UnusableSettings, match="holds no sample"):
        write_sample(tmp_path, 3, SEED)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize(("num_articles", "day", "named"), [(0, 1, "articles"), (3, 0, "day"), (3, 4, "day")])
def test_sizes_and_days_that_cannot_be_are_refused(tmp_path: Path, num_articles: int, day: int, named: str) -> None:
    with pytest.raises(UnusableSettings, match=named):
        write_sample(tmp_path, num_articles, SEED, day)
