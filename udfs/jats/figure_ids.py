"""Figure ids: from the XML's own ids where it has them, safe as keys and file names, unique in the article."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from udfs.jats.graphics import Graphic

MAX_LENGTH = 64
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def figure_ids(graphics: Iterable[Graphic]) -> list[str]:
    """One id per graphic, unique also where case does not count; a repeated one gets a number, the first keeps it plain."""
    wanted = [_wanted(graphic) for graphic in graphics]
    taken = {name.lower() for name, _ in wanted}
    counts: dict[str, int] = {}
    return [_distinct(name, is_generated, taken, counts) for name, is_generated in wanted]


def safe_id(xml_id: str) -> str:
    """The id in letters, digits, '_' and '-', at most MAX_LENGTH long; "" when nothing of it is left."""
    safe = _UNSAFE.sub("-", xml_id).strip("-")
    if len(safe) <= MAX_LENGTH:
        return safe
    return f"{safe[: MAX_LENGTH - 9]}-{hashlib.sha256(xml_id.encode()).hexdigest()[:8]}"


def _wanted(graphic: Graphic) -> tuple[str, bool]:
    """(id, whether it is made up): the owner's id, else the graphic's, else the kind."""
    for element in (graphic.owner, graphic.element):
        safe = safe_id(element.get("id") or "") if element is not None else ""
        if safe:
            return safe, False
    return graphic.kind, True


def _distinct(name: str, is_generated: bool, taken: set[str], counts: dict[str, int]) -> str:
    key = name.lower()
    counts[key] = counts.get(key, 0) + 1
    if counts[key] == 1 and not is_generated:
        return name
    number = counts[key]
    while f"{key}-{number}" in taken:
        number += 1
    counts[key] = number
    taken.add(f"{key}-{number}")
    return f"{name}-{number}"
