"""PMCIDs that an ESearch query finds (NLM E-utilities, database pmc)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from udfs.rate import RateLimit
from udfs.selection import ArticleIds

MAX_PAGE_BYTES = 16 * 2**20
_FIRST_PAUSE_S = 0.5


@dataclass(frozen=True)
class SearchOptions:
    """An ESearch service: its URL, which may carry `api_key`, `tool` and `email`; without a key NLM allows 3 requests/s."""

    url: str
    page_size: int = 10_000
    attempts: int = 3
    timeout_s: float = 60.0
    requests_per_s: float = 2.5


def search_ids(query: str, options: SearchOptions) -> ArticleIds:
    """Every article that the query finds, all pages of it.

    ValueError for a URL that is none and for a query that ESearch refuses or that finds nothing; ConnectionError when the service
    does not answer, or answers with less than it counted.
    """
    _check_url(options.url)
    opener, rate = build_opener(_SameHostRedirects), RateLimit(options.requests_per_s)
    uids: dict[str, None] = {}
    start, count = 0, 1
    while start < count:
        rate.wait()
        page = _page(_fetch(opener, _page_url(query, start, options), options), query)
        found, count = page["idlist"], int(page["count"])
        if not found and start < count:
            raise ConnectionError(f"ESearch counts {count} articles but gave only {start}")
        uids.update(dict.fromkeys(found))
        start += len(found)
    if not uids:
        raise ValueError(f"source.query {query!r} finds no article")
    return ArticleIds(frozenset(f"PMC{uid}" for uid in uids), frozenset())


class _SameHostRedirects(HTTPRedirectHandler):
    """Follows a redirect only on the host that was asked."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        asked, offered = urlsplit(req.full_url), urlsplit(newurl)
        if (asked.scheme, asked.netloc) != (offered.scheme, offered.netloc):
            raise HTTPError(req.full_url, code, f"redirect to another host refused: {offered.netloc}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"source.esearch_url must be an http(s) URL, not {url!r}")


def _page_url(query: str, start: int, options: SearchOptions) -> str:
    parts = urlsplit(options.url)
    fields = dict(parse_qsl(parts.query))
    fields |= {"db": "pmc", "term": query, "retmode": "json", "retmax": str(options.page_size), "retstart": str(start)}
    return urlunsplit(parts._replace(query=urlencode(fields)))


def _fetch(opener: OpenerDirector, url: str, options: SearchOptions) -> bytes:
    attempt = 0
    while True:
        attempt += 1
        try:
            with opener.open(url, timeout=options.timeout_s) as response:
                return bytes(response.read(MAX_PAGE_BYTES))
        except (OSError, HTTPException) as error:
            code = error.code if isinstance(error, HTTPError) else None
            if isinstance(error, HTTPError):
                error.close()
            if attempt >= options.attempts or (code and code < 500 and code != 429):
                raise ConnectionError(f"ESearch at {options.url.partition('?')[0]} does not answer: {error}") from None
        time.sleep(_FIRST_PAUSE_S * attempt)


def _page(data: bytes, query: str) -> dict[str, Any]:
    """The `esearchresult` of an answer, with a `count` and an `idlist` of digits."""
    try:
        page = dict(json.loads(data, strict=False)["esearchresult"])
        fault = page.get("ERROR")
        if not fault and not (int(page["count"]) >= 0 and all(uid.isdecimal() for uid in page["idlist"])):
            raise ValueError("an id that is no number")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConnectionError(f"ESearch gave no result that can be read: {data[:100]!r}") from None
    if fault:
        raise ValueError(f"source.query {query!r} is refused by ESearch: {fault}")
    return page
