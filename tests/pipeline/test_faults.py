"""The acquiring jobs on a real S3 server behind faults: every object is stored as its digest says, or refused with a reason."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs import fetch_articles, fetch_images
from jobs.entry import STAGES, job_module
from jobs.sample.bucket import InventoryRow, inventory_objects
from jobs.stage import RunContext, run_stage
from tests.pipeline.lakes import overrides, rows
from tests.pipeline.request_cap import REQUESTS_PER_S, TimedDocuments, TimedMedia, begin_of, over_the_cap
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, BucketServer, metadata_json, running_bucket_server
from tests.udfs.fault_proxy import Fault, FaultProxy, Request

ACQUIRING = STAGES[: STAGES.index("fetch_images") + 1]
ATTEMPTS = 3
WRONG_MD5 = "0" * 32
QUICK = [
    f"fetch.requests_per_s={REQUESTS_PER_S}",
    f"fetch.attempts={ATTEMPTS}",
    "fetch.first_backoff_s=0.02",
    "fetch.max_backoff_s=0.1",
    "fetch.timeout_s=1.0",
    "fetch.concurrency=8",
]


def accession(name: str) -> str:
    """A number for each case, the same in every run."""
    return f"PMC{int(hashlib.md5(name.encode()).hexdigest()[:6], 16) + 1}.1"


def xml_of(name: str, text: str = "") -> bytes:
    """An article with one figure."""
    figure = '<fig id="f1"><label>Figure 1</label><caption><p>A caption.</p></caption><graphic xlink:href="f1.png"/></fig>'
    front = f"<front><article-meta><title-group><article-title>{name} {text}</article-title></title-group></article-meta></front>"
    return f'<article xmlns:xlink="http://www.w3.org/1999/xlink">{front}<body>{figure}</body></article>'.encode()


def png_of(name: str) -> bytes:
    """A picture of its own for each name."""
    seed = int(hashlib.md5(name.encode()).hexdigest()[:8], 16)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def metadata_key(name: str) -> str:
    return f"metadata/{accession(name)}.json"


def xml_key(name: str) -> str:
    return f"{accession(name)}/{accession(name)}.xml"


def image_key(name: str) -> str:
    return f"{accession(name)}/f1.png"


# What happens to one object of an article, and how the two runs end: the reason of its reject, None for a stored one.
Place = Callable[[str], str]
PASSING: dict[str, tuple[Place, list[Fault]]] = {
    "throttled metadata": (metadata_key, 2 * [fault_proxy.slow_down]),
    "throttled xml": (xml_key, 2 * [fault_proxy.slow_down]),
    "throttled image": (image_key, 2 * [fault_proxy.slow_down]),
    "reset metadata": (metadata_key, [fault_proxy.reset]),
    "reset image": (image_key, 2 * [fault_proxy.reset]),
    "slow xml": (xml_key, [fault_proxy.slow_body(1.5)]),
    "slow image": (image_key, [fault_proxy.slow_body(1.5)]),
    "truncated xml": (xml_key, [fault_proxy.truncated]),
    "truncated image": (image_key, [fault_proxy.truncated]),
    "shortened xml": (xml_key, [fault_proxy.cut_short]),
    "shortened image": (image_key, [fault_proxy.cut_short]),
    "wrong xml once": (xml_key, [fault_proxy.corrupted]),
    "wrong image once": (image_key, [fault_proxy.corrupted]),
    "missing xml once": (xml_key, [fault_proxy.not_found]),
}
LASTING: dict[str, tuple[Place, list[Fault]]] = {
    "long burst on metadata": (metadata_key, ATTEMPTS * [fault_proxy.slow_down]),
    "long burst on xml": (xml_key, ATTEMPTS * [fault_proxy.slow_down]),
    "long burst on image": (image_key, ATTEMPTS * [fault_proxy.slow_down]),
    "resets on xml": (xml_key, ATTEMPTS * [fault_proxy.reset]),
    "wrong xml twice": (xml_key, 2 * [fault_proxy.corrupted]),
    "wrong image twice": (image_key, 2 * [fault_proxy.corrupted]),
    "missing image twice": (image_key, 2 * [fault_proxy.not_found]),
}
FIRST_REASON = {
    "long burst on metadata": "fetch_failed",
    "long burst on xml": "fetch_failed",
    "long burst on image": "fetch_failed",
    "resets on xml": "fetch_failed",
    "wrong xml twice": "checksum_mismatch",
    "wrong image twice": "checksum_mismatch",
    "missing image twice": "not_found",
}
FOR_GOOD = {
    "wrong xml": "checksum_mismatch",
    "wrong image": "checksum_mismatch",
    "no metadata": "not_found",
    "no xml": "not_found",
    "no image": "not_found",
}
REPLACED = ("replaced xml", "replaced image")
NAMES = (*PASSING, *LASTING, *FOR_GOOD, *REPLACED, "calm")


@dataclass
class Acquired:
    """The bucket's server, when the first run began to fetch articles and images, the archive after and requests of each run."""

    server: BucketServer
    begins: list[float] = field(default_factory=list)
    runs: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)
    requests: list[list[Request]] = field(default_factory=list)

    def reject(self, run: int, name: str) -> dict[str, Any] | None:
        """The reject of a case after a run."""
        found = [row for row in self.runs[run]["rejects"] if row["key"].partition("/")[0] == accession(name)]
        assert len(found) <= 1
        return found[0] if found else None

    def reads(self, run: int, key: str) -> int:
        """How often an object was asked for in a run."""
        return sum(request.method == "GET" and request.key == key for request in self.requests[run])


