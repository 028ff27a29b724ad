"""How far pictures are apart, by perceptual hashes: what is planned as a duplicate shall be one, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TRIM_TOLERANCE = 16


@dataclass(frozen=True)
class Fingerprint:
    """Trimmed perceptual hashes of 64 and 256 bits, as integers."""

    bits64: int
    bits256: int

    def distance(self, other: Fingerprint) -> tuple[int, int]:
        """Differing bits of the short and the long hash."""
        return (self.bits64 ^ other.bits64).bit_count(), (self.bits256 ^ other.bits256).bit_count()


def fingerprint(image: Image.Image) -> Fingerprint:
    """Hashes of an image after its uniform margin is cut (the DCT hash of Zauner 2010: low frequencies above their median)."""
    grey = trimmed(image.convert("L"))
    return Fingerprint(_hash(grey, 8), _hash(grey, 16))


def trimmed(grey: Image.Image) -> Image.Image:
    """A grey image without the margin in the commonest value of its border; as it is if that is everything."""
    pixels = np.asarray(grey, dtype=np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    differs = np.abs(pixels - np.bincount(border).argmax()) > TRIM_TOLERANCE
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if rows.size == 0:
        return grey
    return grey.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


@dataclass
class Gallery:
    """Short hashes seen so far, to ask how near the nearest one is."""

    _hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(64, dtype=np.uint64))
    _owners: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, dtype=np.int64))
    _count: int = 0

    def nearest(self, mark: Fingerprint, owner: int) -> int:
        """Differing bits to the nearest hash of another owner; 64 if there is none."""
        others = self._hashes[: self._count][self._owners[: self._count] != owner]
        if others.size == 0:
            return 64
        return int(np.bitwise_count(others ^ np.uint64(mark.bits64)).min())

    def add(self, mark: Fingerprint, owner: int) -> None:
        """Remember a hash under the number of its picture."""
        if self._count == self._hashes.size:
            self._hashes, self._owners = np.resize(self._hashes, 2 * self._count), np.resize(self._owners, 2 * self._count)
        self._hashes[self._count], self._owners[self._count] = mark.bits64, owner
        self._count += 1


def _hash(grey: Image.Image, side: int) -> int:
    size = side * 4
    pixels = np.asarray(grey.resize((size, size), Image.Resampling.LANCZOS), dtype=float)
    low = _cosines(size)[:side] @ pixels @ _cosines(size)[:side].T
    return int("".join("1" if bit else "0" for bit in (low > np.median(low)).ravel()), 2)


@cache
def _cosines(size: int) -> NDArray[np.float64]:
    frequency, place = np.arange(size)[:, None], np.arange(size)[None, :]
    return np.asarray(2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * size)))
