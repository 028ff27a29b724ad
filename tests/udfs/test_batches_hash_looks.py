"""Images to one row a coarse hash, wherever the batches are cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest

from udfs.batches.hash_looks import HASHED, GroupLooks
from udfs.looks import MAX_LOOKS

Image = tuple[int, bytes | None]


def grouped(images: Sequence[Image], sizes: Sequence[int]) -> list[tuple[int, int, bool, bytes]]:
    """The images as Spark sorts them, in batches of these sizes by turns."""
    ordered = sorted(images, key=lambda image: (image[0], image[1] is not None, image[1]))
    columns = [pa.array(list(values), field.type) for values, field in zip(zip(*ordered, strict=True), HASHED, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, schema=HASHED)

    def batches() -> Iterator[pa.RecordBatch]:
        start, turn = 0, 0
        while start < len(batch):
            yield batch.slice(start, sizes[turn % len(sizes)])
            start, turn = start + sizes[turn % len(sizes)], turn + 1

    return [tuple(row.values()) for found in GroupLooks()(batches()) for row in found.to_pylist()]


def by_definition(images: Sequence[Image]) -> list[tuple[int, int, bool, bytes]]:
    rows = []
    for phash in sorted({phash for phash, _ in images}):
        own = [look for known, look in images if known == phash]
        looks = sorted({look for look in own if look is not None})
        rows.append((phash, len(own), bool(looks), b"".join(looks) if len(looks) <= MAX_LOOKS else b""))
    return rows


@pytest.mark.parametrize("sizes", [[10_000], [1], [7, 1, 0, 2], [100]])
def test_looks_are_the_distinct_fine_hashes_of_the_usable_images(sizes: list[int]) -> None:
    rng = np.random.default_rng(1)
    looks = [None, *(rng.bytes(32) for _ in range(5))]
    images = [(int(rng.integers(-60, 60)), looks[rng.integers(len(looks))]) for _ in range(300)]
    images += [(1000, None)] * 3
    for phash, num_looks in ((2000, MAX_LOOKS), (3000, MAX_LOOKS + 1), (4000, MAX_LOOKS + 2), (-2000, 150)):
        images += [(phash, look) for look in (rng.bytes(32) for _ in range(num_looks)) for _ in range(1 + phash % 3)]
    assert grouped(images, sizes) == by_definition(images)


def test_nothing_comes_of_nothing() -> None:
    empty = pa.RecordBatch.from_pylist([], schema=HASHED)
    assert list(GroupLooks()(iter([empty, empty]))) == []