def fill(server: BucketServer) -> None:
    """Put every case's article into the bucket, with the inventory."""
    for name in NAMES:
        put_article(server, name)
    server.put(metadata_key("wrong xml"), stating("wrong xml", xml_key))
    server.put(metadata_key("wrong image"), stating("wrong image", image_key))
    for name, key in (("no metadata", metadata_key), ("no xml", xml_key), ("no image", image_key)):
        server.delete(key(name))
    put_inventory(server, NAMES)


def put_inventory(server: BucketServer, names: Iterable[str]) -> None:
    """List the articles of these cases."""
    lines = [InventoryRow(metadata_key(name), hashlib.md5(name.encode()).hexdigest(), 1) for name in names]
    for key, data in inventory_objects(1, lines).items():
        server.put(key, data)


def put_article(server: BucketServer, name: str, text: str = "") -> None:
    server.put_article(accession(name), xml_of(name, text), {"f1.png": png_of(name + text)})


def stating(name: str, key: Place) -> bytes:
    """The metadata of a case with a digest that the object at `key` does not have."""
    data = {xml_key: xml_of(name), image_key: png_of(name)}[key]
    truth = metadata_json(accession(name), xml_of(name), {"f1.png": png_of(name)})
    return truth.replace(hashlib.md5(data).hexdigest().encode(), WRONG_MD5.encode())


def plan(proxy: FaultProxy, server: BucketServer) -> None:
    """Plan every case's faults; the inventory itself is throttled too."""
    for name, (key, faults) in (PASSING | LASTING).items():
        proxy.plan(key(name), *faults)
    proxy.plan(xml_key("replaced xml"), fault_proxy.meanwhile(lambda: put_article(server, "replaced xml", "new")))
    proxy.plan(image_key("replaced image"), fault_proxy.meanwhile(lambda: put_article(server, "replaced image", "new")))
    for key in inventory_objects(1, []):
        proxy.plan(key, fault_proxy.slow_down)


