"""Damaged and hostile files end as a record or a reject with a reason, in bounded time and memory."""

from __future__ import annotations

import io
import pickle
from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from jobs.bench import hostile_inputs
from schemas.rejects import Reason, Rejected
from tests.udfs.image_samples import colours, encoded, image
from tests.udfs.wide_samples import TiffLayout, tiff
from udfs import image_decode, image_header, image_record, images
from udfs.image_isolation import IsolatedProcess
from udfs.images import ImageOptions, process_image

IMAGE_REASONS = {
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
    Reason.TOO_LARGE,
    Reason.TOO_SMALL,
    Reason.BLANK,
    Reason.UNSUPPORTED,
    Reason.TIMEOUT,
}
NUM_MUTATED = 1500


def reason_of(data: bytes, options: ImageOptions | None = None) -> Reason | None:
    try:
        process_image(data, options or ImageOptions())
    except Rejected as rejected:
        return rejected.reason
    return None


def fail_with(error: BaseException, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel fail on any image, in this process or as if it came back from the other one, pickled."""

    def fail(*_: object) -> None:
        raise error if where == "here" else pickle.loads(pickle.dumps(error))

    if where == "here":
        monkeypatch.setattr(images, "make_record", fail)
    else:
        monkeypatch.setattr(images, "_is_bounded", lambda *_: False)
        monkeypatch.setattr(IsolatedProcess, "call", fail)


def failed_resize() -> cv2.error:
    try:
        cv2.resize(np.zeros((0, 0), dtype=np.uint8), (1, 1))
    except cv2.error as error:
        return error
    pytest.fail("nothing was resized to something")


def out_of_memory() -> cv2.error:
    error = failed_resize()
    error.code = cv2.Error.StsNoMem
    return error


def originals() -> list[bytes]:
    """A small picture in every format and in the modes that take other paths through the decoders."""
    picture = image()
    samples = [encoded(picture, name) for name in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")]
    samples += [
        encoded(picture, "JPEG", progressive=True),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.convert("L"), "JPEG"),
    ]
    samples += [encoded(picture, "TIFF", compression=name) for name in ("tiff_lzw", "jpeg", "tiff_adobe_deflate")]
    samples += [encoded(picture.convert("1"), "TIFF", compression="group4"), encoded(picture.quantize(16), "PNG")]
    samples += [tiff(colours().astype(kind), TiffLayout(order, compression=8)) for kind, order in (("f4", ">"), ("u4", "<"))]
    return samples


def test_mutated_images_give_records_or_reasons() -> None:
    """None of them fetch_failed, as of an error that no step of the kernel expects."""
    counts: Counter[Reason | None] = Counter()
    for data in hostile_inputs.mutated(originals(), NUM_MUTATED):
        counts[reason_of(data)] += 1
    assert counts.total() == NUM_MUTATED
    assert set(counts) - {None} <= IMAGE_REASONS
    assert counts[None] > 50
    assert counts[Reason.TRUNCATED] > 50
    assert counts[Reason.NOT_AN_IMAGE] > 50


def test_crafted_lines_of_noise_become_records() -> None:
    lines = [data for name, data in hostile_inputs.crafted() if "a line when shrunk" in name]
    assert [reason_of(data) for data in lines] == [None, None]


def test_mutations_are_the_same_for_the_same_seed() -> None:
    first, again, other = (list(hostile_inputs.mutated(originals(), 20, seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("size", [0, 1, 3, 10, 100, 300])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_the_beginning_of_a_file_is_not_an_image(file_format: str, size: int) -> None:
    data = encoded(image(), file_format)[:size]
    assert reason_of(data) in ({Reason.NOT_AN_IMAGE} if size < 3 else {Reason.NOT_AN_IMAGE, Reason.TRUNCATED})


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF", "TIFF tiff_lzw", "TIFF jpeg", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_part_of_a_file_is_truncated(file_format: str, share: float) -> None:
    name, _, compression = file_format.partition(" ")
    data = encoded(image().resize((1300, 900)), name, **({"compression": compression} if compression else {}))
    assert reason_of(data[: int(share * len(data))]) is Reason.TRUNCATED


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_with_missing_pixels_and_a_proper_end_is_truncated(mode: str) -> None:
    data = encoded(image().convert(mode), "JPEG", quality=90)
    assert reason_of(data[: len(data) // 2] + b"\xff\xd9") is Reason.TRUNCATED
    assert reason_of(hostile_inputs.resized_jpeg(4000, 4000)) is Reason.TRUNCATED


@pytest.mark.parametrize("place", [0.2, 0.4, 0.6, 0.8])
def test_a_jpeg_with_damaged_values_is_truncated(place: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8))
    data = encoded(noise, "JPEG", quality=85)
    at = int(place * len(data))
    assert reason_of(data[:at] + bytes(40) + data[at + 40 :]) is Reason.TRUNCATED


def test_a_jpeg_without_some_of_its_restart_intervals_is_truncated() -> None:
    data = encoded(image(), "JPEG", quality=90, restart_marker_rows=1)
    assert reason_of(data) is None
    assert reason_of(data[: data.index(b"\xff\xd2")] + data[data.index(b"\xff\xd5") :]) is Reason.TRUNCATED


def test_a_few_bytes_too_many_cost_no_jpeg() -> None:
    data = encoded(image(), "JPEG")
    assert reason_of(data.removesuffix(b"\xff\xd9") + bytes(8) + b"\xff\xd9") is None


def test_a_jpeg_of_many_exif_segments_is_opened_where_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise Rejected(Reason.TIMEOUT, "")

    monkeypatch.setattr(images._ISOLATED, "call", stopped)
    few, many = (hostile_inputs.jpeg_with_exif(number) for number in (100, 101))
    assert (reason_of(few), reason_of(many)) == (None, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html><body>404</body></html>", Reason.NOT_AN_IMAGE),
        (b"%PDF-1.7 ...", Reason.UNSUPPORTED),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED),
        (b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED),
        (b"<?xml version='1.0'?><article/>", Reason.NOT_AN_IMAGE),
        (b"\x01\0\0\0" + b"\0" * 36 + b" EMF" + b"\0" * 60, Reason.UNSUPPORTED),
        (b"\0\0\0\x1cftypavif" + b"\0" * 40, Reason.UNSUPPORTED),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 40, Reason.UNSUPPORTED),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 40, Reason.UNSUPPORTED),
        (b"II\xbc\x01" + b"\0" * 40, Reason.UNSUPPORTED),
        (hostile_inputs.png(60_000, 60_000, b"\0" * 1000), Reason.TOO_LARGE),
        (hostile_inputs.png(5_000, 5_000, b"\0" * 1000), Reason.TRUNCATED),
        (hostile_inputs.bmp(30_000, 30_000), Reason.TOO_LARGE),
        (hostile_inputs.tiff(0x7FFFFFFF, 0x7FFFFFFF, 64), Reason.TOO_LARGE),
        (hostile_inputs.tiff(2_000, 2_000, 0xFFFFFFF0), Reason.TRUNCATED),
        (hostile_inputs.webp_claiming(16_383, 16_383), Reason.TOO_LARGE),
        (hostile_inputs.resized_jpeg(65_500, 65_500), Reason.TOO_LARGE),
    ],
)
def test_hostile_headers_have_their_reason(data: bytes, reason: Reason) -> None:
    assert reason_of(data) is reason


def test_a_jpeg_of_a_thousand_scans_is_refused_before_it_is_decoded() -> None:
    data = hostile_inputs.jpeg_with_scans(600, 1000)
    assert reason_of(data) is Reason.TOO_LARGE
    assert reason_of(data, ImageOptions(max_scans=2000)) is None


def test_what_takes_too_long_is_stopped() -> None:
    stalling = hostile_inputs.bmp(7_000, 7_000, compression=1) + b"\0\x02\0\0" * 5_000_000
    assert reason_of(stalling, ImageOptions(timeout_s=0.5)) is Reason.TIMEOUT


def test_bounds_are_options() -> None:
    data = encoded(image(), "PNG")
    assert reason_of(data, ImageOptions(max_bytes=100)) is Reason.TOO_LARGE
    assert reason_of(data, ImageOptions(max_pixels=1000)) is Reason.TOO_LARGE
    assert reason_of(data, ImageOptions(min_side_px=121)) is Reason.TOO_SMALL
    assert reason_of(data, ImageOptions(min_side_px=120)) is None


def test_a_polyglot_becomes_nothing_but_its_picture() -> None:
    picture = encoded(image(), "JPEG")
    record = process_image(picture + b"PK\x03\x04 a zip file, or a script")
    assert b"PK\x03\x04" not in record.image
    assert Image.open(io.BytesIO(record.image)).size == image().size


def test_a_pixel_bomb_within_bounds_is_decoded_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    call = images._ISOLATED.call

    def watched(arguments: tuple[bytes, ImageOptions], timeout_s: float) -> object:
        called.append(len(arguments[0]))
        return call(arguments, timeout_s)

    monkeypatch.setattr(images._ISOLATED, "call", watched)
    bomb = hostile_inputs.png(7_000, 7_000, b"\0" * 49_007_000)
    assert reason_of(bomb) is Reason.BLANK
    assert called == [len(bomb)]


_UNFORESEEN = {
    "value": ValueError("odd"),
    "type": TypeError("none"),
    "profile": ImageCms.PyCMSError("no transform"),
    "arithmetic": ZeroDivisionError("by zero"),
    "opencv": failed_resize(),
}


@pytest.mark.parametrize("what", _UNFORESEEN)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_error_that_nobody_foresaw_refuses_one_image(what: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = _UNFORESEEN[what]
    fail_with(error, where, monkeypatch)
    with pytest.raises(Rejected) as caught:
        process_image(encoded(image(), "PNG"))
    assert caught.value.reason is Reason.FETCH_FAILED  # a later run tries it again, perhaps with the kernel mended
    assert caught.value.detail == f"{type(error).__name__}: {error}"[:500]


@pytest.mark.parametrize("error", [MemoryError("no more"), out_of_memory()], ids=["python", "opencv"])
def test_an_image_is_too_large_by_the_memory_of_its_own_process_alone(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_lacks_memory("PNG", image_record, "shrink", error, monkeypatch)


@pytest.mark.parametrize(
    ("file_format", "step", "name", "error"),
    [
        ("PNG", image_header.PngImagePlugin.PngImageFile, "load", MemoryError()),
        ("PNG", image_header.PngImagePlugin.PngImageFile, "load", OSError("out of memory when reading image file")),
        ("PNG", image_header.PngImagePlugin.PngImageFile, "_open", MemoryError()),
        ("GIF", image_header.GifImagePlugin.GifImageFile, "_open", MemoryError()),
        ("JPEG", image_decode.simplejpeg, "decode_jpeg", ValueError("Insufficient memory (case 4)")),
    ],
)
def test_a_decoder_that_lacks_memory_says_nothing_of_the_image(
    file_format: str, step: object, name: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_lacks_memory(file_format, step, name, error, monkeypatch)


def assert_lacks_memory(file_format: str, step: object, name: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the machine lacks it and the image is tried again; in a process with a bound the image is too large for that."""

    def fail(*_: object, **__: object) -> None:
        raise error

    data = encoded(image(), file_format)
    monkeypatch.setattr(images, "_is_bounded", lambda *_: True)
    monkeypatch.setattr(step, name, fail)
    assert reason_of(data) is Reason.FETCH_FAILED
    with pytest.raises(Rejected) as caught:
        image_record.process(data, ImageOptions())
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_stops_the_program_stops_it(stop: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(stop(), "here", monkeypatch)
    with pytest.raises(stop):
        process_image(encoded(image(), "PNG"))
