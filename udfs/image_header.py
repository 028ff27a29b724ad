"""The format of an image by its content, and the bounds that its header must keep before any pixel is decoded."""

from __future__ import annotations

import io
import struct

from PIL import Image, UnidentifiedImageError

from schemas.rejects import Reason, Rejected
from udfs.image_options import ImageOptions

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
)
_UNSUPPORTED = {
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"<svg": "SVG",
    b"8BPS": "Photoshop",
    b"II+\x00": "BigTIFF",
    b"MM\x00+": "BigTIFF",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x01\x00": "icon",
    b"\xd7\xcd\xc6\x9a": "WMF",
}
_FTYP_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1")


def image_format(data: bytes) -> str:
    """JPEG, PNG, GIF, TIFF, WEBP or BMP, told by the first bytes; Rejected: unsupported (another known format), not_an_image."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    for signature, name in _UNSUPPORTED.items():
        if data.startswith(signature):
            raise Rejected(Reason.UNSUPPORTED, f"{name} is not a supported format")
    if data[4:8] == b"ftyp" and data[8:12] in _FTYP_BRANDS:
        raise Rejected(Reason.UNSUPPORTED, "HEIF and AVIF are not supported formats")
    raise Rejected(Reason.NOT_AN_IMAGE, f"no image signature; starts with {data[:8].hex() or 'nothing'}")


def open_image(data: bytes, options: ImageOptions) -> Image.Image:
    """The image with its header read and within bounds, no pixel decoded yet; Rejected otherwise."""
    if len(data) > options.max_bytes:
        raise Rejected(Reason.TOO_LARGE, f"{len(data)} bytes, at most {options.max_bytes}")
    name = image_format(data)
    if name == "JPEG":
        check_scans(data, options.max_scans)
    try:
        image = Image.open(io.BytesIO(data), formats=[name])
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, IndexError, struct.error, TypeError) as error:
        raise Rejected(
            Reason.TRUNCATED if len(data) < 1024 else Reason.NOT_AN_IMAGE, f"unreadable {name} header: {error}"
        ) from error
    check_size(image.size, options)
    return image


def check_size(size: tuple[int, int], options: ImageOptions) -> None:
    """Refuse a size (width, height in pixels) out of bounds: too_large, too_small."""
    width, height = size
    if width * height > options.max_pixels:
        raise Rejected(Reason.TOO_LARGE, f"{width} x {height} pixels, at most {options.max_pixels}")
    if min(width, height) < options.min_side_px:
        raise Rejected(Reason.TOO_SMALL, f"{width} x {height} pixels, shorter side at least {options.min_side_px}")


def check_scans(data: bytes, max_scans: int) -> None:
    """Refuse a JPEG with too many scans: each costs a pass over all pixels, whatever its size in bytes."""
    scans = data.count(b"\xff\xda")
    if scans > max_scans:
        raise Rejected(Reason.TOO_LARGE, f"{scans} JPEG scans, at most {max_scans}")
