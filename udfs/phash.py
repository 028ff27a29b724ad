"""Perceptual hashes of grey images, as integers that SQL can compare."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from udfs.compiled import compiled
from udfs.grey_lanczos import grey_square
from udfs.image_resize import squared

Bits = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

HASH_VERSION = "phash-1+window-6"
_OVERSAMPLING = 4  # imagehash keeps the lowest quarter of the frequencies of each direction
_WINDOW_SIGMA = 0.45  # of half the side; smaller forgives larger crops and sees less of the picture
_WINDOW_SIDE_PX = 64
_NUM_WAVES = 20  # 17 are needed; 20 fill vectors of four
_ROUNDING = 1e-6  # what is below is zero: it may be nothing but rounding, and no bit may depend on that
_NOISE = 0.1  # of the mean size of all: how far the noise of whoever wrote the file may lift a frequency
_SCARCE = 0.3  # of its part: a parity that has less is held against noise, the more the less it has
_LEFT = (0.03, 0.13)  # share of the third parity from which on, and from which on fully, that is done
_DIGITS = 13  # of cosines and exponentials, whose last bits NumPy computes differently on different processors
_ALL_BITS = (1 << 64) - 1


def phash_bits(pixels: npt.NDArray[np.uint8], hash_size: int = 8) -> Bits:
    """Bits [hash_size, hash_size] of RGB pixels [height, width, 3], equal to imagehash.phash(image, hash_size).hash.

    A bit says whether a low frequency of the image shrunk to (4 * hash_size)^2 pixels lies above the median of them all.
    Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010); order of bits as imagehash.
    """
    square = grey_square(pixels, hash_size * _OVERSAMPLING)
    frequencies = _frequencies(square.astype(np.float64), _cosines(len(square), hash_size))
    bits, is_clear = _above_median(frequencies)
    return bits if is_clear else _above_median(_scipy_frequencies(square)[:hash_size, :hash_size])[0]


def windowed_bits(grey: npt.NDArray[np.uint8]) -> tuple[Bits, Bits]:
    """Bits [8, 8] and [16, 16] of a grey image [height, width] seen through a Gaussian window.

    As phash_bits, but the deviation from the weighted mean fades towards the edges: a crop or a border moves the edges of
    a picture most and its middle least, so the bits of a slightly cropped copy stay. A bit says whether a frequency is above
    zero (or noise, see `_thresholds`): with a median, one that crosses it pushes another one back, and a small change costs two
    bits.
    """
    pixels = squared(grey, _WINDOW_SIDE_PX).astype(np.float64)
    faded = (pixels - (pixels * _WINDOW).sum() / _WINDOW.sum()) * _WINDOW
    frequencies = _frequencies(faded, _cosines(_WINDOW_SIDE_PX, _NUM_WAVES))
    thresholds = _thresholds(frequencies)
    return _above(thresholds, frequencies, 8), _above(thresholds, frequencies, 16)


def pack_bits(bits: Bits) -> bytes:
    """Bits row by row, most significant first, as bytes (64 bits: 8 bytes, 256 bits: 32 bytes)."""
    return np.packbits(bits.ravel()).tobytes()


def phash_to_int(bits: Bits) -> int:
    """64 bits as a signed integer (two's complement), so that bit_count(a ^ b) is the Hamming distance in SQL."""
    return int.from_bytes(pack_bits(bits), "big", signed=True)


def int_to_hex(phash: int) -> str:
    """The signed integer as the 16 hex digits that imagehash prints."""
    return f"{phash & _ALL_BITS:016x}"


def hex_to_int(text: str) -> int:
    """The 16 hex digits that imagehash prints as a signed integer; ValueError for anything else."""
    digits = bytes.fromhex(text)
    if len(digits) != 8:
        raise ValueError(f"a 64-bit hash has 16 hex digits, not {text!r}")
    return int.from_bytes(digits, "big", signed=True)


def hamming_distance(left: int | bytes, right: int | bytes) -> int:
    """Number of bits in which two hashes of one kind differ; ValueError for hashes of two kinds."""
    if isinstance(left, int) and isinstance(right, int):
        return ((left ^ right) & _ALL_BITS).bit_count()
    if isinstance(left, bytes) and isinstance(right, bytes) and len(left) == len(right):
        return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()
    raise ValueError("hamming_distance: both hashes must be integers, or bytes of one length")


def _scipy_frequencies(square: npt.NDArray[np.uint8]) -> Values:
    """As imagehash has them: in a symmetric picture some are zero and decide by how they were rounded."""
    return np.asarray(dct(dct(square.astype(np.float64), axis=0), axis=1), dtype=np.float64)


def _above_median(frequencies: Values) -> tuple[Bits, bool]:
    """The bits, and whether all of them stand, however the frequencies were rounded."""
    distances = frequencies - np.median(frequencies)
    bits: Bits = distances > 0
    return bits, bool(np.abs(distances).min() > _ROUNDING)


def _thresholds(frequencies: Values) -> Values:
    """What a frequency must exceed, by the parity of its place: [2, 2], down and across. Zero, but for parities that are scarce.

    A picture that is symmetric in one way lacks two of the four: the noise of JPEG would draw their bits. As the threshold sinks
    with what there is of a parity, a nearly symmetric picture and its copy have nearly the same. Not where a third parity is
    lacking too: the quarter of the bits that a picture mirrored across and down has left does not tell one from another.
    """
    sizes = np.abs(frequencies[:8, :8])
    sizes[0, 0] = 0
    total = math.fsum(sizes.ravel().tolist())
    if total == 0:
        return np.zeros((2, 2))
    sums = [math.fsum(sizes[down::2, across::2].ravel().tolist()) for down in (0, 1) for across in (0, 1)]
    shares = np.array(sums) * len(sums) / total
    first, fully = _LEFT
    weight = min(1.0, max(0.0, (float(np.sort(shares)[2]) - first) / (fully - first)))
    scarcity = np.maximum(0.0, 1 - shares / _SCARCE)
    return (weight * _NOISE * total / sizes.size * scarcity).reshape(2, 2)


def _above(thresholds: Values, frequencies: Values, side: int) -> Bits:
    lowest = frequencies[:side, :side].copy()
    lowest[0, 0] = frequencies[0, side]  # the mean is zero by construction: the next frequency across says more
    bits: Bits = lowest > np.tile(thresholds, (side // 2, side // 2)) + _ROUNDING
    return bits


@compiled
def _frequencies(values: Values, waves: Values) -> Values:
    """The lowest frequencies (DCT-II, halved each way) of values [side, side]; `waves` [side, frequencies] are the cosines.

    Sums are taken in one order, so that all processors round alike.
    """
    side, num = waves.shape
    out, across = np.zeros((num, num)), np.empty(num)
    for y in range(side):
        for wave in range(num):
            across[wave] = 0.0
        for x in range(side):
            for wave in range(num):
                across[wave] += values[y, x] * waves[x, wave]
        for down in range(num):
            for wave in range(num):
                out[down, wave] += waves[y, down] * across[wave]
    return out


def _gaussian_window() -> Values:
    centres = (np.arange(_WINDOW_SIDE_PX) + 0.5) / _WINDOW_SIDE_PX * 2 - 1
    fade = np.exp(-(centres**2) / (2 * _WINDOW_SIGMA**2)).round(_DIGITS)
    return np.outer(fade, fade)


@cache
def _cosines(side: int, num: int) -> Values:
    return np.asarray(np.cos(np.pi * np.outer(np.arange(side) + 0.5, np.arange(num)) / side), dtype=np.float64).round(_DIGITS)


_WINDOW = _gaussian_window()
