"""Dates of an article with the precision they are given in, free of time zones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from udfs.jats.front import Meta
from udfs.jats.names import Element
from udfs.jats.text import line_text

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
_ISO = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_PUBLISHED = frozenset(
    {"epub", "ppub", "collection", "pub", "epub-ppub", "epreprint", "preprint", "ecorrected", "issue-ppub", ""}
)


def read_dates(meta: Meta) -> dict[str, Any]:
    """dates: every pub-date and history date with its kind; the earliest date of publication, its precision and year."""
    published = [_date(one, "publication") for one in meta.get("pub-date", ())]
    history = [_date(one, "history") for group in meta.get("history", ()) for one in group.iterfind("{*}date")]
    history += [_date(one, "history") for group in meta.get("pub-history", ()) for one in group.iterdescendants("{*}date")]
    published = [date for date in published if date["year"]]
    candidates = [date for date in published if date["kind"] in _PUBLISHED] or published
    first = min(candidates, key=_order, default=None)
    return {
        "dates": published + [date for date in history if date["year"]],
        "year": first["year"] if first else None,
        "publication_date": first["date"] if first else None,
        "date_precision": first["precision"] if first else None,
    }


def _order(date: dict[str, Any]) -> tuple[int, int, int]:
    """Earliest year first, and within what they share the more precise date."""
    return date["year"], date["month"] or 13, date["day"] or 32


def _date(element: Element, event: str) -> dict[str, Any]:
    year, month, day = _parts(element)
    season = line_text(element.find("{*}season"))
    precision = "day" if day else "month" if month else "season" if season else "year"
    text = "-".join(
        part for part in (f"{year:04d}" if year else "", f"{month:02d}" if month else "", f"{day:02d}" if day else "") if part
    )
    return {
        "event": event,
        "kind": element.get("date-type") or element.get("pub-type") or "",
        "date": text or None,
        "precision": precision,
        "year": year,
        "month": month,
        "day": day,
        "season": season,
    }


def _parts(element: Element) -> tuple[int | None, int | None, int | None]:
    """(year, month, day); a part without the larger one before it is dropped."""
    year = _number(element.findtext("{*}year"), 1000, 2999)
    month = _month(element.findtext("{*}month"))
    day = _number(element.findtext("{*}day"), 1, 31)
    if year is None:
        match = _ISO.match(element.get("iso-8601-date") or "")
        if match:
            year, month, day = _numbers(match.groups())
    return year, month if year else None, day if year and month else None


def _numbers(groups: Iterable[str | None]) -> list[int | None]:
    return [int(group) if group else None for group in groups]


def _number(text: str | None, low: int, high: int) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) <= 4 and low <= int(text) <= high else None


def _month(text: str | None) -> int | None:
    return _number(text, 1, 12) or _MONTHS.get((text or "").strip()[:3].lower())
