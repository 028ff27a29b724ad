"""The sample bucket's archive is what its ground truth says."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import rows


@pytest.fixture(scope="module")
def truth(sample_archive: Archive) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((sample_archive.bucket / "truth.json").read_text())
    return loaded


def test_every_planned_pair_and_no_other_is_in_pairs(sample_archive: Archive, truth: dict[str, Any]) -> None:
    xml_ids = {(row["accession"], row["figure_id"]): row["xml_id"] for row in rows(sample_archive.lake, "figures")}
    found = Counter(
        (
            row["accession"],
            xml_ids[row["accession"], row["figure_id"]],
            row["media_name"],
            row["image_sha256"],
            row["license_code"],
            row["license_group"],
        )
        for row in rows(sample_archive.lake, "pairs")
    )
    planned = Counter(
        tuple(pair[key] for key in ("accession", "xml_id", "media_name", "image_sha256", "license_code", "license_group"))
        for pair in truth["pairs"]
    )
    assert found - planned == Counter()
    assert planned - found == Counter()
    assert len(found) > 50


def test_captions_of_pairs_are_the_ones_written(sample_archive: Archive, truth: dict[str, Any]) -> None:
    found = Counter(
        (row["accession"], row["image_sha256"], squeezed(row["caption"])) for row in rows(sample_archive.lake, "pairs")
    )
    planned = Counter((pair["accession"], pair["image_sha256"], squeezed(pair["caption"])) for pair in truth["pairs"])
    assert found == planned


def squeezed(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


def test_rejects_are_the_planned_ones(sample_archive: Archive, truth: dict[str, Any]) -> None:
    found = Counter((row["stage"], row["reason"]) for row in rows(sample_archive.lake, "rejects"))
    assert found == Counter((reject["stage"], reject["reason"]) for reject in truth["rejects"])


def test_fetched_and_filtered_articles_are_the_planned_ones(sample_archive: Archive, truth: dict[str, Any]) -> None:
    states = Counter(row["filter_reason"] or row["state"] for row in rows(sample_archive.lake, "documents"))
    assert states == Counter({"stored": truth["num_stored"], **truth["num_filtered"]})
    assert len(rows(sample_archive.lake, "inventory")) == truth["num_listed"]


def test_duplicate_clusters_are_the_planned_ones(sample_archive: Archive, truth: dict[str, Any]) -> None:
    clusters: dict[str, set[tuple[str, str, int]]] = {}
    for row in rows(sample_archive.lake, "duplicates"):
        clusters.setdefault(row["canonical_sha256"], set()).add((row["image_sha256"], row["kind"], row["num_media"]))
    planned = {
        cluster["members"][0]["image_sha256"]: {(m["image_sha256"], m["kind"], m["num_media"]) for m in cluster["members"]}
        for cluster in truth["clusters"]
    }
    assert clusters == planned


def test_neither_an_article_nor_a_duplicate_crosses_splits(sample_archive: Archive) -> None:
    pairs = rows(sample_archive.lake, "pairs")
    components = {row["image_sha256"]: row["component_id"] for row in rows(sample_archive.lake, "duplicates")}
    for key in (
        lambda row: row["accession"].partition(".")[0],
        lambda row: row["cluster_id"] or row["image_sha256"],
        lambda row: components.get(row["image_sha256"], row["image_sha256"]),
    ):
        splits: dict[str, set[str]] = {}
        for row in pairs:
            splits.setdefault(key(row), set()).add(row["split"])
        assert [name for name, found in splits.items() if len(found) > 1] == []
    assert {row["split"] for row in pairs} == {"train", "val", "test"}


def test_one_pair_stands_for_each_cluster(sample_archive: Archive) -> None:
    canonical = Counter(
        row["cluster_id"] for row in rows(sample_archive.lake, "pairs") if row["cluster_id"] and row["is_canonical"]
    )
    clusters = {row["cluster_id"] for row in rows(sample_archive.lake, "pairs") if row["cluster_id"]}
    assert canonical == Counter(clusters)


def test_every_stage_accounts_for_all_its_inputs(sample_archive: Archive) -> None:
    assert [result.stage for result in sample_archive.results if result.counts is None or not result.counts.reconciled] == []
    recorded = {row["stage"]: row for row in rows(sample_archive.lake, "runs")}
    assert recorded["build_pairs"]["num_in"] == len(rows(sample_archive.lake, "figures"))
    assert recorded["fetch_images"]["num_ok"] == len(rows(sample_archive.lake, "media"))
