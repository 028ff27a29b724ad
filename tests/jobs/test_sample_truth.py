"""The ground truth against the kernels: what is said beforehand is what they find."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jobs.sample import SampleTruth, write_sample
from jobs.sample.distinct import fingerprint
from jobs.sample.formats import decode
from jobs.sample.studio import LEAST_DISTANCE
from schemas.rejects import Rejected
from udfs.images import ImageRecord, process_image
from udfs.jats import Extraction, extract_article

NUM_ARTICLES, SEED = 100, 0
MAX_DISTANCE, MAX_DISTANCE_256 = 6, 32


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTruth]:
    folder = tmp_path_factory.mktemp("bucket")
    return folder, write_sample(folder, NUM_ARTICLES, SEED)


@pytest.fixture(scope="module")
def images(bucket: tuple[Path, SampleTruth]) -> dict[tuple[str, str], ImageRecord | str]:
    """Record, or reason of refusal, of every file that stands in the truth."""
    folder, truth = bucket
    found: dict[tuple[str, str], ImageRecord | str] = {}
    for medium in truth.media:
        try:
            found[medium.accession, medium.media_name] = process_image(
                (folder / medium.accession / medium.media_name).read_bytes()
            )
        except Rejected as refusal:
            found[medium.accession, medium.media_name] = str(refusal.reason)
    return found


def extractions(folder: Path, truth: SampleTruth) -> Iterator[tuple[str, Extraction | str]]:
    for article in truth.articles:
        if article.state == "stored":
            place = folder / article.accession
            metadata = json.loads((place / f"{article.accession}.json").read_text())
            try:
                yield (
                    article.accession,
                    extract_article((place / f"{article.accession}.xml").read_bytes(), article.accession, metadata),
                )
            except Rejected as refusal:
                yield article.accession, str(refusal.reason)


def test_truth_on_disk_says_what_the_call_returned(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    record = json.loads((folder / "truth.json").read_text())
    assert json.loads(truth.to_json()) == record
    assert len(record["pairs"]) == len(truth.pairs) > 200


def test_every_stage_adds_up(bucket: tuple[Path, SampleTruth]) -> None:
    truth = bucket[1]
    states = Counter(article.state for article in truth.articles)
    assert truth.num_listed == sum(states.values())
    assert truth.num_stored == states["stored"] == sum(truth.num_by_license_group.values())
    assert sum(truth.num_filtered.values()) == states["filtered"]
    assert states["rejected"] == sum(1 for reject in truth.rejects if reject.stage == "fetch_articles")
    outcomes = Counter(figure.outcome for figure in truth.figures)
    assert outcomes["rejected"] == sum(1 for reject in truth.rejects if reject.stage == "build_pairs")
    assert len({(r.stage, r.key) for r in truth.rejects}) == len(truth.rejects)


def test_every_planned_case_occurs(bucket: tuple[Path, SampleTruth]) -> None:
    truth = bucket[1]
    codes = {"CC0", "CC BY", "CC BY-SA", "CC BY-ND", "CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND", "TDM", None}
    assert {article.license_code for article in truth.articles} == codes
    assert {f.reason for f in truth.figures if f.outcome == "filtered"} == {
        "kind",
        "no_graphic",
        "superseded",
        "retracted",
        "boilerplate",
    }
    assert {f.reason for f in truth.figures if f.outcome == "rejected"} == {"no_media", "media_rejected"}
    assert {m.reason for m in truth.media} == {
        None,
        "truncated",
        "not_an_image",
        "checksum_mismatch",
        "unsafe_uri",
        "blank",
        "too_small",
    }
    assert {m.kind for c in truth.clusters for m in c.members} == {"self", "exact_bytes", "exact_pixels", "near"}
    assert [cluster.is_boilerplate for cluster in truth.clusters].count(True) == 1
    assert any(pair.caption is None for pair in truth.pairs)
    assert any(pair.xml_id is None for pair in truth.pairs)


def test_every_file_form_of_the_source_occurs(images: dict[tuple[str, str], ImageRecord | str]) -> None:
    records = [record for record in images.values() if isinstance(record, ImageRecord)]
    forms = {(record.format, record.mode) for record in records}
    assert {"JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"} == {form for form, _ in forms}
    assert {("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("TIFF", "I;16"), ("TIFF", "1")} <= forms
    assert {".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp"} == {Path(name).suffix for _, name in images}


def test_images_are_stored_or_refused_as_the_truth_says(
    bucket: tuple[Path, SampleTruth], images: dict[tuple[str, str], ImageRecord | str]
) -> None:
    for medium in bucket[1].media:
        found = images[medium.accession, medium.media_name]
        if medium.state == "stored":
            assert isinstance(found, ImageRecord), medium
            assert (found.image_sha256, found.width_px, found.height_px) == (
                medium.image_sha256,
                medium.width_px,
                medium.height_px,
            )
        elif medium.reason not in ("checksum_mismatch", "unsafe_uri"):
            assert found == medium.reason, medium


def test_images_within_the_threshold_are_the_planned_duplicates_and_no_others(
    bucket: tuple[Path, SampleTruth], images: dict[tuple[str, str], ImageRecord | str]
) -> None:
    stored = {m.image_sha256: (m.picture, images[m.accession, m.media_name]) for m in bucket[1].media if m.state == "stored"}
    picture = np.array([number for number, _ in stored.values()])
    short = np.array([record.phash_trimmed for _, record in stored.values()]).view(np.uint64)
    long = np.frombuffer(b"".join(record.phash256_trimmed for _, record in stored.values()), np.uint64).reshape(-1, 4)
    near = np.bitwise_count(short[:, None] ^ short) <= MAX_DISTANCE
    confirmed = near & (np.bitwise_count(long[:, None] ^ long).sum(axis=2) <= MAX_DISTANCE_256)
    assert (confirmed == (picture[:, None] == picture)).all()


def test_pictures_that_are_no_copies_of_each_other_lie_well_beyond_the_threshold(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    stored = {m.image_sha256: m for m in truth.media if m.state == "stored"}
    marks = [fingerprint(decode((folder / m.accession / m.media_name).read_bytes())) for m in stored.values()]
    picture = np.array([m.picture for m in stored.values()])
    for view in (0, 1):
        bits = np.array([mark.short[view] for mark in marks], dtype=np.uint64)
        distance = np.bitwise_count(bits[:, None] ^ bits)
        assert distance[picture[:, None] != picture].min() >= LEAST_DISTANCE > MAX_DISTANCE


def test_a_logo_in_fewer_articles_than_the_bound_makes_pairs(tmp_path: Path) -> None:
    few, many = (write_sample(tmp_path, 8, SEED, max_articles_per_image=bound) for bound in (50, 2))
    assert [cluster.is_boilerplate for cluster in few.clusters] == [False] * len(few.clusters)
    logos = [figure for figure in many.figures if figure.reason == "boilerplate"]
    assert len(logos) > 2
    assert len(few.pairs) == len(many.pairs) + len(logos)


def test_kinds_in_a_cluster_are_told_by_bytes_and_pixels(
    bucket: tuple[Path, SampleTruth], images: dict[tuple[str, str], ImageRecord | str]
) -> None:
    truth = bucket[1]
    records = {record.image_sha256: record for record in images.values() if isinstance(record, ImageRecord)}
    counts = Counter(medium.image_sha256 for medium in truth.media if medium.state == "stored")
    for cluster in truth.clusters:
        canonical, *others = cluster.members
        assert canonical.kind == ("exact_bytes" if counts[canonical.image_sha256] > 1 else "self")
        for member in others:
            pixels = {records[sha256].pixels_sha256 for sha256 in (canonical.image_sha256, member.image_sha256)}
            assert member.kind == ("exact_pixels" if len(pixels) == 1 else "near")
            assert member.num_media == counts[member.image_sha256]


def test_extraction_finds_the_figures_captions_and_mentions_of_the_truth(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    refused = {}
    for accession, extraction in extractions(folder, truth):
        if isinstance(extraction, str):
            refused[accession] = extraction
            continue
        mentions = Counter(mention["figure_id"] for mention in extraction.mentions)
        found = {
            (
                row["xml_id"],
                row["graphic_ref"],
                row["kind"],
                row["label"],
                row["caption"] and " ".join(row["caption"].split()),
                mentions[row["figure_id"]],
            )
            for row in extraction.figures
        }
        expected = {
            (f.xml_id, f.graphic_ref, f.kind, f.label, f.caption, f.num_mentions)
            for f in truth.figures
            if f.accession == accession
        }
        assert found == expected
    assert refused == {reject.key: reject.reason for reject in truth.rejects if reject.stage == "extract_figures"}


def test_figures_name_exactly_the_files_of_the_truth(bucket: tuple[Path, SampleTruth]) -> None:
    folder, truth = bucket
    named = {
        (accession, name)
        for accession, extraction in extractions(folder, truth)
        if isinstance(extraction, Extraction)
        for row in extraction.figures
        if row["kind"] == "figure"
        for name in row["media_names"]
    }
    assert named == {(medium.accession, medium.media_name) for medium in truth.media}
