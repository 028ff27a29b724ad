"""TIFFs of the kinds that Pillow reads wrongly or not at all; OpenCV reads their samples as they are.

Pillow takes unsigned 32 bits for signed ones, swaps the bytes of compressed big-endian samples, and knows neither colours of
more than 16 bits nor doubles nor big-endian 16 bits whose zero is white.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType

from PIL import Image, ImagePalette, TiffImagePlugin

from schemas.rejects import Reason, Rejected
from udfs.image_colour import Pixels
from udfs.image_wide import Samples, check_range, has_alpha, is_wide_tiff, read_samples, to_rgb, visible_range

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR = 0, 1, 2, 6
_SUBSAMPLING_TAG = 530
_TYPES = ((UNSIGNED, 32), (UNSIGNED, 64), (SIGNED, 16), (SIGNED, 32), (SIGNED, 64), (FLOAT, 32), (FLOAT, 64))
_COLOURS = (("RGB", 3, ()), ("RGB", 4, (0,)), ("RGBA", 4, (2,)), ("RGBA", 4, ()))  # mode, channels, what extra channels are
_RAW_MODE = "samples of another decoder"  # no raw mode of Pillow: it opens such a file and cannot load it
_ORDERS = (b"II", b"MM")
_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits")  # whose failure is the data's

_Kind = tuple[bytes, int, tuple[int], int, tuple[int, ...], tuple[int, ...]]


def is_admitted(image: Image.Image) -> bool:
    """True for an opened image, not yet loaded, whose pixels Pillow would get wrong."""
    return any(_RAW_MODE in (tile[3] or ()) for tile in getattr(image, "tile", []))


def check_layout(image: Image.Image) -> None:
    """Refuse an opened TIFF, not yet loaded, that no decoder here puts together: unsupported; truncated for missing strips.

    Unsupported are signed 8 bits, planes that lie apart (grey with alpha, more than 8 bits, mirrored bytes), uncompressed YCbCr
    whose colours are stored for several pixels at once.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    if max(bits) == 8 and SIGNED in tags.get(TiffImagePlugin.SAMPLEFORMAT, ()):
        raise Rejected(Reason.UNSUPPORTED, f"TIFF: {image.mode} of signed 8 bits")  # OpenCV is silent on what is missing
    num_planes = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1) if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) != 1 else 1
    is_raw = image.info.get("compression") == "raw"
    is_wide = is_admitted(image) or (max(bits) > 8 and is_raw)
    is_mirrored = tags.get(TiffImagePlugin.FILLORDER, 1) != 1 and is_raw
    if num_planes > 1 and (is_wide or is_mirrored or image.mode in ("LA", "La")):
        raise Rejected(Reason.UNSUPPORTED, f"TIFF: {image.mode} planes of {max(bits)} bits that lie apart")
    if is_raw and _photometric(image) == YCBCR and tags.get(_SUBSAMPLING_TAG, (2, 2)) != (1, 1):
        raise Rejected(Reason.UNSUPPORTED, "TIFF: uncompressed YCbCr with subsampled colours")
    strips = [tile[1] for tile in getattr(image, "tile", ()) if tile[0] == "raw"]
    covered = sum((right - left) * (lower - upper) for left, upper, right, lower in strips)
    if image.format == "TIFF" and strips and covered < image.width * image.height * num_planes:
        raise Rejected(Reason.TRUNCATED, f"TIFF: strips for {covered} of {image.width * image.height * num_planes} samples")


def check_samples(image: Image.Image) -> None:
    """Refuse, as unsupported, a loaded TIFF of 16 bits that uses less than half of its range in a kind that nothing stretches.

    That is CMYK, and colours that were multiplied with their alpha.
    """
    bits = getattr(image, "tag_v2", {}).get(TiffImagePlugin.BITSPERSAMPLE, ())
    if image.format == "TIFF" and len(bits) > 1 and set(bits) == {16} and not is_wide_tiff(image):
        check_range(image)


def mend_palette(image: Image.Image) -> None:
    """Give an opened TIFF, not yet loaded, the colours of a map of 8 bits: some write such, where the format has 16."""
    colours = getattr(image, "tag_v2", {}).get(TiffImagePlugin.COLORMAP, ())
    if image.mode == "P" and colours and max(colours) < 256:
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def decode_admitted(data: bytes, image: Image.Image) -> Pixels:
    """The upright pixels of such a file, stretched from their real range; Rejected: truncated, unsupported."""
    samples = read_samples(data)
    if samples is None:
        compression = image.info.get("compression")
        is_known = compression in _COMPRESSIONS and TiffImagePlugin.PHOTOMETRIC_INTERPRETATION in getattr(image, "tag_v2", {})
        reason = Reason.TRUNCATED if is_known else Reason.UNSUPPORTED
        raise Rejected(reason, f"TIFF: the samples of {image.width} x {image.height} pixels cannot be read ({compression})")
    _check_shape(samples, image)
    shows_alpha = image.mode == "RGBA" and has_alpha(samples)
    black, white = visible_range(samples, shows_alpha)
    if _photometric(image) == WHITE_IS_ZERO:
        black, white = white, black
    return to_rgb(samples, black, white, shows_alpha, image.info.get("icc_profile"))


def _check_shape(samples: Samples, image: Image.Image) -> None:
    is_colour = _photometric(image) == RGB
    if samples.shape[:2] != (image.height, image.width) or (samples.ndim == 3) != is_colour:
        raise Rejected(Reason.UNSUPPORTED, f"TIFF: {image.mode} of {image.size} decoded to samples {samples.shape}")


def _photometric(image: Image.Image) -> int:
    return int(getattr(image, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, WHITE_IS_ZERO))


def _kinds() -> Iterator[tuple[_Kind, str]]:
    for order in _ORDERS:
        yield (order, WHITE_IS_ZERO, (UNSIGNED,), 1, (16,), ()), "I"
        for sample_format, bits in _TYPES:
            for zero in (WHITE_IS_ZERO, BLACK_IS_ZERO):
                yield (order, zero, (sample_format,), 1, (bits,), ()), "F" if sample_format == FLOAT else "I"
            for mode, channels, extra in _COLOURS:
                yield (order, RGB, (sample_format,), 1, (bits,) * channels, extra), mode


class WideTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF as Pillow opens it, with these kinds admitted: it reads their header, and their pixels come from `decode_admitted`.

    Pillow looks kinds up in a table of its module. Changed there, it would no longer load them for anyone in the process; so
    here the one function that looks them up has the names of its module with another table among them.
    """

    _setup = FunctionType(
        TiffImagePlugin.TiffImageFile._setup.__code__,
        vars(TiffImagePlugin) | {"OPEN_INFO": TiffImagePlugin.OPEN_INFO | {kind: (mode, _RAW_MODE) for kind, mode in _kinds()}},
    )
