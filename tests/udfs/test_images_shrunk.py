"""JPEGs that their decoder shrinks, if asked to: the record tells of the whole image, at a fraction of the work."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import asdict

import imagehash
import numpy as np
import pytest
from PIL import Image

from schemas.rejects import Reason, Rejected
from tests.udfs.image_samples import encoded, image, swapped_profile
from udfs.image_decode import decode
from udfs.image_record import plan
from udfs.images import ImageOptions, process_image
from udfs.phash import HASH_VERSION, hamming_distance, phash_to_int

SHRUNK = ImageOptions(shrink_on_load=True)


def figure(width: int = 2200, height: int = 1300) -> Image.Image:
    picture = image().resize((width, height), Image.Resampling.BICUBIC)
    picture.paste((20, 30, 40), (width // 8, height // 8, width // 4, height // 2))
    return picture


def jpeg(picture: Image.Image, **options: object) -> bytes:
    return encoded(picture, "JPEG", quality=92, **options)


def decoded_size(data: bytes, least_side: int) -> tuple[int, int]:
    height, width = decode(data, plan(data, ImageOptions()).image, least_side).pixels.shape[:2]
    return width, height


def with_orientation(value: int) -> dict[str, object]:
    exif = Image.Exif()
    exif[274] = value
    return {"exif": exif}


SAMPLES: dict[str, Callable[[], bytes]] = {
    "colour": lambda: jpeg(figure()),
    "grey": lambda: jpeg(figure().convert("L")),
    "progressive": lambda: jpeg(figure(), progressive=True),
    "profile": lambda: jpeg(figure(), icc_profile=swapped_profile()),
    "CMYK": lambda: jpeg(figure().convert("CMYK")),
    **{f"turned {turn}": lambda turn=turn: jpeg(figure(), **with_orientation(turn)) for turn in range(2, 9)},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_shrunk_jpeg_has_about_the_record_of_the_whole(name: str) -> None:
    data = SAMPLES[name]()
    whole, shrunk = asdict(process_image(data)), asdict(process_image(data, SHRUNK))
    same = ("image_sha256", "format", "mode", "width_px", "height_px", "aspect", "num_bytes", "image_width_px", "image_height_px")
    assert {key: shrunk[key] for key in same} == {key: whole[key] for key in same}
    assert hamming_distance(whole["phash_trimmed"], shrunk["phash_trimmed"]) <= 2
    assert hamming_distance(whole["phash256_trimmed"], shrunk["phash256_trimmed"]) <= 12
    for side in ("left", "top", "width", "height"):
        assert shrunk[f"content_{side}_px"] == pytest.approx(whole[f"content_{side}_px"], abs=20)
    assert shrunk["entropy_bits"] == pytest.approx(whole["entropy_bits"], abs=0.3)
    assert 0 < shrunk["sharpness"] <= 1.1 * whole["sharpness"]
    pixels = [np.asarray(Image.open(io.BytesIO(one["image"])), np.float32) for one in (whole, shrunk)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 3


@pytest.mark.parametrize("name", SAMPLES)
def test_the_decoder_does_the_work(name: str) -> None:
    data = SAMPLES[name]()
    is_high = name.startswith("turned") and int(name[-1]) >= 5
    assert decoded_size(data, 512) == ((325, 550) if is_high else (550, 325))
    assert decoded_size(data, 1024) == ((650, 1100) if is_high else (1100, 650))
    assert decoded_size(data, 0) == decoded_size(data, 1101) == ((1300, 2200) if is_high else (2200, 1300))


@pytest.mark.parametrize(
    ("side", "expected"), [(1023, 1023), (1024, 512), (1025, 513), (2047, 1024), (2048, 512), (4100, 513), (9000, 1125)]
)
@pytest.mark.parametrize("is_high", [False, True])
def test_no_side_falls_below_the_measured_size(side: int, expected: int, is_high: bool) -> None:
    data = jpeg(figure(40, side) if is_high else figure(side, 40))
    assert max(decoded_size(data, 512)) == expected
    record = process_image(data, SHRUNK)
    assert max(record.width_px, record.height_px) == side
    assert max(record.image_width_px, record.image_height_px) == 512


def test_a_line_is_shrunk_to_a_line() -> None:
    data = jpeg(figure(5000, 1))
    record = process_image(data, ImageOptions(shrink_on_load=True, min_side_px=1))
    assert (record.width_px, record.height_px, record.image_width_px, record.image_height_px) == (5000, 1, 512, 1)


def test_hashes_of_shrunk_images_are_a_definition_of_their_own() -> None:
    assert process_image(jpeg(figure())).hash_version == HASH_VERSION
    for data in (jpeg(figure()), jpeg(figure(300, 200)), encoded(figure(), "PNG")):
        assert process_image(data, SHRUNK).hash_version == SHRUNK.hash_version != HASH_VERSION


@pytest.mark.parametrize(("size", "file_format"), [((1000, 700), "JPEG"), ((2200, 1300), "PNG"), ((2200, 1300), "WEBP")])
def test_what_is_small_or_no_jpeg_keeps_its_record(size: tuple[int, int], file_format: str) -> None:
    data = encoded(figure(*size), file_format)
    whole, shrunk = asdict(process_image(data)), asdict(process_image(data, SHRUNK))
    assert shrunk | {"hash_version": HASH_VERSION} == whole


def test_the_hash_is_imagehash_of_the_shrunk_pixels() -> None:
    data = jpeg(figure())
    drafted = Image.open(io.BytesIO(data))
    drafted.draft("RGB", (550, 325))
    assert drafted.size == (550, 325)
    assert process_image(data, SHRUNK).phash == phash_to_int(imagehash.phash(drafted).hash)
    whole = struct.pack(">II", 1300, 2200)
    assert process_image(data, SHRUNK).pixels_sha256 == hashlib.sha256(whole + drafted.tobytes()).hexdigest()


def test_the_digest_tells_a_shrunk_image_from_a_small_one_of_the_same_pixels() -> None:
    data = jpeg(figure())
    small = Image.fromarray(decode(data, plan(data, SHRUNK).image, 512).pixels)
    assert process_image(encoded(small, "PNG"), SHRUNK).pixels_sha256 != process_image(data, SHRUNK).pixels_sha256
    commented = data[:2] + b"\xff\xfe\x00\x06text" + data[2:]
    assert process_image(commented, SHRUNK).pixels_sha256 == process_image(data, SHRUNK).pixels_sha256


def test_a_jpeg_that_shrinks_to_the_wanted_size_is_not_kept_whole() -> None:
    record = process_image(jpeg(figure(1024, 600)), SHRUNK)
    assert (record.width_px, record.image_width_px) == (1024, 512)
    assert Image.open(io.BytesIO(record.image)).size == (512, 300)


@pytest.mark.parametrize("name", SAMPLES)
def test_missing_pixels_are_still_told(name: str) -> None:
    data = SAMPLES[name]()
    with pytest.raises(Rejected) as refused:
        process_image(data[: len(data) // 2], SHRUNK)
    assert refused.value.reason is Reason.TRUNCATED
