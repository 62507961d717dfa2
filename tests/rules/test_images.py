"""Pictures are taken when they are PNG or JPEG and nothing else, small, and without what does not belong to the picture."""

from __future__ import annotations

import struct
import zlib

import pytest

from idbroker.tenants.images import MAX_BYTES, PNG, BadImage, read_image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 4, height: int = 4, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + b"\xff\0\0" * 4 for _ in range(4)))
    return PNG + head + b"".join(more) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def segment(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 4, height: int = 4, *more: bytes) -> bytes:
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + b"".join(more) + frame + segment(0xDA, b"\x01\x01\0\0?\0") + b"data\xff\xd9"


def test_pictures_are_taken_with_their_size() -> None:
    taken = read_image(png(300, 80))
    assert (taken.media_type, taken.width, taken.height) == ("image/png", 300, 80)
    taken = read_image(jpeg(300, 80))
    assert (taken.media_type, taken.width, taken.height) == ("image/jpeg", 300, 80)


SECRET = b"<script>alert(1)</script> taken at 52.5 N"


@pytest.mark.parametrize(
    "body",
    [
        png(4, 4, chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET), chunk(b"acTL", SECRET)),
        png() + SECRET,
        jpeg(4, 4, segment(0xE1, SECRET), segment(0xFE, SECRET)),
        jpeg() + SECRET,
    ],
    ids=["png chunks", "after png", "jpeg segments", "after jpeg"],
)
def test_what_is_not_the_picture_is_left_out(body: bytes) -> None:
    taken = read_image(body)
    assert SECRET not in taken.body
    assert read_image(taken.body) == taken


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"GIF89a" + bytes(20),
        b"RIFF" + bytes(20),
        png(0, 4), png(4, 4096), png(2**31, 2**31), jpeg(0, 4), jpeg(60_000, 4), png()[:-6], png()[:30], jpeg()[:20], PNG,
        b"\xff\xd8\xff",
        png().replace(b"IHDR", b"IHDX"), png()[:40] + b"x" + png()[41:], PNG + chunk(b"IDAT", b"") + png()[8:],
        b"\xff\xd8\xff\xe0\x00\x00" + bytes(100), png() + bytes(MAX_BYTES),
    ],
)  # fmt: skip
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(BadImage):
        read_image(body)
