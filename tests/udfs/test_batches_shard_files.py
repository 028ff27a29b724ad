"""Shard files: what lies in them, the same bytes for the same samples, and the rows that describe them."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.udfs.record_batches import one_by_one, results
from udfs.batches.shard_files import RESULT, TEXT_FIELDS, WriteShards, write_tar


def sample(shard: str, key: str, image_format: str = "JPEG") -> dict[str, Any]:
    texts = dict.fromkeys(TEXT_FIELDS, None) | {"accession": "PMC1.1", "split": shard.split("-")[0], "title": "Größe"}
    return (
        {"shard": shard, "pair_id": key, "caption": f"Caption é of {key}", "image": b"bytes " + key.encode()}
        | texts
        | {"image_format": image_format}
    )


def test_a_tar_holds_image_text_and_json_of_each_sample_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    assert write_tar(path, iter([sample("val-000000.tar", "b"), sample("val-000000.tar", "a", "WEBP")])) == ("val", 2)
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in tar} == {(0, 0, "", 0o644)}
    assert list(files) == ["b.jpg", "b.txt", "b.json", "a.webp", "a.txt", "a.json"]
    assert (files["b.jpg"], files["a.txt"].decode()) == (b"bytes b", "Caption é of a")
    about = json.loads(files["b.json"])
    assert about.keys() == {"key", *TEXT_FIELDS}
    assert (about["key"], about["title"], about["label"]) == ("b", "Größe", None)


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [sample("train-000000.tar", f"key{n}") for n in range(5)]
    write_tar(tmp_path / "a.tar", iter(rows))
    write_tar(tmp_path / "b.tar", (dict(reversed(row.items())) for row in rows))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_the_longest_key_fits_into_a_tar(tmp_path: Path) -> None:
    key = f"PMC{'9' * 12}_{'9' * 5}_{'f' * 70}"
    write_tar(tmp_path / "a.tar", iter([sample("train-000000.tar", key)]))
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames()[2] == f"{key}.json"


def test_each_shard_is_one_file_with_a_row_that_describes_it(tmp_path: Path) -> None:
    rows = [sample("test-000000.tar", "a"), sample("train-000000.tar", "b"), sample("train-000000.tar", "c")]
    made = list(WriteShards(str(tmp_path / "export"))(one_by_one(rows)))
    assert all(batch.schema == RESULT for batch in made)
    described = results(iter(made))
    assert [(row["shard"], row["split"], row["num_samples"]) for row in described] == [
        ("test-000000.tar", "test", 1),
        ("train-000000.tar", "train", 2),
    ]
    for row in described:
        data = (tmp_path / "export" / row["shard"]).read_bytes()
        assert (row["num_bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert len(list((tmp_path / "export").iterdir())) == 2
