"""A pixel put together by vector instructions is the one that the same sums give one channel at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from udfs.compiled import compiled
from udfs.weighted_pixel import LANES, put_weighted_pixel


@compiled
def put(
    sums: npt.NDArray[np.float32], at: int, weights: npt.NDArray[np.float32], row: int, out: npt.NDArray[np.uint8], to: int
) -> None:
    num = np.uintp(weights.shape[1])
    put_weighted_pixel(sums, np.uintp(at), weights, np.uintp(row) * num, num, out, np.uintp(to))


def one_by_one(values: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> list[int]:
    """In 32 bits and in the same order: value [taps, 3], weights [taps]."""
    total = np.full(3, 0.5, np.float32)
    for pixel, weight in zip(values, weights, strict=True):
        total += weight * pixel
    return [min(255, int(channel)) for channel in total]


@pytest.mark.parametrize("num", [1, 2, 3, 4, 5, 17])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_every_channel_is_its_weighted_sum_rounded_and_bounded(num: int, scale: float) -> None:
    chance = np.random.default_rng(num)
    sums = (chance.random(3 * 40 + LANES) * 255).astype(np.float32)
    weights = (chance.random((4, num)) * scale / num).astype(np.float32)
    for at, row, to in ((0, 0, 0), (7, 3, 5), (3 * (40 - num), 1, 12)):
        out = np.full(20, 99, np.uint8)
        put(sums, at, weights, row, out, to)
        assert out[to : to + 3].tolist() == one_by_one(sums[at : at + 3 * num].reshape(num, 3), weights[row])
        assert np.all(np.delete(out, slice(to, to + LANES)) == 99)
