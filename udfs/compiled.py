"""Python loops over arrays as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Machine code, kept beside the source or in the user's cache, or made anew in each process that has neither."""
    try:
        return cast(_Function, numba.njit(cache=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(function))
