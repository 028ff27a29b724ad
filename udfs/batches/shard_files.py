"""Samples in shard order to tar files in WebDataset's layout."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from udfs.batches import rows_of
from udfs.storage import open_store, put_file

EXTENSIONS = {"JPEG": "jpg", "WEBP": "webp"}
RESULT = pa.schema(
    [
        pa.field("shard", pa.string()),
        pa.field("split", pa.string()),
        pa.field("num_samples", pa.int64()),
        pa.field("num_bytes", pa.int64()),
        pa.field("sha256", pa.string()),
    ]
)
TEXT_FIELDS = (
    "accession",
    "figure_id",
    "label",
    "title",
    "doi",
    "citation",
    "license_code",
    "license_group",
    "is_no_derivatives",
    "rights",
    "article_license_code",
    "figure_license_code",
    "figure_license_url",
    "permission",
    "is_retracted",
    "image_sha256",
    "split",
)


@dataclass(frozen=True)
class WriteShards:
    """Record batches of samples, those of a shard together and in order, to a tar per shard below `uri` and batches of RESULT."""

    uri: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write each shard to a scratch file, then to its place in one step."""
        for shard, samples in groupby(rows_of(batches), key=itemgetter("shard")):
            yield pa.RecordBatch.from_pylist([self._write(shard, samples)], schema=RESULT)

    def _write(self, shard: str, samples: Iterator[dict[str, Any]]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="biomedica-shard-") as folder:
            path = Path(folder) / shard
            split, num_samples = write_tar(path, samples)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            num_bytes = path.stat().st_size
            put_file(open_store(self.uri), shard, path)
        return {"shard": shard, "split": split, "num_samples": num_samples, "num_bytes": num_bytes, "sha256": digest}


def write_tar(path: Path, samples: Iterator[dict[str, Any]]) -> tuple[str, int]:
    """Write one tar of `<key>.jpg`, `.txt` and `.json` per sample, the same bytes for the same samples; (split, samples)."""
    split, num_samples = "", 0
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            split, num_samples = sample["split"], num_samples + 1
            for extension, data in sample_files(sample):
                member = tarfile.TarInfo(f"{sample['pair_id']}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return split, num_samples


def sample_files(sample: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Extension and content of each file of a sample: the image, its caption, and where both come from."""
    about = {name: sample[name] for name in TEXT_FIELDS}
    yield EXTENSIONS[sample["image_format"]], sample["image"]
    yield "txt", sample["caption"].encode()
    yield "json", json.dumps({"key": sample["pair_id"], **about}, ensure_ascii=False, sort_keys=True).encode()
