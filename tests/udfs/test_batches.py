"""Batch kernels as Spark calls them, without Spark: record batches in, record batches out."""

import gc
import gzip
import hashlib
import io
import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from jobs.bench.real_articles import written_articles
from schemas.documents import FILTERED, REFUSED, STORED
from tests.udfs.record_batches import one_by_one, results
from udfs import batches as batching
from udfs.batches import batched, nullable, rows_of
from udfs.batches.documents import RESULT as DOCUMENT_RESULT
from udfs.batches.documents import DocumentFetch
from udfs.batches.extraction import Extract
from udfs.batches.inventory_listing import PART, InventoryRead
from udfs.batches.media_images import MediaFetch
from udfs.fetch import FetchLimits
from udfs.images import ImageOptions
from udfs.jats import Limits
from udfs.selection import Selection
from udfs.source.options import SourceOptions

BUCKET = "pmc-oa-opendata"
NUMBERS = pa.schema([pa.field("n", pa.int64())])


def test_batches_close_at_their_size_or_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_BATCH_ROWS", 3)
    sizes = [1, 1, 1, 60, 60, 500, 1]
    made = list(batched((({"n": n}, size) for n, size in enumerate(sizes)), NUMBERS, max_bytes=100))
    assert [batch["n"].to_pylist() for batch in made] == [[0, 1, 2], [3, 4], [5], [6]]
    assert list(batched([], NUMBERS)) == []


def test_batches_are_made_while_rows_arrive() -> None:
    endless = batched((({"n": n}, 1) for n in itertools.count()), NUMBERS)
    assert next(endless).num_rows == batching.MAX_BATCH_ROWS


def test_cycles_are_not_searched_for_while_documents_are_extracted(shared_data: Path, tmp_path: Path) -> None:
    """Which is safe because extracting leaves none: what a search finds afterwards would have piled up."""
    document = {"accession": "PMC1.1", "etag": "e", "metadata": "{}"}
    real = [path.read_bytes() for path in written_articles(tmp_path, shared_data)[::20]]
    documents = [{**document, "xml": xml} for xml in (JATS, b"no XML", JATS[:-20], *real)]
    batches = list(one_by_one(documents))
    list(Extract(Limits())(iter(batches)))  # imports what it needs
    gc.collect()
    made = Extract(Limits())(iter(batches))
    first = next(made)
    assert not gc.isenabled()
    assert first.num_rows + sum(batch.num_rows for batch in made) == len(documents)
    assert gc.isenabled()
    assert gc.collect() == 0


def test_refused_inputs_may_lack_every_value() -> None:
    fields = nullable([pa.field("a", pa.int32(), nullable=False)])
    assert fields == [pa.field("a", pa.int32())]
    assert list(rows_of(one_by_one([{"n": 1}, {"n": 2}]))) == [{"n": 1}, {"n": 2}]


JATS = b"""<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta>
<title-group><article-title>A title</article-title></title-group></article-meta></front><body><sec><title>Results</title>
<p>See <xref ref-type="fig" rid="f1">Figure 1</xref>.</p>
<fig id="f1"><label>Figure 1</label><caption><p>What is seen.</p></caption><graphic xlink:href="fig1"/></fig>
</sec></body></article>"""


class Mirror:
    """A folder in the bucket's layout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = SourceOptions(str(folder), bucket=BUCKET)

    def put(self, key: str, data: bytes) -> str:
        """Write an object; its URI with digest."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"s3://{BUCKET}/{key}?md5={hashlib.md5(data, usedforsecurity=False).hexdigest()}"

    def put_article(self, accession: str, xml: bytes, license_code: str, media: dict[str, bytes] | None = None) -> None:
        """Write an article version with its metadata."""
        pmcid, version = accession.split(".")
        about = {"pmcid": pmcid, "version": int(version), "license_code": license_code, "is_pmc_openaccess": True}
        about["xml_url"] = self.put(f"{accession}/{accession}.xml", xml)
        about["media_urls"] = [self.put(f"{accession}/{name}", data) for name, data in (media or {}).items()]
        self.put(f"metadata/{accession}.json", json.dumps(about).encode())


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "bucket")


