"""TIFF and PNG files of samples with more than eight bits, written byte by byte, by no library that a test judges."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.generic]

_SHORT, _LONG, _BYTES = 3, 4, 7
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
_COMPRESSORS: dict[int, Callable[[bytes], bytes]] = {8: zlib.compress, 34925: lzma.compress}
_CODES = {_SHORT: "H", _LONG: "I", _BYTES: "B"}
_PNG_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels


@dataclass(frozen=True)
class TiffLayout:
    """How the samples lie in a TIFF; the numbers are those of its specification (TIFF 6.0)."""

    order: str = "<"
    photometric: int | None = None
    compression: int = 1
    planar: int = 1
    extra_samples: tuple[int, ...] = ()
    orientation: int = 1
    profile: bytes = b""
    fill_order: int = 1


def tiff(samples: Samples, layout: TiffLayout = TiffLayout()) -> bytes:
    """A TIFF of one strip (or one a plane) of samples [height, width] or [height, width, channels], in their own type."""
    planes = _planes(samples, layout)
    starts = [8 + sum(len(plane) for plane in planes[:number]) for number in range(len(planes))]
    directory_at = 8 + sum(map(len, planes))
    head = (b"II" if layout.order == "<" else b"MM") + struct.pack(layout.order + "HI", 42, directory_at)
    tags = sorted(_tags(samples, layout, starts, [len(plane) for plane in planes]))
    return head + b"".join(planes) + _directory(tags, layout.order, directory_at)


def png_of_16_bits(samples: Samples, transparent: tuple[int, ...] = (), profile: bytes = b"") -> bytes:
    """A PNG of uint16 samples [height, width(, 2, 3 or 4 channels)]; `transparent` is the colour that is not to be seen."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_TYPES[channels], 0, 0, 0)
    hidden = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    described = chunk(b"iCCP", b"test\0\0" + zlib.compress(profile)) if profile else b""
    chunks = chunk(b"IHDR", header) + described + hidden + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _planes(samples: Samples, layout: TiffLayout) -> list[bytes]:
    stored = samples.astype(samples.dtype.newbyteorder(layout.order))  # type: ignore[arg-type]
    parts = [stored] if layout.planar == 1 else [stored[:, :, channel] for channel in range(stored.shape[2])]
    raw = [(part if layout.fill_order == 1 else _mirrored(part)).tobytes() for part in parts]
    return [_COMPRESSORS.get(layout.compression, bytes)(part) for part in raw]


def _mirrored(samples: Samples) -> Samples:
    """Bytes with their bits from the least significant on, as fill order 2 has them."""
    return np.packbits(np.unpackbits(samples.view(np.uint8), axis=-1, bitorder="little"), axis=-1)


def _tags(samples: Samples, layout: TiffLayout, starts: list[int], sizes: list[int]) -> list[tuple[int, int, list[int]]]:
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    photometric = (2 if channels > 2 else 1) if layout.photometric is None else layout.photometric
    tags = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [samples.dtype.itemsize * 8] * channels),
        (259, _SHORT, [layout.compression]),
        (262, _SHORT, [photometric]),
        (273, _LONG, starts),
        (274, _SHORT, [layout.orientation]),
        (277, _SHORT, [channels]),
        (278, _LONG, [height]),
        (279, _LONG, sizes),
        (284, _SHORT, [layout.planar]),
        (339, _SHORT, [_SAMPLE_FORMATS[samples.dtype.kind]] * channels),
    ]
    tags += [(266, _SHORT, [layout.fill_order])] if layout.fill_order != 1 else []
    tags += [(338, _SHORT, list(layout.extra_samples))] if layout.extra_samples else []
    return tags + ([(34675, _BYTES, list(layout.profile))] if layout.profile else [])


def _directory(tags: list[tuple[int, int, list[int]]], order: str, at: int) -> bytes:
    entries, overflow = b"", b""
    behind = at + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        content = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        if len(content) > 4:
            place, overflow = struct.pack(order + "I", behind + len(overflow)), overflow + content
        else:
            place = content.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    return struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + overflow


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
