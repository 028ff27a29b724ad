"""Damaged and hostile images: seeded mutations of real ones, and files made to exhaust a decoder."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

Mutation = Callable[[bytearray, random.Random], bytearray]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 512


def mutated(originals: list[bytes], count: int, seed: int = 0) -> Iterator[bytes]:
    """That many damaged files, each a real one after one to three mutations; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randint(1, 3)):
            data = chance.choice(_MUTATIONS)(data, chance)
        yield bytes(data)


def _flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 4, 64))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _change_header(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        if data:
            data[chance.randrange(min(len(data), _HEADER_BYTES))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return data


def _cut_end(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def _drop_block(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.choice((1, 7, 512, 65536)) :]


def _repeat_block(data: bytearray, chance: random.Random) -> bytearray:
    start, size = chance.randrange(len(data) + 1), chance.choice((2, 64, 4096))
    return data[:start] + data[start : start + size] * chance.choice((2, 16, 64)) + data[start + size :]


def _overwrite(data: bytearray, chance: random.Random) -> bytearray:
    start, size = chance.randrange(len(data) + 1), chance.choice((4, 256, 8192))
    data[start : start + size] = chance.choice((b"\0", b"\xff", b"\xff\xda", b"\xff\xd8")) * (size // 2)
    return data


_MUTATIONS: tuple[Mutation, ...] = (_flip_bits, _change_header, _cut_end, _drop_block, _repeat_block, _overwrite)


def crafted() -> Iterator[tuple[str, bytes]]:
    """Files made to do harm, by name: bombs, lying headers, endless files, polyglots."""
    yield "png bomb: 60000 x 60000 in one megabyte", png(60_000, 60_000, b"\0" * 200_000_000)
    yield "png bomb: just within the pixels allowed", png(7_000, 7_000, b"\0" * 49_007_000)
    yield "png that promises more than it has", png(5_000, 5_000, b"\0" * 1000)
    yield "png that has more than it promises", png(64, 64, b"\0" * 100_000_000)
    yield "png of half a million empty chunks", png(64, 64, b"\0" * 5000, chunk(b"teXt", b"") * 500_000)
    yield "png of eight million empty chunks", png(64, 64, b"\0" * 5000, chunk(b"teXt", b"") * 8_000_000)
    yield "png with a profile of a gigabyte", png(64, 64, b"\0" * 5000, chunk(b"iCCP", b"p\0\0" + deflated(b"\0", 1 << 30)))
    yield "png of 5462 x 16, a line when shrunk", grey_noise_png(5_462, 16)
    yield "png of 16 x 5462, a line when shrunk", grey_noise_png(16, 5_462)
    yield "jpeg of 1000 scans", jpeg_with_scans(3000, 1000)
    yield "jpeg of 90 scans", jpeg_with_scans(3000, 90)
    yield "jpeg that says 65500 x 65500", resized_jpeg(65_500, 65_500)
    yield "jpeg that says 9000 x 9000", resized_jpeg(9_000, 9_000)
    yield "jpeg of sixty million fill bytes", b"\xff\xd8" + b"\xff" * 60_000_000
    yield "jpeg of empty segments", b"\xff\xd8" + b"\xff\xfe\x00\x02" * 2_000_000
    yield "jpeg of 100000 exif segments", jpeg_with_exif(100_000)
    yield "gif without end", endless_gif(40_000_000)
    yield "gif of 200000 comments", gif_comments(200_000)
    yield (
        "gif of 65535 x 65535",
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff," + b"\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0\0;",
    )
    yield "tiff whose directory points to itself", b"II*\0\x08\0\0\0\0\0\x08\0\0\0" + b"\0" * 200
    yield "tiff with a strip of four gigabytes", tiff(2_000, 2_000, strip_bytes=0xFFFFFFF0)
    yield "tiff of 2 billion pixels a side", tiff(0x7FFFFFFF, 0x7FFFFFFF, strip_bytes=64)
    yield "tiff of 65000 tags", b"II*\0\x08\0\0\0" + struct.pack("<H", 65_000) + struct.pack("<HHII", 700, 1, 4, 0) * 65_000
    yield "bmp that says 30000 x 30000", bmp(30_000, 30_000)
    yield "bmp of run-length codes without pixels", bmp(7_000, 7_000, compression=1) + b"\0\x02\0\0" * 5_000_000
    yield "webp that says 16383 x 16383", webp_claiming(16_383, 16_383)
    yield "polyglot: jpeg and zip", jpeg(64, 64) + b"PK\x03\x04" + b"\0" * 1000
    yield "polyglot: gif and script", b"GIF89a/*" + b"A" * 1000 + b"*/=1;alert(1)"
    yield "html with a name in .jpg", b"<html><body>404</body></html>"
    yield "nothing", b""


def jpeg_with_exif(num_segments: int) -> bytes:
    """A JPEG with so many EXIF segments of a few bytes before its picture."""
    segment = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + b"0123456789"
    data = jpeg(64, 64)
    return data[:2] + segment * num_segments + data[2:]


def picture(width: int, height: int) -> Image.Image:
    """A noisy image that no encoder can shrink to nothing."""
    values = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR)


def jpeg(width: int, height: int, progressive: bool = False) -> bytes:
    """A real JPEG of a noisy image."""
    out = io.BytesIO()
    picture(width, height).save(out, "JPEG", quality=60, progressive=progressive)
    return out.getvalue()


def jpeg_with_scans(side: int, num_scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated: few bytes more each, and a pass over all pixels."""
    data = jpeg(side, side, progressive=True)
    start = data.rfind(b"\xff\xda")
    scan = data[start:-2]
    header = scan[: 2 + int.from_bytes(scan[2:4], "big")]
    return data[:-2] + (header + b"\0" * 16) * (num_scans - data.count(b"\xff\xda")) + b"\xff\xd9"


def resized_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    data = bytearray(jpeg(64, 64))
    frame = data.find(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, height: int, raw: bytes, extra: bytes = b"") -> bytes:
    """A grey PNG that claims a size and holds `raw` as its filtered rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return _PNG_SIGNATURE + header + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def grey_noise_png(width: int, height: int) -> bytes:
    """A real grey PNG of noise."""
    rows = np.random.default_rng(0).integers(0, 256, (height, width + 1), dtype=np.uint8)
    rows[:, 0] = 0  # the filter of each row: none
    return png(width, height, rows.tobytes())


def deflated(byte: bytes, length: int) -> bytes:
    """One byte repeated `length` times, deflated without ever standing in memory."""
    packer = zlib.compressobj(9)
    blocks = [packer.compress(byte * (1 << 20)) for _ in range(length >> 20)]
    return b"".join(blocks) + packer.flush()


def endless_gif(num_bytes: int) -> bytes:
    """A GIF whose frame goes on in blocks of codes that add no pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 5000, 5000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 5000, 5000, 0) + b"\x02"
    return head + frame + (b"\xff" + b"\x24\x49\x92" * 85) * (num_bytes // 256)


def gif_comments(count: int) -> bytes:
    """A GIF with many comments before its only frame."""
    head = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"!\xfe\x10" + (b"0123456789abcdef\x00!\xfe\x10" * count) + b"0123456789abcdef\x00;"


def tiff(width: int, height: int, strip_bytes: int) -> bytes:
    """A grey TIFF with one strip that claims to be `strip_bytes` long."""
    tags = [(256, width), (257, height), (258, 8), (259, 5), (262, 1), (273, 200), (277, 1), (278, height), (279, strip_bytes)]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + directory + b"\0" * 4 + b"\x80" * 400


def bmp(width: int, height: int, compression: int = 0) -> bytes:
    """The header of an 8-bit BMP without its pixels."""
    palette = b"\0\0\0\0\xff\xff\xff\0" * 128
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 1, 1, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(palette), 0, 0, 54 + len(palette)) + info + palette


def webp_claiming(width: int, height: int) -> bytes:
    """A small lossless WebP whose bit stream claims another size."""
    out = io.BytesIO()
    picture(64, 64).save(out, "WEBP", lossless=True)
    data = bytearray(out.getvalue())
    start = data.find(b"VP8L") + 9
    data[start : start + 4] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return bytes(data)
