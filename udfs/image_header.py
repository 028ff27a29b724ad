"""The format of an image by its content, and the bounds that its header must keep before any pixel is decoded."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from schemas.rejects import Reason, Rejected
from udfs.image_options import ImageOptions
from udfs.image_parts import END_OF_IMAGE, METADATA, PNG_TEXTS, START_OF_SCAN, bare_jpeg, bare_png, jpeg_segments
from udfs.image_tiff import WideTiff

HEADER_ERRORS = (OSError, ValueError, SyntaxError, LookupError, TypeError, OverflowError, EOFError, struct.error)
_NO_MEMORY = re.compile(r"out of memory|insufficient memory|cannot allocate", re.IGNORECASE)

_SHOWN_BYTES = 12

Image.MAX_IMAGE_PIXELS = None  # the bound on pixels is an option here, and is held before anything is decoded

_JPEG_LS = b"\xff\xd8\xff\xf7"  # begins as a JPEG does, with a frame header of its own at once
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
)
_UNSUPPORTED = (
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "Photoshop"),
    (b"II+\x00", "BigTIFF"),
    (b"MM\x00+", "BigTIFF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
)
_ANYMAP = re.compile(rb"P[1-6]\s+[\d#]|P[1-6]#")  # as text may begin, with a letter, a digit and a space
_HEIF_BRANDS = (b"avif", b"avio", b"avis", b"heic", b"heis", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")
# Of a PNG what decides its pixels is opened, and texts, of which one may say which way up it is. What is damaged goes, as
# browsers have it.
_PNG_KEPT = ((*PNG_TEXTS, b"tRNS", b"iCCP", b"eXIf"), (b"tRNS", b"iCCP", b"eXIf"), (b"tRNS", b"eXIf"), ())
_OPENERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # with further pictures behind it (MPO of some cameras) it is the JPEG it begins with
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": WideTiff,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
FORMATS = tuple(_OPENERS)
_UNSUPPORTED_WORDS = ("not supported", "unsupported", "unknown", "cannot handle", "not implemented", "not available")
_TOO_MANY_PLANES = "string index out of range"  # more than Pillow has a name for
_ENDS_EARLY = ("requires a buffer", "truncated file read")
_UNKNOWN_KINDS = ("unknown pixel mode", "unsupported", "not yet supported", "cannot handle", _TOO_MANY_PLANES)
_SHORT_HEADER_BYTES = 1024
_SVG_START_BYTES = 4096
_JPEG_SCAN = b"\xff\xda"
_FEW_SCANS = 16


@dataclass(frozen=True)
class Header:
    """What a file says of itself: format, size as stored (pixels) and the number of passes its decoder makes over the pixels."""

    format: str
    width_px: int
    height_px: int
    num_scans: int

    @property
    def work(self) -> int:
        """Pixels that the decoder writes, over all passes."""
        return self.width_px * self.height_px * self.num_scans


def image_format(data: bytes) -> str:
    """JPEG, PNG, GIF, TIFF, WEBP or BMP, told by the first bytes.

    Raises Rejected: unsupported for another image or document format, not_an_image for anything else.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(_JPEG_LS):
        raise Rejected(Reason.UNSUPPORTED, "JPEG-LS is not a supported format")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    for signature, name in _UNSUPPORTED:
        if data.startswith(signature):
            raise Rejected(Reason.UNSUPPORTED, f"{name} is not a supported format")
    if _ANYMAP.match(data):
        raise Rejected(Reason.UNSUPPORTED, "portable anymap is not a supported format")
    if _is_svg(data):
        raise Rejected(Reason.UNSUPPORTED, "SVG is not a supported format")
    if data[:4] == b"\x01\x00\x00\x00" and data[40:44] == b" EMF":
        raise Rejected(Reason.UNSUPPORTED, "EMF is not a supported format")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        raise Rejected(Reason.UNSUPPORTED, "HEIF and AVIF are not supported formats")
    raise Rejected(Reason.NOT_AN_IMAGE, f"no image signature; {_start_in_words(data)}")


def _start_in_words(data: bytes) -> str:
    """How a file begins: as text where it is some, else as bytes."""
    start = data[:_SHOWN_BYTES]
    if not start:
        return "the file is empty"
    is_text = start.isascii() and start.decode("ascii").isprintable()
    return f'it begins with "{start.decode("ascii")}"' if is_text else f"it begins with the bytes {start.hex(' ')}"


def _is_svg(data: bytes) -> bool:
    """True for an <svg> element at the start, behind a byte order mark, an XML declaration, comments or a document type."""
    start = data[:_SVG_START_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in start)


def open_image(data: bytes) -> Image.Image:
    """The image with its header read and no pixel decoded; Rejected: not_an_image, unsupported, truncated. MemoryError."""
    name = image_format(data)
    first: BaseException | None = None
    for shown in _openable(name, data):
        try:
            return _OPENERS[name](io.BytesIO(shown))
        except HEADER_ERRORS as error:
            check_memory(error)
            first = first or error
    raise Rejected(
        _header_reason(data, first), f"{name} header of {len(data)} bytes cannot be read: {in_words(first)}"
    ) from first


