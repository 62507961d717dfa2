"""Pictures that a customer uploads: PNG and JPEG, walked from beginning to end. What is not the picture is left out.

SVG is refused: it can hold scripts. Nothing is decoded here, so a small file that unpacks to a huge one does no harm; the
size that browsers would make room for is read from the head and bounded.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAX_BYTES = 256 * 1024
MAX_SIDE = 2048
PNG = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND"))
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_DROPPED = frozenset((*range(0xE1, 0xEE), 0xEF, 0xFE))
"""JPEG: comments, and application data but what says how colours are meant (JFIF, Adobe)."""


class BadImage(ValueError):
    """Not a picture that can be shown. The message may be shown."""


@dataclass(frozen=True, slots=True)
class Image:
    body: bytes
    media_type: str
    width: int
    height: int


def read_image(body: bytes) -> Image:
    """The picture and nothing else of the file. Raises BadImage."""
    if len(body) > MAX_BYTES:
        raise BadImage(f"The picture has more than {MAX_BYTES // 1024} KB.")
    try:
        if body.startswith(PNG):
            return _bounded(_png(body))
        if body.startswith(b"\xff\xd8\xff"):
            return _bounded(_jpeg(body))
    except (struct.error, IndexError) as error:
        raise BadImage("The picture is broken.") from error
    raise BadImage("Only PNG and JPEG pictures can be used.")


def _bounded(image: Image) -> Image:
    if not (1 <= image.width <= MAX_SIDE and 1 <= image.height <= MAX_SIDE):
        raise BadImage(f"The picture is {image.width} × {image.height} pixels; {MAX_SIDE} × {MAX_SIDE} is the most.")
    return image


def _png(body: bytes) -> Image:
    """Chunk by chunk (PNG 5.3), each with its checksum; text, times and animations are left out, and what follows the end."""
    at, size, kept = len(PNG), (0, 0), [PNG]
    while True:
        length, kind = struct.unpack_from(">I4s", body, at)
        end = at + 12 + length
        if end > len(body) or struct.unpack_from(">I", body, end - 4)[0] != zlib.crc32(body[at + 4 : end - 4]):
            raise BadImage("The picture is broken.")
        if (kind == b"IHDR") is not (len(kept) == 1):
            raise BadImage("The picture is broken.")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body, at + 8)
        if kind in _KEPT:
            kept.append(body[at:end])
        at = end
        if kind == b"IEND":
            return Image(b"".join(kept), "image/png", *size)


def _jpeg(body: bytes) -> Image:
    """Segment by segment (ITU T.81 B.1) to the scan; places, cameras and comments are left out."""
    at, size, kept = 2, (0, 0), [body[:2]]
    while True:
        mark, kind = body[at], body[at + 1]
        if mark != 0xFF:
            raise BadImage("The picture is broken.")
        length = struct.unpack_from(">H", body, at + 2)[0]
        segment = body[at : at + 2 + length]
        if length < 2 or len(segment) != 2 + length:
            raise BadImage("The picture is broken.")
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", body, at + 5)
            size = (width, height)
        if kind == 0xDA:
            end = body.rfind(b"\xff\xd9")
            if end < at:
                raise BadImage("The picture is broken.")
            return Image(b"".join([*kept, body[at : end + 2]]), "image/jpeg", *size)
        if kind not in _DROPPED:
            kept.append(segment)
        at += 2 + length
