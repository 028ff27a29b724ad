"""The object servers of the fetch benchmark answer as a bucket does."""

from collections.abc import Iterator

import pytest

from jobs.bench.fetch import BUCKET, article_objects
from jobs.bench.fetch_ceiling import ceiling
from jobs.bench.object_server import serving
from jobs.bench.s3_server import serving_s3
from schemas.rejects import Reason, Rejected
from udfs.fetch import Document, FetchLimits, document_steps
from udfs.reads import Steps, fetch_concurrently
from udfs.selection import Selection
from udfs.source import Source, SourceOptions, open_source

OBJECTS = article_objects(20)


@pytest.fixture(scope="module", params=[serving, serving_s3])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    with request.param(BUCKET, OBJECTS) as url:
        yield open_source(SourceOptions(f"s3://{BUCKET}", endpoint=url))


def test_every_object_comes_as_it_is(source: Source) -> None:
    assert all(source.read(key, len(data)) == data for key, data in OBJECTS.items())


def test_what_it_has_not_is_not_found(source: Source) -> None:
    with pytest.raises(Rejected) as caught:
        source.read("PMC1.1/other.xml", 10)
    assert caught.value.reason is Reason.NOT_FOUND


def test_its_articles_pass_every_check_of_a_fetch(source: Source) -> None:
    def steps(accession: str) -> Steps[Document]:
        return document_steps(BUCKET, accession, "etag", Selection(), FetchLimits())

    names = [f"PMC{number}.1" for number in range(1, 21)]
    fetched = {name: vars(document)["xml"] for name, document in fetch_concurrently(source.read, steps, names, 8)}
    assert fetched == {name: OBJECTS[f"{name}/{name}.xml"] for name in names}


def test_the_ceiling_reads_from_it_many_at_a_time(source: Source) -> None:
    objects_per_s, megabytes_per_s = ceiling(source.options, sorted(OBJECTS), 16)
    mean = sum(len(data) for data in OBJECTS.values()) / len(OBJECTS)
    assert megabytes_per_s == pytest.approx(objects_per_s * mean / 1e6)
