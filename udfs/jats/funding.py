"""Who paid for an article: sources, their identifiers, award numbers."""

from __future__ import annotations

from typing import Any

from udfs.jats.front import Meta
from udfs.jats.names import Element
from udfs.jats.text import line_text


def read_funding(meta: Meta) -> dict[str, Any]:
    """funding: each source with its identifier and award numbers; funding_statement."""
    awards, statements = _contracts(meta), []
    for group in meta.get("funding-group", ()):
        for award in group.iterfind("{*}award-group"):
            awards += _awards(award)
        statements += [text for one in group.iterfind("{*}funding-statement") if (text := line_text(one))]
    return {"funding": awards, "funding_statement": "\n".join(statements) or None}


def _awards(award: Element) -> list[dict[str, Any]]:
    ids = [text for one in award.iterdescendants("{*}award-id") if (text := line_text(one))]
    sources = [_source(one) for one in award.iterfind("{*}funding-source")] or [{"source": None, "source_id": None}]
    return [{**source, "award_ids": ids} for source in sources]


def _source(source: Element) -> dict[str, str | None]:
    identifier = next((line_text(one) for one in source.iterdescendants("{*}institution-id")), None)
    name = next((line_text(one) for one in source.iterdescendants("{*}institution")), None)
    return {"source": name or line_text(source), "source_id": identifier}


def _contracts(meta: Meta) -> list[dict[str, Any]]:
    """Sponsors and contract numbers of the NLM DTD 2.x, joined by their ids."""
    numbers = [(one.get("rid"), text) for one in meta.get("contract-num", ()) if (text := line_text(one))]
    sponsors = [(one.get("id"), line_text(one)) for one in meta.get("contract-sponsor", ())]
    known = {sponsor_id for sponsor_id, _ in sponsors if sponsor_id}
    rest = [text for rid, text in numbers if rid not in known]
    rows = [(name, [text for rid, text in numbers if rid and rid == sponsor_id]) for sponsor_id, name in sponsors]
    rows += [(None, rest)] if rest else []
    return [{"source": name, "source_id": None, "award_ids": found} for name, found in rows if name or found]
