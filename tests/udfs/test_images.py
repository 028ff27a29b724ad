"""The image kernel: one clean row from any image, the same wherever and however often it is made."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

import conf.settings
from conf.settings import DuplicateSettings, ImageSettings
from schemas.images import IMAGES
from schemas.rejects import Reason, Rejected
from tests.udfs.image_samples import colours, encoded, image, with_alpha
from udfs import image_options, images
from udfs.image_record import process
from udfs.images import ImageOptions, ImageRecord, process_image
from udfs.phash import hamming_distance


def figure(width: int = 800, height: int = 600) -> Image.Image:
    return image().resize((width, height), Image.Resampling.BICUBIC)


def opened(record: ImageRecord) -> Image.Image:
    picture = Image.open(io.BytesIO(record.image))
    picture.load()
    return picture


def test_a_record_is_a_row_of_the_table() -> None:
    record = process_image(encoded(figure(), "PNG"))
    assert [field.name for field in fields(ImageRecord)] == IMAGES.column_names
    row = IMAGES.batch([asdict(record)]).to_pylist()[0]
    assert row["phash"] == record.phash
    assert row["content_width_px"] == record.content_width_px


def test_options_are_the_settings() -> None:
    assert ImageOptions(**ImageSettings().model_dump()) == ImageOptions()


def test_the_settings_know_the_size_below_which_no_decoder_shrinks() -> None:
    assert conf.settings.SHRUNK_SIDE_PX == image_options.SHRUNK_SIDE_PX
    with pytest.raises(ValueError, match="max_side_px must be 1 to 512 with shrink_on_load, not 513"):
        ImageOptions(shrink_on_load=True, max_side_px=513)


def test_size_digests_and_format_come_from_the_original() -> None:
    data = encoded(figure(), "PNG")
    record = process_image(data)
    assert (record.format, record.width_px, record.height_px, record.num_bytes) == ("PNG", 800, 600, len(data))
    assert record.image_sha256 == hashlib.sha256(data).hexdigest()
    assert record.aspect == pytest.approx(4 / 3)


def test_the_format_is_told_by_the_content() -> None:
    assert process_image(encoded(figure(), "GIF")).format == "GIF"


def test_the_longest_side_is_bounded() -> None:
    wide, high = process_image(encoded(figure(900, 300), "PNG")), process_image(encoded(figure(300, 900), "PNG"))
    assert (wide.image_width_px, wide.image_height_px) == (512, 171)
    assert (high.image_width_px, high.image_height_px) == (171, 512)
    assert opened(wide).size == (512, 171)


def test_a_small_image_is_not_enlarged() -> None:
    record = process_image(encoded(image(), "PNG"))
    assert (record.image_width_px, record.image_height_px) == image().size


@pytest.mark.parametrize(("file_format", "max_side_px"), [("JPEG", 256), ("WEBP", 256), ("JPEG", 0), ("WEBP", 0), ("JPEG", 4000)])
def test_format_and_size_follow_the_options(file_format: str, max_side_px: int) -> None:
    record = process_image(encoded(figure(), "PNG"), ImageOptions(format=file_format, max_side_px=max_side_px))
    assert record.image_format == opened(record).format == file_format
    assert opened(record).size == (record.image_width_px, record.image_height_px)
    assert record.image_width_px == (256 if max_side_px == 256 else 800)


@pytest.mark.parametrize(("file_format", "most"), [("WEBP", 16_383), ("JPEG", 65_500)])
@pytest.mark.parametrize("max_side_px", [0, 100_000])
@pytest.mark.parametrize("is_high", [False, True])
def test_a_side_longer_than_the_format_holds_is_shrunk_to_it(
    file_format: str, most: int, max_side_px: int, is_high: bool
) -> None:
    size = (16, most + 1) if is_high else (most + 1, 16)
    record = process_image(encoded(figure(*size), "PNG"), ImageOptions(format=file_format, max_side_px=max_side_px))
    assert opened(record).size == (record.image_width_px, record.image_height_px) == ((16, most) if is_high else (most, 16))


LINES = [(5462, 16), (16, 5462), (16_000, 16), (16, 16_000), (17, 5800), (9000, 2), (2, 9000), (900, 1), (1, 900), (3, 700)]
LINES += [(16, 16), (16, 1), (1, 16), (2, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize("size", LINES)
@pytest.mark.parametrize("drawn", ["noise", "halves"])
def test_images_of_any_shape_become_records(size: tuple[int, int], drawn: str) -> None:
    width, height = size
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if drawn == "halves":
        pixels[:] = 250
        pixels[: height // 2 if height > 1 else 1, : width // 2 if width > 1 else 1] = 10
    record = process_image(encoded(Image.fromarray(pixels), "PNG"), ImageOptions(min_side_px=1))
    assert (record.width_px, record.height_px) == size
    assert opened(record).size == (record.image_width_px, record.image_height_px)
    assert 0 <= record.content_left_px < record.content_left_px + record.content_width_px <= width
    assert 0 <= record.content_top_px < record.content_top_px + record.content_height_px <= height
    measures = (record.entropy_bits, record.edge_density, record.sharpness, record.background_share)
    assert np.isfinite(measures).all()
    if min(record.image_width_px, record.image_height_px) == 1:
        assert record.edge_density == 0.0


def test_the_stored_image_looks_like_one_made_by_pillow() -> None:
    record = process_image(encoded(figure(1280, 960), "PNG"))
    reference = figure(1280, 960).resize((512, 384), Image.Resampling.LANCZOS)
    error = np.asarray(opened(record)).astype(float) - np.asarray(reference)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 30


def test_quality_and_chroma_change_the_bytes() -> None:
    data = encoded(figure(), "PNG")
    sizes = [
        len(process_image(data, ImageOptions(quality=quality, chroma=chroma)).image)
        for quality, chroma in ((50, "4:2:0"), (95, "4:2:0"), (95, "4:4:4"))
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_settings_do_not_change_hashes_or_measures() -> None:
    data = encoded(figure(), "PNG")
    small, large = (asdict(process_image(data, ImageOptions(max_side_px=side))) for side in (128, 0))
    stored = {name for name in small if name.startswith("image") and name != "image_sha256"}
    assert {name: small[name] for name in small.keys() - stored} == {name: large[name] for name in small.keys() - stored}


def test_a_small_upright_srgb_jpeg_keeps_its_bytes() -> None:
    data = encoded(image(), "JPEG", quality=80)
    assert process_image(data).image == data
    assert process_image(data, ImageOptions(keep_original=False)).image != data
    assert process_image(data, ImageOptions(format="WEBP")).image_format == "WEBP"


_TURNED = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("before", "after"), [(b"", b"PK\x03\x04zip"), (b"\xff\xfe\x40\x00" + b"A" * 0x3FFE, b""), (_TURNED, b"")]
)
def test_a_jpeg_with_more_than_a_picture_is_encoded_anew(before: bytes, after: bytes) -> None:
    data = encoded(image(), "JPEG", quality=80)
    record = process_image(data[:2] + before + data[2:] + after)
    assert not record.image.startswith(data[:2] + before + data[2:])
    assert not after or after not in record.image
    assert opened(record).getexif().get(274) is None


def test_an_original_larger_than_wanted_is_not_kept_but_is_at_original_size() -> None:
    data = encoded(figure(), "JPEG", quality=80)
    assert process_image(data).image != data
    assert process_image(data, ImageOptions(max_side_px=0)).image == data


def test_the_same_pixels_in_another_format_have_one_pixel_digest() -> None:
    digests = {process_image(encoded(image(), name)).pixels_sha256 for name in ("PNG", "BMP", "TIFF")}
    grey = {process_image(encoded(image().convert("L").convert(mode), "PNG")).pixels_sha256 for mode in ("L", "RGB")}
    assert (len(digests), len(grey)) == (1, 1)
    assert digests != grey


def test_the_pixel_digest_knows_the_shape() -> None:
    pixels = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    wide, high = (process_image(encoded(Image.fromarray(pixels.reshape(shape)), "PNG")) for shape in ((64, 256), (256, 64)))
    assert wide.pixels_sha256 != high.pixels_sha256


def test_what_prepares_a_process_compiles_all_that_images_need() -> None:
    """Else the first large one, or the first with a margin, pays for it from its own time."""
    code = (
        "import sys; from numba.core.dispatcher import Dispatcher; from udfs.image_record import ImageOptions, prepare, process;"
        "compiled = lambda: {(name, key, len(value.signatures)) for name, module in list(sys.modules.items())"
        " if name.startswith('udfs') for key, value in vars(module).items() if isinstance(value, Dispatcher)};"
        "prepare(); before = compiled(); process(sys.stdin.buffer.read(), ImageOptions());"
        "print(len(before), compiled() - before)"
    )
    root = Path(__file__).parents[2]
    for file_format in ("JPEG", "PNG", "TIFF", "GIF"):
        page = Image.new("RGB", (900, 700), "white")
        page.paste(figure(700, 400), (100, 100))
        data = encoded(page, file_format)
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, cwd=root)
        number, missing = done.stdout.decode().split(maxsplit=1)
        assert (int(number) > 5, missing.strip()) == (True, "set()"), done.stderr


def test_two_processes_make_the_same_bytes() -> None:
    data = encoded(figure(1000, 700), "PNG")
    code = (
        "import sys, hashlib; from dataclasses import astuple; from udfs.images import process_image;"
        "print(hashlib.sha256(repr(astuple(process_image(sys.stdin.buffer.read()))).encode()).hexdigest())"
    )
    prints = [
        subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, cwd=Path(__file__).parents[2])
        for _ in range(2)
    ]
    assert prints[0].stdout == prints[1].stdout != b""


def test_a_white_border_changes_box_and_digest_but_hardly_the_trimmed_hash() -> None:
    plain = process_image(encoded(figure(), "PNG"))
    bordered = process_image(encoded(ImageOps.expand(figure(), 40, "white"), "PNG"))
    assert bordered.pixels_sha256 != plain.pixels_sha256
    assert abs(bordered.content_left_px - 40) <= 4
    assert abs(bordered.content_width_px - 800) <= 8
    assert hamming_distance(bordered.phash_trimmed, plain.phash_trimmed) <= 2
    assert hamming_distance(bordered.phash256_trimmed, plain.phash256_trimmed) <= DuplicateSettings().max_distance_256
    assert hamming_distance(bordered.phash, plain.phash) > 6


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_a_flat_shape_on_white_has_no_features(file_format: str) -> None:
    """Its content is one colour: the hashes of all such are the same noise, and without entropy they are not compared."""
    for number, box in enumerate([(200, 100, 400, 300), (50, 150, 550, 250), (260, 20, 330, 380), (280, 190, 320, 230)]):
        drawn = Image.new("RGB", (600, 400), "white")
        drawn.paste((60 * number, 20, 120), box)
        assert process_image(encoded(drawn, file_format)).entropy_bits == 0.0 < DuplicateSettings().min_entropy_bits
    ImageDraw.Draw(drawn).ellipse((200, 100, 400, 300), fill=0)
    assert process_image(encoded(drawn, file_format)).entropy_bits > 0.5


def test_measures_tell_a_drawing_from_noise_and_blur() -> None:
    drawing = np.full((300, 400, 3), 255, dtype=np.uint8)
    drawing[100:102, 50:350], drawing[50:250, 200:202] = 0, 0
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    sparse, dense = (process_image(encoded(Image.fromarray(pixels), "PNG")) for pixels in (drawing, noise))
    assert sparse.background_share > 0.97
    assert dense.background_share < 0.2
    assert sparse.entropy_bits < 0.5 < 6 < dense.entropy_bits <= 8
    assert sparse.edge_density < 0.05 < 0.5 < dense.edge_density
    blurred = process_image(encoded(figure(300, 200).resize((30, 20)).resize((300, 200)), "PNG"))
    assert blurred.sharpness < dense.sharpness / 100


def test_mean_colour_is_that_of_the_pixels() -> None:
    record = process_image(encoded(image(), "PNG"))
    means = colours().reshape(-1, 3).mean(axis=0)
    assert (record.mean_red, record.mean_green, record.mean_blue) == pytest.approx(tuple(means), abs=0.01)


@pytest.mark.parametrize("value", [(255, 255, 255), (0, 0, 0), (30, 90, 200)])
def test_an_image_of_one_colour_is_blank(value: tuple[int, int, int]) -> None:
    with pytest.raises(Rejected) as caught:
        process_image(encoded(Image.new("RGB", (300, 200), value), "PNG"))
    assert caught.value.reason is Reason.BLANK


def test_an_invisible_image_is_blank() -> None:
    with pytest.raises(Rejected) as caught:
        process_image(encoded(with_alpha(np.zeros((120, 160), dtype=np.uint8)), "PNG"))
    assert caught.value.reason is Reason.BLANK


def test_colours_of_one_brightness_are_not_blank() -> None:
    pixels = np.zeros((100, 100, 3), dtype=np.uint8)
    pixels[:, :50], pixels[:, 50:] = (100, 0, 0), (0, 51, 0)
    assert process_image(encoded(Image.fromarray(pixels), "PNG")).mean_red == pytest.approx(50)


def test_every_real_figure_gives_a_record(shared_data: Path) -> None:
    paths = sorted(shared_data.glob("pmc-mirror/*/*"))
    figures = [path for path in paths if path.suffix in {".jpg", ".png", ".gif", ".tif"} and path.stat().st_size < 400_000]
    assert len(figures) > 80
    for path in figures[::2]:
        record = process_image(path.read_bytes())
        with Image.open(path) as reference:
            assert (record.width_px, record.height_px) == reference.size
        assert max(opened(record).size) <= 512


@pytest.mark.parametrize("shrink_on_load", [False, True])
@pytest.mark.parametrize(("file_format", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})])
def test_a_record_is_the_same_wherever_the_image_is_decoded(
    file_format: str, options: dict[str, object], shrink_on_load: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ImageOptions(shrink_on_load=shrink_on_load)
    data = encoded(figure(1333, 777), file_format, **options)
    here = process(data, wanted)
    assert process_image(data, wanted) == here
    monkeypatch.setattr(images, "_DIRECT_BYTES", 0)  # everything goes to the helper
    assert process_image(data, wanted) == here
