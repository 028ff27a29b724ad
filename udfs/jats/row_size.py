"""How much text the rows of one article hold, which its XML does not bound: each mention repeats its paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.rejects import Reason, Rejected


def num_text_chars(figures: Iterable[Mapping[str, Any]], mentions: Iterable[Mapping[str, Any]]) -> int:
    """Characters of text in rows of `figures` and `mentions`, shared texts as often as they stand there."""
    in_mentions = sum([len(row["paragraph"]) + len(row["sentence"]) for row in mentions])
    return in_mentions + sum([len(value) for row in figures for value in row.values() if isinstance(value, str)])


def check_text_size(num_chars: int, max_chars: int) -> None:
    """Rejected too_large for rows of more text than allowed."""
    if num_chars > max_chars:
        raise Rejected(Reason.TOO_LARGE, f"rows of {num_chars} characters, limit {max_chars}")
