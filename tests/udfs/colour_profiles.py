"""ICC profiles written byte by byte, whose colours a test can reckon by hand (ICC.1:2001-04)."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

D50 = (0.9642, 1.0, 0.8249)
_INKS = 4
_WHITE, _RED, _BLACK = (255, 128, 128), (136, 208, 195), (0, 128, 128)  # L* * 2.55, a* + 128, b* + 128


def linear_grey_profile() -> bytes:
    """A grey profile whose values are linear light (gamma 1): sRGB shows its middle as 188, not as 128."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, 0x0100)
    return _profile(b"mntr", b"GRAY", b"XYZ ", [(b"wtpt", _xyz(*D50)), (b"kTRC", curve)])


def cmyk_profile() -> bytes:
    """A CMYK profile in which cyan ink is red, black ink is black, and magenta and yellow leave no trace."""
    corners = [_BLACK if number & 1 else _RED if number & 8 else _WHITE for number in range(2**_INKS)]
    straight = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lookup = struct.pack(">4sIBBBB", b"mft1", 0, _INKS, 3, 2, 0) + matrix + straight * _INKS
    lookup += b"".join(map(bytes, corners)) + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", [(b"wtpt", _xyz(*D50)), (b"A2B0", lookup)])


def srgb_of_linear(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sRGB values 0..255 of linear light 0..1 (IEC 61966-2-1)."""
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray(encoded * 255, dtype=np.float64)


def _xyz(x: float, y: float, z: float) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in (x, y, z)))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    description = struct.pack(">4sII", b"desc", 0, 5) + b"test\0" + b"\0" * 78
    contents = [(b"desc", description), (b"cprt", b"text\0\0\0\0none\0"), *tags]
    position, table, body = 128 + 4 + 12 * len(contents), b"", b""
    for name, content in contents:
        table += struct.pack(">4sII", name, position + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    size = position + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2001, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(contents)) + table + body
