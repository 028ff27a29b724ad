"""A measurement beside its reference: the two alternate, so that what else the machine does falls on both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Beside:
    """Medians over rounds of a rate, of its reference's, and of their ratio in the same round."""

    value: float
    reference_value: float
    ratio: float

    def entry(self, name: str, unit: str, reference: str, n: int, cores: int) -> dict[str, Any]:
        """One entry of bench.json."""
        values = {"value": self.value, "unit": unit, "reference": reference, "reference_value": self.reference_value}
        return {"name": name, **values, "ratio": self.ratio, "n": n, "cores": cores}


def beside(measured: Callable[[], float], reference: Callable[[], float], rounds: int) -> Beside:
    """Both rates, `rounds` times in turns; which of the two goes first changes from round to round."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            reference_value = reference()
            pairs.append((measured(), reference_value))
        else:
            pairs.append((measured(), reference()))
    values, reference_values = zip(*pairs, strict=True)
    return Beside(median(values), median(reference_values), median(one / other for one, other in pairs))
