"""Searching on a server that answers as ESearch does."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from udfs.esearch import SearchOptions, search_ids

Answer = Callable[[dict[str, list[str]]], tuple[int, bytes]]
UIDS = [str(uid) for uid in range(101, 108)]


class SearchServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queries: list[dict[str, list[str]]] = []
        self.answers: list[Answer] = []
        self.url = f"http://127.0.0.1:{self.server_port}/esearch.fcgi?api_key=k"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        query = parse_qs(urlsplit(self.path).query)
        server.queries.append(query)
        status, body = (server.answers.pop(0) if server.answers else page)(query)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def page(query: dict[str, list[str]]) -> tuple[int, bytes]:
    start, size = int(query["retstart"][0]), int(query["retmax"][0])
    return result(count=str(len(UIDS)), idlist=UIDS[start : start + size])


def result(**fields: object) -> tuple[int, bytes]:
    return 200, json.dumps({"header": {"type": "esearch"}, "esearchresult": fields}).encode()


@pytest.fixture
def server() -> Iterator[SearchServer]:
    with SearchServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def options(server: SearchServer, monkeypatch: pytest.MonkeyPatch) -> SearchOptions:
    monkeypatch.setattr("udfs.esearch._FIRST_PAUSE_S", 0.01)
    return SearchOptions(server.url, page_size=3, requests_per_s=0.0)


def test_every_page_is_read_and_the_url_keeps_its_own_fields(server: SearchServer, options: SearchOptions) -> None:
    ids = search_ids('"lung cancer"[ti] & open access', options)
    assert ids.pmcids == {f"PMC{uid}" for uid in UIDS}
    assert ids.accessions == frozenset()
    assert [query["retstart"] for query in server.queries] == [["0"], ["3"], ["6"]]
    first = {name: values[0] for name, values in server.queries[0].items()}
    assert first == {
        "api_key": "k",
        "db": "pmc",
        "term": '"lung cancer"[ti] & open access',
        "retmode": "json",
        "retmax": "3",
        "retstart": "0",
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(server: SearchServer, options: SearchOptions, status: int) -> None:
    server.answers = [lambda _: (status, b"busy"), lambda _: (status, b"busy")]
    assert len(search_ids("x", options).pmcids) == len(UIDS)


def test_a_service_that_stays_busy_is_an_error(server: SearchServer, options: SearchOptions) -> None:
    server.answers = [lambda _: (503, b"busy")] * 3
    with pytest.raises(ConnectionError, match="does not answer"):
        search_ids("x", options)
    assert len(server.queries) == 3


def test_a_refusal_is_not_tried_again(server: SearchServer, options: SearchOptions) -> None:
    server.answers = [lambda _: (400, b"no")]
    with pytest.raises(ConnectionError, match="400"):
        search_ids("x", options)
    assert len(server.queries) == 1


def test_a_redirect_to_another_host_is_refused(server: SearchServer, options: SearchOptions) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost").encode()
    server.answers = [lambda _: (302, elsewhere)]
    with pytest.raises(ConnectionError, match="another host refused"):
        search_ids("x", options)
    assert len(server.queries) == 1


def test_a_redirect_on_the_same_host_is_followed(server: SearchServer, options: SearchOptions) -> None:
    server.answers = [lambda query: (302, f"/moved?retstart=0&retmax={query['retmax'][0]}".encode())]
    assert len(search_ids("x", options).pmcids) == len(UIDS)


def test_a_query_that_esearch_refuses_or_that_finds_nothing_is_wrong_use(server: SearchServer, options: SearchOptions) -> None:
    server.answers = [lambda _: result(ERROR="Invalid query")]
    with pytest.raises(ValueError, match=r"source\.query 'x\[' is refused by ESearch: Invalid query"):
        search_ids("x[", options)
    server.answers = [lambda _: result(count="0", idlist=[])]
    with pytest.raises(ValueError, match=r"source\.query 'nothing' finds no article"):
        search_ids("nothing", options)


def test_fewer_articles_than_counted_are_an_error_and_not_a_smaller_list(server: SearchServer, options: SearchOptions) -> None:
    server.answers = [page, lambda _: result(count="7", idlist=[])]
    with pytest.raises(ConnectionError, match="counts 7 articles but gave only 3"):
        search_ids("x", options)


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"esearchresult": []}', b'{"esearchresult": {"count": "1", "idlist": ["../x"]}}']
)
def test_an_answer_that_is_no_result_is_an_error(server: SearchServer, options: SearchOptions, body: bytes) -> None:
    server.answers = [lambda _: (200, body)]
    with pytest.raises(ConnectionError, match="no result that can be read"):
        search_ids("x", options)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "esearch.fcgi", "ftp://host/x", "https://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"source\.esearch_url"):
        search_ids("x", SearchOptions(url))