def picture(side: int = 64, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_documents_are_stored_filtered_or_refused_in_order(mirror: Mirror) -> None:
    mirror.put_article("PMC1.1", JATS, "CC BY")
    mirror.put_article("PMC2.1", JATS, "TDM")
    mirror.put_article("PMC3.1", JATS, "CC BY")
    mirror.put("PMC3.1/PMC3.1.xml", b"replaced")
    fetch = DocumentFetch(mirror.options, Selection(("commercial",)), FetchLimits(), 3)
    names = [f"PMC{n}.1" for n in (4, 3, 2, 1)]
    made = list(pickle.loads(pickle.dumps(fetch))(one_by_one({"accession": name, "etag": f"e {name}"} for name in names)))
    assert all(batch.schema == DOCUMENT_RESULT for batch in made)
    rows = results(iter(made))
    assert [(row["accession"], row["etag"], row["state"], row["reason"]) for row in rows] == [
        ("PMC4.1", "e PMC4.1", None, "not_found"),
        ("PMC3.1", "e PMC3.1", REFUSED, "checksum_mismatch"),
        ("PMC2.1", "e PMC2.1", FILTERED, None),
        ("PMC1.1", "e PMC1.1", STORED, None),
    ]
    assert (rows[3]["xml"], rows[2]["xml"], rows[2]["filter_reason"]) == (JATS, None, "license_group")


def test_documents_become_articles_figures_and_mentions_or_a_reason(mirror: Mirror) -> None:
    about = json.dumps({"pmcid": "PMC1", "version": 1, "license_code": "CC BY", "media_urls": [f"s3://{BUCKET}/PMC1.1/fig1.jpg"]})
    files = [
        {"accession": "PMC1.1", "etag": "e", "metadata": about, "xml": JATS},
        {"accession": "PMC2.1", "etag": "e", "metadata": "{}", "xml": b"no xml"},
    ]
    parsed, refused = results(Extract(Limits())(one_by_one(files)))
    assert (parsed["article"]["title"], parsed["article"]["etag"], parsed["reason"]) == ("A title", "e", None)
    (figure,) = parsed["figures"]
    assert (figure["figure_id"], figure["caption"], figure["media_names"]) == ("f1", "What is seen.", ["fig1.jpg"])
    assert [(mention["figure_id"], mention["sentence"]) for mention in parsed["mentions"]] == [("f1", "See Figure 1.")]
    assert (refused["article"], refused["reason"]) == (None, "not_xml")


def test_media_become_hashed_images_or_a_reason(mirror: Mirror) -> None:
    good = picture()
    uris = {
        "good.png": mirror.put("PMC1.1/good.png", good),
        "text.png": mirror.put("PMC1.1/text.png", b"no picture"),
        "gone.png": f"s3://{BUCKET}/PMC1.1/gone.png",
        "foreign.png": "s3://elsewhere/PMC1.1/foreign.png",
    }
    mirror.put_article("PMC1.1", JATS, "CC BY")
    rows = [{"accession": "PMC1.1", "media_name": name, "uri": uri, "options_hash": "o"} for name, uri in uris.items()]
    fetch = MediaFetch(mirror.options, FetchLimits(), ImageOptions(), 2)
    found = {row["media_name"]: row for row in results(fetch(one_by_one(rows)))}
    assert {name: row["reason"] for name, row in found.items()} == {
        "good.png": None,
        "text.png": "not_an_image",
        "gone.png": "not_found",
        "foreign.png": "unsafe_uri",
    }
    row = found["good.png"]
    assert row["uri"] == f"s3://{BUCKET}/PMC1.1/good.png"
    assert row["image_sha256"] == row["image_row"]["image_sha256"] == hashlib.sha256(good).hexdigest()
    assert row["md5_expected"] == row["md5_actual"] == hashlib.md5(good, usedforsecurity=False).hexdigest()
    assert (row["num_bytes"], row["options_hash"]) == (len(good), "o")
    assert found["text.png"]["image_row"] is None
    assert [row["original_row"] for row in found.values()] == 4 * [None]


def test_original_bytes_come_with_accepted_images_where_they_are_wanted(mirror: Mirror) -> None:
    good = picture()
    uris = {"good.png": mirror.put("PMC1.1/good.png", good), "text.png": mirror.put("PMC1.1/text.png", b"no picture")}
    rows = [{"accession": "PMC1.1", "media_name": name, "uri": uri, "options_hash": "o"} for name, uri in uris.items()]
    fetch = MediaFetch(mirror.options, FetchLimits(), ImageOptions(), 2, keep_bytes=True)
    found = {row["media_name"]: row["original_row"] for row in results(fetch(one_by_one(rows)))}
    kept = {"image_sha256": hashlib.sha256(good).hexdigest(), "num_bytes": len(good), "data": good}
    assert found == {"good.png": kept, "text.png": None}


def test_inventory_parts_become_lines_and_a_changed_part_one_that_says_so(mirror: Mirror) -> None:
    times = "2026-01-08T11:47:59.000Z"
    text = f'"{BUCKET}","metadata/PMC1.1.json","{times}","e1"\n"{BUCKET}","readme.txt","{times}","e2"\n'
    data = gzip.compress(text.encode())
    mirror.put("inventory/part.csv.gz", data)
    columns = ("Bucket", "Key", "LastModifiedDate", "ETag")
    part = {"key": "inventory/part.csv.gz", "num_bytes": len(data), "md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
    read = InventoryRead(mirror.options, columns)
    parts = [part, part | {"md5": "0" * 32}, part | {"key": "inventory/absent.csv.gz"}]
    lines = results(read(one_by_one(parts, PART)))
    assert [(row["key"], row["accession"], row["etag"], (row["problem"] or "").partition(":")[0]) for row in lines] == [
        ("metadata/PMC1.1.json", "PMC1.1", "e1", ""),
        ("readme.txt", None, "e2", ""),
        ("inventory/part.csv.gz", None, None, "checksum_mismatch"),
        ("inventory/absent.csv.gz", None, None, "not_found"),
    ]
