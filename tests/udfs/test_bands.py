"""Bands cover the bits, and a pair within the distance satisfies exactly one agreement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.bands import ALL_BITS, Agreement, agreements, cheapest_num_bands, split_bits

WORDS = st.integers(0, ALL_BITS)


def _satisfies(difference: int, agreement: Agreement) -> bool:
    return not difference & agreement.equal and all(difference & mask for mask in agreement.differ)


@given(mask=WORDS, num_bands=st.integers(1, 12))
def test_bands_share_the_bits_of_the_mask_evenly(mask: int, num_bands: int) -> None:
    bands = split_bits(mask, num_bands)
    sizes = [band.bit_count() for band in bands]
    assert sum(bands) == mask
    assert sum(sizes) == mask.bit_count()
    assert max(sizes) - min(sizes) <= 1


@given(data=st.data(), max_distance=st.integers(0, 8), spare=st.integers(1, 4), mask=WORDS)
def test_a_pair_within_the_distance_satisfies_exactly_one_agreement(
    data: st.DataObject, max_distance: int, spare: int, mask: int
) -> None:
    bits = [bit for bit in range(64) if mask >> bit & 1]
    flipped = data.draw(st.sets(st.sampled_from(bits), max_size=max_distance)) if bits else set()
    difference = sum(1 << bit for bit in flipped)
    ways = agreements(mask, max_distance, max_distance + spare)
    assert sum(_satisfies(difference, way) for way in ways) == 1


def test_eight_bands_within_six_bits_are_28_pairs_of_16_bits() -> None:
    ways = agreements(ALL_BITS, 6, 8)
    assert len(ways) == 28
    assert {way.equal.bit_count() for way in ways} == {16}


def test_no_more_bands_than_differing_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="num_bands must be above max_distance 6"):
        agreements(ALL_BITS, 6, 6)


def test_more_hashes_are_searched_by_longer_keys() -> None:
    chosen = [cheapest_num_bands(num_hashes, 64, 6) for num_hashes in (2, 200_000, 24_000_000, 2_000_000_000)]
    assert chosen[0] is None
    assert chosen[1:] == sorted(set(chosen[1:]))
    assert chosen[2] == 8


def test_bits_too_few_for_the_bands_are_compared_all_with_all() -> None:
    assert cheapest_num_bands(1_000_000, 6, 6) is None