def opens_as_it_is(data: bytes) -> bool:
    """Whether Pillow opens a JPEG with all its metadata, as whoever reads it later will."""
    try:
        JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except HEADER_ERRORS:
        return False
    return True


def _openable(name: str, data: bytes) -> Iterator[bytes]:
    """The file as it is opened, and as it is opened where that fails: metadata that are damaged or huge cost no picture."""
    if name == "PNG":
        yield from (bare_png(data, kept) for kept in _PNG_KEPT)
        return
    yield data
    if name == "JPEG":
        yield bare_jpeg(data)


def in_words(error: BaseException | None) -> str:
    """What an error says of a file; errors of Python's own, which speak of buffers and keys, said of the file instead."""
    text = str(error).lower()  # which Pillow hands on as its own
    if _TOO_MANY_PLANES in text:
        return "it has more planes than are known"
    if isinstance(error, (struct.error, EOFError, IndexError)) or any(words in text for words in _ENDS_EARLY):
        return "it ends too early"
    if isinstance(error, KeyError):
        return f"unknown value {error}"
    return str(error) or type(error).__name__


def check_memory(error: BaseException) -> None:
    """MemoryError for an error of a library that had too little of it and says so in words of its own."""
    if _NO_MEMORY.search(str(error)):
        raise MemoryError(str(error)) from error


def decoder_reason(error: BaseException) -> Reason:
    """unsupported for what the decoder does not know, truncated for data that end early or are damaged."""
    text = str(error).lower()
    unknown = isinstance(error, KeyError) or any(word in text for word in _UNSUPPORTED_WORDS)
    return Reason.UNSUPPORTED if unknown else Reason.TRUNCATED


def _header_reason(data: bytes, error: BaseException | None) -> Reason:
    """unsupported for a kind of image that nobody here decodes; else the file is too short for a header, or has none."""
    looked_up = error and error.__cause__  # in Pillow's tables of what it knows: kinds and compressions of a TIFF, for one
    is_unknown = isinstance(looked_up, KeyError) and looked_up.args != (TiffImagePlugin.COLORMAP,)
    if is_unknown or any(words in str(error).lower() for words in _UNKNOWN_KINDS):
        return Reason.UNSUPPORTED
    return Reason.TRUNCATED if len(data) < max(_SHORT_HEADER_BYTES, _least_bytes(data)) else Reason.NOT_AN_IMAGE


def _least_bytes(data: bytes) -> int:
    """How long the first bytes say that a file is at least: a WebP by its RIFF header, a TIFF by where its directory begins."""
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8
    if data.startswith((b"II", b"MM")):
        return int.from_bytes(data[4:8], "little" if data.startswith(b"II") else "big") + 2
    return 0


def read_header(data: bytes, image: Image.Image) -> Header:
    """What the header of an opened image says; a JPEG's scans are counted in its bytes, never too low."""
    num_scans = _num_scans(data) if image.format == "JPEG" else 1
    return Header(str(image.format), image.width, image.height, num_scans)


def _num_scans(data: bytes) -> int:
    """Scans of a JPEG: where its bytes look like many, which metadata or what is appended may do, segment by segment."""
    num_scans = num_pairs(data, _JPEG_SCAN)
    if num_scans > _FEW_SCANS:
        num_scans = sum(segment.marker == START_OF_SCAN for segment in jpeg_segments(data))
    return max(1, num_scans)


def num_pairs(data: bytes, pair: bytes) -> int:
    """data.count(pair) of two different bytes, at even and at odd positions: five times as fast."""
    if len(data) < len(pair):
        return 0
    wanted = int.from_bytes(pair, "little")
    lanes = (np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1))
    return sum(int(np.count_nonzero(lane == wanted)) for lane in lanes)


def check_bytes(data: bytes, options: ImageOptions) -> None:
    """Refuse a file with too many bytes: too_large."""
    if len(data) > options.max_bytes:
        raise Rejected(Reason.TOO_LARGE, f"{len(data)} bytes, at most {options.max_bytes}")


def check_header(header: Header, options: ImageOptions) -> None:
    """Refuse a header out of bounds: too_large (pixels, scans), too_small."""
    size = f"{header.width_px} x {header.height_px} pixels"
    if header.width_px * header.height_px > options.max_pixels:
        raise Rejected(Reason.TOO_LARGE, f"{size}, at most {options.max_pixels}")
    if header.num_scans > options.max_scans:
        raise Rejected(Reason.TOO_LARGE, f"{header.num_scans} JPEG scans, at most {options.max_scans}")
    if min(header.width_px, header.height_px) < options.min_side_px:
        raise Rejected(Reason.TOO_SMALL, f"{size}, shorter side at least {options.min_side_px}")


def is_plain_jpeg(data: bytes, max_metadata_bytes: int) -> bool:
    """True for a JPEG that carries next to nothing but the picture: few bytes of metadata, nothing between or behind."""
    expected, metadata, is_scanned = 2, 0, False
    for segment in jpeg_segments(data):
        if segment.start != expected and not is_scanned:
            return False
        if segment.marker == END_OF_IMAGE:
            return segment.end == len(data) and metadata <= max_metadata_bytes
        metadata += segment.end - segment.start if segment.marker in METADATA else 0
        expected, is_scanned = segment.end, segment.marker == START_OF_SCAN  # its data follow
    return False
