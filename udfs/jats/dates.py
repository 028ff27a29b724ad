"""Dates of an article with the precision they are given in, free of time zones."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Any

from udfs.jats.front import Meta
from udfs.jats.names import NAMES, Element, all_text
from udfs.jats.text import line_text

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
_ISO = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_YEAR = re.compile(r"\b([12]\d{3})\b")
_PUBLISHED = frozenset(
    {"epub", "ppub", "collection", "pub", "epub-ppub", "epreprint", "preprint", "ecorrected", "issue-ppub", ""}
)


def read_dates(meta: Meta) -> dict[str, Any]:
    """dates: every pub-date and history date with its kind; the earliest date of publication, its precision and year."""
    published = [_date(one, "publication") for one in meta.get("pub-date", ())]
    events = [
        one for name in ("history", "pub-history") for group in meta.get(name, ()) for one in group.iterdescendants("{*}date")
    ]
    history = [_date(one, "history") for one in events]
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
    parts = {NAMES[child.tag]: child for child in element}
    year, month, day = _parts(element, parts)
    season = line_text(parts.get("season")) or (_months(parts.get("month")) if year and not month else None)
    return {
        "event": event,
        "kind": element.get("date-type") or element.get("pub-type") or "",
        "date": _iso(year, month, day),
        "precision": "day" if day else "month" if month else "season" if season else "year",
        "year": year,
        "month": month,
        "day": day,
        "season": season,
    }


def _months(element: Element | None) -> str | None:
    """What a month element says that is no single month: Jan-Feb."""
    text = line_text(element) or ""
    return text if text[:3].lower() in _MONTHS else None


def _iso(year: int | None, month: int | None, day: int | None) -> str | None:
    if year is None:
        return None
    return f"{year:04d}-{month:02d}-{day:02d}" if month and day else f"{year:04d}-{month:02d}" if month else f"{year:04d}"


def _parts(element: Element, parts: dict[str, Element]) -> tuple[int | None, int | None, int | None]:
    """(year, month, day) of the elements, else of the ISO date, else the year in the words; no part without the larger one."""
    year, month, day = [parts[name].text if name in parts else None for name in ("year", "month", "day")]
    if not year:
        match = _ISO.match(element.get("iso-8601-date") or "") or _YEAR.search(all_text(element))
        year, month, day = (*match.groups(), None, None)[:3] if match else (None, None, None)
    year_number, month_number, day_number = _number(year, 1000, 2999), _month(month), _number(day, 1, 31)
    if year_number is None or month_number is None:
        return year_number, None, None
    is_day = day_number is not None and (day_number <= 28 or day_number <= monthrange(year_number, month_number)[1])
    return year_number, month_number, day_number if is_day else None


def _number(text: str | None, low: int, high: int) -> int | None:
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= 4 and low <= int(text) <= high else None


def _month(text: str | None) -> int | None:
    """Number of a month given as number or name; None for two of them (Jan-Feb), which are no month."""
    number = _number(text, 1, 12)
    if number or not text:
        return number
    name = text.strip().rstrip(".").lower()
    return _MONTHS.get(name[:3]) if name.isalpha() else None
