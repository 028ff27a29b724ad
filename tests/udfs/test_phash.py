"""Perceptual hashes equal imagehash bit for bit and survive what copies of a figure go through."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import ROOT
from tests.udfs.image_samples import Pixels
from udfs.grey_lanczos import _agrees_with_pillow, grey_square, square_by_pillow
from udfs.images import process_image
from udfs.phash import Bits, hamming_distance, hex_to_int, int_to_hex, pack_bits, phash_bits, phash_to_int, windowed_bits

_SUFFIXES = {".jpg", ".png", ".gif", ".tif"}


def real_figures(shared_data: Path) -> list[Path]:
    """Every third figure, and all that are no JPEG in colour."""
    paths = sorted(path for path in shared_data.glob("pmc-mirror/*/*") if path.suffix in _SUFFIXES)
    assert len(paths) > 100
    return [path for number, path in enumerate(paths) if number % 3 == 0 or path.suffix == ".gif"]


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_phash_of_real_figures_equals_imagehash(shared_data: Path) -> None:
    checked = 0
    for path in real_figures(shared_data):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            if opened.mode not in ("RGB", "L", "P") or "icc_profile" in opened.info or opened.width * opened.height > 4_000_000:
                continue  # alpha and profiles are flattened before hashing, imagehash would look through them
            expected = imagehash.phash(opened)
        record = process_image(data)
        assert int_to_hex(record.phash) == str(expected), path.name
        assert bin(record.phash ^ hex_to_int(str(expected))).count("1") == 0
        checked += 1
    assert checked >= 30


@pytest.mark.parametrize("hash_size", [8, 16])
@pytest.mark.parametrize(
    "size",
    [(640, 480), (480, 640), (300, 900), (900, 300), (33, 33), (32, 32), (20, 500), (500, 20), (17, 16), (5462, 16), (16, 5462)],
)
def test_phash_of_any_shape_equals_imagehash(size: tuple[int, int], hash_size: int) -> None:
    pixels = noise(*size)
    expected = imagehash.phash(Image.fromarray(pixels), hash_size=hash_size).hash
    assert np.array_equal(phash_bits(pixels, hash_size), expected)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=st.integers(0, 2**32 - 1))
def test_the_compiled_grey_square_equals_pillow(width: int, height: int, seed: int) -> None:
    pixels = noise(width, height, seed)
    expected = Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(grey_square(pixels, 32), np.asarray(expected))


@pytest.mark.parametrize("width", [64, 65, 66, 67])
def test_grey_squares_equal_pillow_s_around_the_shape_at_which_it_turns_the_order_of_its_passes(width: int) -> None:
    pixels = noise(width, 98)
    assert np.array_equal(grey_square(pixels, 32), square_by_pillow(pixels, 32))


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (65, 98)])
def test_the_compiled_path_is_in_use(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert _agrees_with_pillow()
    monkeypatch.setattr("udfs.grey_lanczos.square_by_pillow", None)
    assert grey_square(noise(*size), 32).shape == (32, 32)


def test_a_large_image_goes_through_pillow_in_strips() -> None:
    pixels = np.tile(noise(70, 90), (30, 30, 1))
    expected = Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(square_by_pillow(pixels, 32), np.asarray(expected))


@given(st.integers(-(2**63), 2**63 - 1))
def test_hex_and_signed_integer_are_the_same_hash(phash: int) -> None:
    assert hex_to_int(int_to_hex(phash)) == phash
    assert len(int_to_hex(phash)) == 16


def test_the_first_bit_is_the_sign() -> None:
    bits = np.zeros((8, 8), dtype=bool)
    bits[0, 0] = True
    assert phash_to_int(bits) == -(2**63)
    assert int_to_hex(phash_to_int(bits)) == "8000000000000000" == str(imagehash.ImageHash(bits))


@given(st.integers(-(2**63), 2**63 - 1), st.sets(st.integers(0, 63)))
def test_hamming_distance_counts_flipped_bits(phash: int, positions: set[int]) -> None:
    bits = np.unpackbits(np.frombuffer(phash.to_bytes(8, "big", signed=True), np.uint8)).astype(bool)
    flipped = bits.copy()
    for position in positions:
        flipped[position] = not flipped[position]
    assert hamming_distance(phash_to_int(bits), phash_to_int(flipped)) == len(positions)
    assert hamming_distance(pack_bits(bits), pack_bits(flipped)) == len(positions)


@pytest.mark.parametrize("text", ["", "abc", "00" * 9, "zz" * 8])
def test_anything_but_16_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hex"):
        hex_to_int(text)


def test_hashes_of_two_kinds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="must be"):
        hamming_distance(b"\0" * 8, b"\0" * 32)


def test_a_crop_changes_the_windowed_hash_less_than_the_plain_one(shared_data: Path) -> None:
    plain, windowed = 0, 0
    for path in real_figures(shared_data)[:30]:
        with Image.open(path) as opened:
            grey = opened.convert("L")
        grey.thumbnail((256, 256), Image.Resampling.BOX)
        across, down = round(grey.width * 0.02), round(grey.height * 0.02)
        cropped = grey.crop((across, down, grey.width - across, grey.height - down))
        plain += imagehash.phash(grey) - imagehash.phash(cropped)
        both = (windowed_bits(np.asarray(picture))[0] for picture in (grey, cropped))
        windowed += int(np.count_nonzero(next(both) != next(both)))
    assert windowed < 0.75 * plain


def test_windowed_bits_are_the_signs_of_the_frequencies_by_definition() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (64, 64), dtype=np.uint8)
    centres = (np.arange(64) + 0.5) / 32 - 1
    window = np.exp(-(centres[:, None] ** 2 + centres[None, :] ** 2) / (2 * 0.45**2))
    faded = (pixels - np.average(pixels, weights=window)) * window
    waves = np.cos(np.pi * np.outer(np.arange(17), np.arange(64) + 0.5) / 64)
    expected = waves @ faded @ waves.T > 0
    for bits, side in zip(windowed_bits(pixels), (8, 16), strict=True):
        assert bits.shape == (side, side)
        assert bits[0, 0] == expected[0, side]
        assert np.array_equal(bits.ravel()[1:], expected[:side, :side].ravel()[1:])


def test_a_change_of_brightness_or_contrast_leaves_the_windowed_hash(shared_data: Path) -> None:
    for path in real_figures(shared_data)[:10]:
        with Image.open(path) as opened:
            grey = np.asarray(opened.convert("L").resize((64, 64), Image.Resampling.BOX))
        darker = (grey // 2).astype(np.uint8)
        both = (windowed_bits(pixels)[0] for pixels in (grey, darker))
        assert int(np.count_nonzero(next(both) != next(both))) <= 2, path.name


@pytest.mark.parametrize("flips", [(1,), (0,), (0, 1)], ids=["left and right", "top and bottom", "turned by half"])
def test_noise_does_not_draw_the_bits_of_a_symmetric_picture(flips: tuple[int, ...]) -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(20):
        symmetric = drawn_symmetric(rng, flips)
        noisy = np.clip(symmetric + rng.normal(0, 2, symmetric.shape), 0, 255)
        found.append(windowed_bits(symmetric.astype(np.uint8)))
        for limit, one, other in zip((2, 12), found[-1], windowed_bits(noisy.astype(np.uint8)), strict=True):
            assert np.count_nonzero(one != other) <= limit
    assert num_near(found) <= 3  # of 190


def test_copies_are_found_however_nearly_a_picture_is_symmetric() -> None:
    """A rule that holds up to a bound takes a picture near it and its copy for two kinds."""
    rng, missed = np.random.default_rng(1), {}
    for share in (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2):
        missed[share] = 0
        for _ in range(20):
            symmetric, other = drawn_symmetric(rng, (1,)), drawn_symmetric(rng, (1,))
            other[:, 32:] = 256 - other[:, 32:]  # what one half has, the other lacks
            picture = np.clip(symmetric + share * (other - 128), 0, 255)
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255)
            missed[share] += num_near([windowed_bits(version.astype(np.uint8)) for version in (picture, noisy)]) == 0
    assert max(missed.values()) <= 1, missed


@pytest.mark.parametrize(("share", "most"), [(0.02, 4), (0.04, 1), (0.1, 0)])
def test_copies_are_found_where_a_picture_is_hardly_mirrored_across_too(share: float, most: int) -> None:
    rng, missed = np.random.default_rng(3), 0
    for _ in range(60):
        picture, other = drawn_symmetric(rng, (0,)), drawn_symmetric(rng, (0,))
        mirrored = (picture + np.flip(picture, 1)) / 2
        shown = np.clip(mirrored + share * (other - np.flip(other, 1)), 0, 255)
        noisy = np.clip(shown + rng.normal(0, 2, shown.shape), 0, 255)
        missed += num_near([windowed_bits(version.astype(np.uint8)) for version in (shown, noisy)]) == 0
    assert missed <= most


def test_pictures_mirrored_across_and_down_keep_enough_bits_to_tell_them_apart() -> None:
    rng = np.random.default_rng(0)
    pictures = [drawn_symmetric(rng, (0,)) for _ in range(30)]
    mirrored = [((picture + np.flip(picture, 1)) / 2).astype(np.uint8) for picture in pictures]
    noise = rng.integers(-2, 3, (30, *mirrored[0].shape))
    noisy = np.clip(np.stack(mirrored).astype(int) + noise, 0, 255).astype(np.uint8)
    assert num_near([windowed_bits(picture) for picture in noisy]) <= 5  # of 435


def drawn_symmetric(rng: np.random.Generator, flips: tuple[int, ...]) -> npt.NDArray[np.float64]:
    blocks = np.kron(rng.integers(0, 200, (8, 8)), np.ones((8, 8))) / 2 + 28
    return blocks + np.flip(blocks, flips)


def num_near(hashes: list[tuple[Bits, Bits]]) -> int:
    """Pairs of different pictures that would be taken for copies."""
    distances = [[np.count_nonzero(a != b) for a, b in zip(*pair, strict=True)] for pair in combinations(hashes, 2)]
    return sum(near <= 6 and far <= 44 for near, far in distances)


def test_what_pictures_are_multiplied_with_does_not_depend_on_the_processor() -> None:
    shown = (
        "import udfs.phash as p; print((p._WINDOW.tobytes() + p._cosines(64, 20).tobytes() + p._cosines(32, 8).tobytes()).hex())"
    )
    digits = set()
    for disabled in ("", "X86_V4", "X86_V4 X86_V3"):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NPY_DISABLE_CPU_FEATURES": disabled, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run([sys.executable, "-c", shown], env=environment, capture_output=True, text=True, check=True)
        digits.add(done.stdout)
    assert len(digits) == 1
