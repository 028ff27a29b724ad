"""How far pictures are apart, by perceptual hashes: what is planned as a duplicate shall be one, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TRIM_TOLERANCE = 16
WINDOW_WIDTH = 0.5

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of 64 and of 256 bits (integers) of the trimmed image: seen whole, and through a window that fades to the edges."""

    short: tuple[int, int]
    long: tuple[int, int]

    def distance(self, other: Fingerprint) -> tuple[int, int]:
        """Differing bits of the short and the long hashes, the larger of the two views."""
        short, long = (zip(mine, theirs, strict=True) for mine, theirs in ((self.short, other.short), (self.long, other.long)))
        return max((a ^ b).bit_count() for a, b in short), max((a ^ b).bit_count() for a, b in long)


def fingerprint(image: Image.Image) -> Fingerprint:
    """Hashes of an image after its uniform margin is cut (the DCT hash of Zauner 2010: low frequencies above their median)."""
    grey = trimmed(image.convert("L"))
    small, large = _shrunk(grey, 32), _shrunk(grey, 64)
    return Fingerprint((_hash(small, 8), _hash(_faded(large), 8)), (_hash(large, 16), _hash(_faded(large), 16)))


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
    """Short hashes seen so far, to ask how near the nearest one is in either view."""

    _hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((64, 2), dtype=np.uint64))
    _owners: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, dtype=np.int64))
    _count: int = 0

    def nearest(self, mark: Fingerprint, owner: int) -> int:
        """Differing bits to the nearest hash of another owner; 64 if there is none."""
        others = self._hashes[: self._count][self._owners[: self._count] != owner]
        if others.size == 0:
            return 64
        return int(np.bitwise_count(others ^ np.array(mark.short, dtype=np.uint64)).min())

    def add(self, mark: Fingerprint, owner: int) -> None:
        """Remember a hash under the number of its picture."""
        if self._count == self._owners.size:
            self._hashes, self._owners = np.resize(self._hashes, (2 * self._count, 2)), np.resize(self._owners, 2 * self._count)
        self._hashes[self._count], self._owners[self._count] = mark.short, owner
        self._count += 1


def _shrunk(grey: Image.Image, side: int) -> Values:
    return np.asarray(grey.resize((side, side), Image.Resampling.LANCZOS), dtype=float)


def _faded(pixels: Values) -> Values:
    place = np.linspace(-1, 1, len(pixels))
    bell = np.exp(-((place / WINDOW_WIDTH) ** 2) / 2)
    window = np.outer(bell, bell)
    return np.asarray((pixels - (pixels * window).sum() / window.sum()) * window)


def _hash(pixels: Values, side: int) -> int:
    cosines = _cosines(len(pixels))[:side]
    low = cosines @ pixels @ cosines.T
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


@cache
def _cosines(size: int) -> Values:
    frequency, place = np.arange(size)[:, None], np.arange(size)[None, :]
    return np.asarray(2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * size)))