@pytest.fixture(scope="module")
def acquired(spark: SparkSession, empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acquired]:
    """Three runs: through the faults, again as it is, and again with all that was rejected."""
    out = tmp_path_factory.mktemp("faults")
    shutil.copytree(empty_lake, out / "lake")
    timed = pytest.MonkeyPatch.context()
    with running_bucket_server() as server, (proxy := FaultProxy(server.url, BUCKET)).running() as url, timed as patched:
        patched.setattr(fetch_articles, "DocumentFetch", partial(TimedDocuments, folder=str(out)))
        patched.setattr(fetch_images, "MediaFetch", partial(TimedMedia, folder=str(out)))
        fill(server)
        plan(proxy, server)
        state = Acquired(server)
        settings = [*overrides(Path("unused"), out), f"source.uri=s3://{BUCKET}", f"source.endpoint={url}", *QUICK]
        for further in ([], [], ["fetch.retry_rejected=true"]):
            num_before, context = len(proxy.requests), RunContext.new()
            for stage in ACQUIRING:
                run_stage(spark, load_settings("local", [*settings, *further]), context, job_module(stage), stage)
            state.requests.append(proxy.requests[num_before:])
            state.runs.append(tables(out / "lake"))
        state.begins = [begin_of(out / stage) for stage in ("fetch_articles", "fetch_images")]
        yield state


