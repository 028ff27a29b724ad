"""Which bits two hashes must agree on: combinations of bands that together catch every pair within a Hamming distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise

HASH_BITS = 64
ALL_BITS = 2**HASH_BITS - 1
# A pHash is an 8 x 8 grid of frequencies and its rows and columns are correlated: bands take its diagonals, which are less so.
_DIAGONAL = 9
_SPARE_BANDS = 4
# Costs (ns) on a 2.6 GHz core: they choose among plans that all find the same pairs.
_COMPARE_NS = 0.12
_GROUP_NS = 12.0
_COMBINATION_NS = 50_000.0


@dataclass(frozen=True)
class Agreement:
    """What a pair must satisfy to be found here and nowhere else: equal on one mask, different on each of the others.

    `equal` are the bits of the bands that agree; `differ` the earlier bands, in each of which at least one bit differs.
    """

    equal: int = 0
    differ: tuple[int, ...] = ()

    def and_also(self, inner: Agreement) -> Agreement:
        """Both at once."""
        return Agreement(self.equal | inner.equal, self.differ + inner.differ)


def split_bits(mask: int, num_bands: int) -> list[int]:
    """The set bits of a mask as disjoint masks whose sizes differ by one bit at most."""
    bits = sorted((bit for bit in range(HASH_BITS) if mask >> bit & 1), key=lambda bit: bit * _DIAGONAL % HASH_BITS)
    bounds = [len(bits) * band // num_bands for band in range(num_bands + 1)]
    return [sum(1 << bit for bit in bits[low:high]) for low, high in pairwise(bounds)]


def agreements(mask: int, max_distance: int, num_bands: int) -> list[Agreement]:
    """Every way in which two hashes within `max_distance` bits on `mask` can agree on its bands: each pair satisfies exactly one.

    With m bands, d differing bits touch at most d of them, so at least m - d agree (pigeonhole); the first m - d that do
    name the agreement. For m = 8 and d = 6 these are the 28 pairs of bands. ValueError unless m > d.
    """
    if num_bands <= max_distance:
        raise ValueError(f"num_bands must be above max_distance {max_distance}, not {num_bands}")
    bands = split_bits(mask, num_bands)
    chosen = combinations(range(num_bands), num_bands - max_distance)
    return [_agreement(bands, numbers) for numbers in chosen]


def _agreement(bands: list[int], numbers: tuple[int, ...]) -> Agreement:
    earlier = (bands[band] for band in range(numbers[-1]) if band not in numbers)
    return Agreement(sum(bands[band] for band in numbers), tuple(earlier))


def cheapest_num_bands(num_hashes: int, num_bits: int, max_distance: int) -> int | None:
    """The number of bands that costs least for so many hashes that vary in `num_bits` bits; None: compare all with all."""
    candidates = range(max_distance + 1, min(max_distance + _SPARE_BANDS, num_bits) + 1)
    costs = {bands: _split_cost(num_hashes, num_bits, max_distance, bands) for bands in candidates}
    best = min(costs, key=costs.__getitem__, default=None)
    compare_all = num_hashes * num_hashes / 2 * _COMPARE_NS
    return best if best is not None and costs[best] < compare_all else None


def _split_cost(num_hashes: int, num_bits: int, max_distance: int, num_bands: int) -> float:
    key_bits = num_bits * (num_bands - max_distance) / num_bands
    comparisons = num_hashes * num_hashes / 2 ** (key_bits + 1)
    each = _COMBINATION_NS + num_hashes * _GROUP_NS + comparisons * _COMPARE_NS
    return math.comb(num_bands, max_distance) * each
