"""The parts of a JPEG and of a PNG file: segments, and chunks without those that say nothing of the pixels."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
ADOBE = 0xEE
EXIF = 0xE1
EXIF_BEGIN = b"Exif\0\0"
METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APP0 to APP15, COM
_ALONE = (0x01, 0xD8, END_OF_IMAGE)  # markers without a length
# Any marker but those within the data of a scan: FF 00 stands for a byte, FF D0 to FF D7 for a restart.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_ADOBE_BYTES = 14  # a segment with less does not say how its colours are coded
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PNG_SIGNATURE_BYTES = 8
_SEQUENTIAL = (0xC0, 0xC1)  # SOF0, SOF1
_ALL_FREQUENCIES = b"\x00\x3f\x00"  # how a scan's header ends (ITU-T T.81, B.2.3)
_IS_ANCILLARY = 0x20


class Segment(NamedTuple):
    """A marker and what its length takes in: data[start:end]; the data of a scan lie behind the segment that starts it."""

    marker: int
    start: int
    end: int


def jpeg_segments(data: bytes) -> Iterator[Segment]:
    """The segments of a JPEG up to its end, as libjpeg passes over them: what they hold and what follows are not looked into."""
    at = 2
    while found := _MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        if marker not in _ALONE:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
        yield Segment(marker, found.start(), at)
        if marker == END_OF_IMAGE:
            return


def bare_jpeg(data: bytes) -> bytes:
    """A JPEG without the metadata before its picture, but those that decide colours (Adobe) and the way up (the first EXIF)."""
    parts, at, has_exif = [], 0, False
    for segment in jpeg_segments(data):
        if segment.marker == START_OF_SCAN:
            break
        is_first_exif = segment.marker == EXIF and not has_exif and data.startswith(EXIF_BEGIN, segment.start + 4)
        has_exif = has_exif or is_first_exif
        is_used = is_first_exif or (segment.marker == ADOBE and segment.end - segment.start >= _ADOBE_BYTES)
        if segment.marker in METADATA and not is_used:
            parts.append(data[at : segment.start])
            at = segment.end
    return b"".join([*parts, data[at:]])


def only_picture(data: bytes) -> bytes:
    """A JPEG of nothing but what its pixels are decoded from: without metadata, Adobe's too, and bytes between segments.

    The scans of one that is not progressive say that they have all frequencies in full, as they must. Its colours may be other
    ones; what libjpeg says of it, it says of the pixels.
    """
    parts, is_sequential, at = [b"\xff\xd8"], False, len(data)
    for segment in jpeg_segments(data):
        is_sequential = is_sequential or segment.marker in _SEQUENTIAL
        if segment.marker == START_OF_SCAN:
            parts.append(data[at : segment.start])  # of the scan before, if there was one
            scan = data[segment.start : segment.end]
            parts.append(scan[:-3] + _ALL_FREQUENCIES if is_sequential else scan)
            at = segment.end
        elif at == len(data) and segment.marker not in METADATA:
            parts.append(data[segment.start : segment.end])
    return b"".join([*parts, data[at:]])


def bare_png(data: bytes, kept: Collection[bytes]) -> bytes:
    """A PNG with its critical chunks and, of the ancillary ones, those of the kinds `kept`, behind its pixels EXIF alone."""
    parts, at, is_behind = [data[:_PNG_SIGNATURE_BYTES]], _PNG_SIGNATURE_BYTES, False
    while kind := data[at + 4 : at + 8]:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        is_behind = is_behind or kind == b"IDAT"
        if not kind[0] & _IS_ANCILLARY or (kind in kept and (kind == b"eXIf" or not is_behind)):
            parts.append(data[at:end])
        at = end
    return b"".join([*parts, data[at:]])
