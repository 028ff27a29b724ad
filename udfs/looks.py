"""The looks of a coarse hash: fine hashes of the images that have it, by which a pair of coarse hashes is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.hamming import Pairs, native, popcount

FINE_WORDS = 4
LOOK_BYTES = 8 * FINE_WORDS
# Of a hash with more looks none is kept, and all its pairs count as confirmed: two such crowds would be compared look by look.
MAX_LOOKS = 64


class Distances(NamedTuple):
    """Bits by which two coarse hashes may differ, and two fine ones."""

    coarse: int
    fine: int


class Looks(NamedTuple):
    """256-bit hashes as rows of four words: hash h has the rows starts[h] .. starts[h + 1] - 1; none where it has too many."""

    starts: NDArray[np.int64]
    words: NDArray[np.uint64]

    def confirmed(self, pairs: Pairs, max_distance: int) -> NDArray[np.bool_]:
        """Which pairs have, or may have, a look each that differ in at most so many bits."""
        return _confirmed(self.starts, self.words, pairs, max_distance)


def single_looks(words: NDArray[np.uint64]) -> Looks:
    """One look for each hash."""
    return Looks(np.arange(len(words) + 1), words)


def looks_of(packed: pa.BinaryArray) -> Looks:
    """The looks of packed ones, at least one: for each hash the bytes of its looks, one behind the other."""
    _, offsets, values = packed.buffers()
    ends = np.frombuffer(offsets, np.int32, len(packed) + 1, 4 * packed.offset)
    words = np.frombuffer(values or b"", np.uint8)[ends[0] : ends[-1]].view(np.uint64)
    return Looks((ends - ends[0]).astype(np.int64) // LOOK_BYTES, np.require(words, requirements="A").reshape(-1, FINE_WORDS))


def joined(parts: Sequence[Looks]) -> Looks:
    """The looks of the hashes of all parts, one part behind the other."""
    before = np.cumsum([0, *(len(part.words) for part in parts)])
    starts = [part.starts[1:] + first for part, first in zip(parts, before[:-1], strict=True)]
    return Looks(np.concatenate([np.zeros(1, np.int64), *starts]), np.concatenate([part.words for part in parts]))


@native
def _confirmed(starts: NDArray[np.int64], words: NDArray[np.uint64], pairs: Pairs, max_distance: int) -> NDArray[np.bool_]:
    confirmed = np.empty(len(pairs.i), np.bool_)
    for pair in range(len(confirmed)):
        i, j = pairs.i[pair], pairs.j[pair]
        near = starts[i] == starts[i + 1] or starts[j] == starts[j + 1]
        for one in range(starts[i], starts[i + 1]):
            for other in range(starts[j], starts[j + 1]):
                distance = np.uint64(0)
                for word in range(FINE_WORDS):
                    distance += popcount(words[one, word] ^ words[other, word])
                near = near or distance <= np.uint64(max_distance)
            if near:
                break
        confirmed[pair] = near
    return confirmed
