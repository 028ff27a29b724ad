"""Perceptual hashes of grey images: the bits of imagehash.phash, as integers that SQL can compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct

GreyImage = npt.NDArray[np.uint8]
HASH_VERSION = "phash-1"
_HIGH_FREQUENCY_FACTOR = 4  # imagehash looks at the lowest quarter of the frequencies
_SIGN_BIT = 1 << 63


def phash_bits(grey: Image.Image, hash_size: int = 8) -> npt.NDArray[np.bool_]:
    """Bits [hash_size, hash_size] of a grey ("L") image, equal to imagehash.phash(image, hash_size).hash.

    Each bit says whether a low-frequency DCT coefficient of the image shrunk to (4 * hash_size)^2 lies above their median.
    Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010); bit order as in imagehash.
    """
    side = hash_size * _HIGH_FREQUENCY_FACTOR
    pixels = np.asarray(grey.resize((side, side), Image.Resampling.LANCZOS), dtype=np.float64)
    return low_frequency_bits(pixels, hash_size)


def low_frequency_bits(pixels: npt.NDArray[np.float64], hash_size: int) -> npt.NDArray[np.bool_]:
    """Bits [hash_size, hash_size] of square pixels [side, side]: coefficients of the type-II DCT above their median."""
    coefficients = dct(dct(pixels, axis=0), axis=1)[:hash_size, :hash_size]
    bits: npt.NDArray[np.bool_] = coefficients > np.median(coefficients)
    return bits


def pack_bits(bits: npt.NDArray[np.bool_]) -> bytes:
    """Bits row by row, most significant first, as bytes (64 bits: 8 bytes, 256 bits: 32 bytes)."""
    return np.packbits(bits.ravel()).tobytes()


def phash_to_int(bits: npt.NDArray[Any]) -> int:
    """64 bits as a signed integer (two's complement), so that bit_count(a ^ b) is the Hamming distance in SQL."""
    return int.from_bytes(pack_bits(bits), "big", signed=True)


def int_to_hex(phash: int) -> str:
    """The signed integer as the 16 hex digits that imagehash prints."""
    return f"{phash & (2 * _SIGN_BIT - 1):016x}"


def hex_to_int(text: str) -> int:
    """The 16 hex digits that imagehash prints as a signed integer."""
    return int.from_bytes(bytes.fromhex(text), "big", signed=True)


def hamming_distance(left: int | bytes, right: int | bytes) -> int:
    """Number of bits in which two hashes of one kind (signed integers, or bytes of equal length) differ."""
    if isinstance(left, int) and isinstance(right, int):
        return ((left ^ right) & (2 * _SIGN_BIT - 1)).bit_count()
    if isinstance(left, bytes) and isinstance(right, bytes) and len(left) == len(right):
        return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()
    raise ValueError("hamming_distance: both hashes must be integers, or bytes of one length")
