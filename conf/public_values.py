"""Settings without their secrets, for places that others may read: commits, tables and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_SECRET_NAME = re.compile(r"secret|token|passw|key|\bsas\b", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/?#\s]+(?=@)")
_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&#\s]+)=[^&#\s]*")
_ASSIGNED = re.compile(r"([\w.-]*(?:secret|token|passw|key)[\w.-]*)=[^\s&]+", re.IGNORECASE)


def public_values(value: Any, name: str = "") -> Any:
    """A dumped setting with hidden secrets, at any depth.

    Hidden are: every text below a name that says secret, token, password or key; in a URL who logs in and the values of its
    query; in other texts what is assigned to such a name, as in `-Dstore.password=...`.
    """
    if isinstance(value, Mapping):
        return {key: public_values(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [public_values(item, name) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET_NAME.search(name):
        return HIDDEN
    if "://" in value:
        value = _QUERY_VALUE.sub(rf"\1={HIDDEN}", _USER.sub(HIDDEN, value))
    return _ASSIGNED.sub(rf"\1={HIDDEN}", value)


def hide_all(values: Mapping[str, str]) -> dict[str, str]:
    """Every value hidden: options of which any may be a secret."""
    return dict.fromkeys(values, HIDDEN)