def tables(lake: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables that the jobs write, whole."""
    from deltalake import DeltaTable

    whole = {"rejects": DeltaTable(str(lake / "rejects")).to_pyarrow_table().to_pylist()}
    return whole | {name: rows(lake, name) for name in ("inventory", "documents", "figures", "media", "images")}


def test_a_fault_that_passes_leaves_no_trace(acquired: Acquired) -> None:
    assert {name: acquired.reject(0, name) for name in (*PASSING, *REPLACED, "calm")} == dict.fromkeys(
        (*PASSING, *REPLACED, "calm")
    )


def test_every_object_of_every_article_is_stored_as_the_source_has_it_or_refused(acquired: Acquired) -> None:
    last = acquired.runs[-1]
    documents = {row["accession"]: row for row in last["documents"]}
    media = {row["accession"]: row for row in last["media"]}
    for name in NAMES:
        text = "new" if name in REPLACED else ""
        reject = acquired.reject(2, name)
        if FOR_GOOD.get(name) is None:
            assert reject is None, name
        if name not in {"wrong xml", "no metadata", "no xml"}:
            assert documents[accession(name)]["xml"] == xml_of(name, text if name == "replaced xml" else ""), name
        if name not in FOR_GOOD:
            assert media[accession(name)]["image_sha256"] == hashlib.sha256(png_of(name + text)).hexdigest(), name
            assert media[accession(name)]["md5_actual"] == hashlib.md5(png_of(name + text)).hexdigest(), name
    refused = {name: reject["reason"] for name in NAMES if (reject := acquired.reject(2, name))}
    assert refused == FOR_GOOD
    assert documents.keys() == {accession(name) for name in NAMES} - {
        accession(n) for n in ("wrong xml", "no metadata", "no xml")
    }
    assert media.keys() == {accession(name) for name in NAMES} - {accession(n) for n in FOR_GOOD}


def test_what_fails_longer_than_its_attempts_is_refused_with_why_and_healed_by_a_retry(acquired: Acquired) -> None:
    for name, reason in FIRST_REASON.items():
        reject = acquired.reject(0, name)
        assert reject is not None, name
        assert (reject["reason"], reject["attempts"]) == (reason, 1), name
        assert LASTING[name][0](name) in reject["detail"], name
        assert acquired.reject(2, name) is None, name


@pytest.mark.parametrize(("name", "words"), [("long burst on xml", ["attempt 3", "503"]), ("resets on xml", ["attempt 3"])])
def test_a_failed_request_says_how_often_it_was_tried_and_the_last_error(acquired: Acquired, name: str, words: list[str]) -> None:
    reject = acquired.reject(0, name)
    assert reject is not None
    assert all(word in reject["detail"] for word in words), reject["detail"]
    assert acquired.reads(0, xml_key(name)) == ATTEMPTS


def test_a_digest_that_stays_wrong_is_refused_with_both_digests_after_fresh_metadata(acquired: Acquired) -> None:
    for name, key, data in (
        ("wrong xml", xml_key, xml_of("wrong xml")),
        ("wrong image", image_key, png_of("wrong image")),
    ):
        reject = acquired.reject(2, name)
        assert reject is not None
        assert f"expected {WRONG_MD5}, actual {hashlib.md5(data).hexdigest()}" in reject["detail"]
        assert reject["attempts"] == 2
        assert acquired.reads(0, key(name)) == 2
        assert acquired.reads(0, metadata_key(name)) == 2


def test_both_digests_of_a_read_that_healed_are_kept(acquired: Acquired) -> None:
    documents = {row["accession"]: row for row in acquired.runs[0]["documents"]}
    media = {row["accession"]: row for row in acquired.runs[0]["media"]}
    for rows_of, name, data in (
        (documents, "wrong xml once", xml_of("wrong xml once")),
        (media, "wrong image once", png_of("wrong image once")),
    ):
        wrong = bytes([data[0] ^ 1]) + data[1:]
        (mismatch,) = rows_of[accession(name)]["digest_mismatches"]
        assert mismatch == {"expected": hashlib.md5(data).hexdigest(), "actual": hashlib.md5(wrong).hexdigest()}
    assert documents[accession("calm")]["digest_mismatches"] == media[accession("calm")]["digest_mismatches"] == []


def test_an_object_replaced_after_its_metadata_were_read_is_stored_as_it_is_now(acquired: Acquired) -> None:
    documents = {row["accession"]: row for row in acquired.runs[0]["documents"]}
    new = xml_of("replaced xml", "new")
    assert documents[accession("replaced xml")]["xml"] == new
    assert documents[accession("replaced xml")]["xml_md5"] == hashlib.md5(new).hexdigest()
    media = {row["accession"]: row for row in acquired.runs[0]["media"]}
    digest = hashlib.md5(png_of("replaced imagenew")).hexdigest()
    assert (media[accession("replaced image")]["md5_expected"], media[accession("replaced image")]["md5_actual"]) == (
        digest,
        digest,
    )


def test_the_next_run_reads_only_what_failed_and_leaves_what_was_refused(acquired: Acquired) -> None:
    failed = {name for name, reason in FIRST_REASON.items() if reason == "fetch_failed"}
    read = {request.key for request in acquired.requests[1] if request.method == "GET" and request.key.startswith("PMC")}
    assert read == {key(name) for name in failed for key in (xml_key, image_key)} - {xml_key("long burst on image")}
    names = {accession(name): name for name in NAMES}
    left = {names[row["key"].partition("/")[0]]: row["attempts"] for row in acquired.runs[1]["rejects"]}
    assert left == dict.fromkeys({*FIRST_REASON, *FOR_GOOD} - failed, 1)


def test_a_retry_reads_only_what_was_refused(acquired: Acquired) -> None:
    read = {request.key.split("/")[0] for request in acquired.requests[2] if request.key.startswith("PMC")}
    refused = {name for name, reason in FIRST_REASON.items() if reason != "fetch_failed"} | FOR_GOOD.keys()
    assert read == {accession(name) for name in refused if name != "no metadata"}
    assert acquired.reads(2, image_key("missing image twice")) == 1


def test_requests_stay_under_the_cap_of_the_whole_job(acquired: Acquired) -> None:
    """Since the tasks have their work: not more than the cap times the time since, and one for each task."""
    articles_from, images_from = acquired.begins
    times = sorted(request.time_s for request in acquired.requests[0])
    articles = [time_s for time_s in times if articles_from <= time_s < images_from]
    images = [time_s for time_s in times if images_from <= time_s]
    assert min(len(articles), len(images)) > REQUESTS_PER_S
    assert over_the_cap(articles_from, articles) == over_the_cap(images_from, images) == []
