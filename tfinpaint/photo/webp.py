"""WebP: the chunks that pixels depend on go to the decoder, the others are read here.

Inputs: the bytes of a WebP file. The first picture of an animation is read.
Output: `Decoded`.
"""

import io
import struct
from typing import List, Tuple

from PIL import WebPImagePlugin

from tfinpaint.photo.decoded import Damaged, Decoded
from tfinpaint.photo.pillow_modes import from_pillow

_ALPHA, _ANIMATION = 0x10, 0x02  # flags of VP8X
_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")


def read(data: bytes, check) -> Decoded:
    """Decodes the picture. Raises Damaged."""
    chunks, missing = _chunks(data)
    kinds = [kind for kind, _ in chunks]
    extended = chunks[0][1] if kinds[:1] == [b"VP8X"] else None
    check(*_size(chunks))
    if missing and kinds[-1] in _PIXELS:
        raise Damaged("it ends before its pixels do")
    is_animation = extended is not None and bool(extended[0] & _ANIMATION)
    source = data if is_animation else _for_pillow(chunks)
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(source))
    pictures = getattr(image, "n_frames", 1)
    image.load()
    metadata = dict(reversed(chunks))  # if a chunk is repeated, the first counts
    found = from_pillow(image, metadata.get(b"ICCP"))
    found.exif, found.xmp, found.pictures = metadata.get(b"EXIF"), metadata.get(b"XMP "), pictures
    return found


def _size(chunks) -> Tuple[int, int]:
    """Width and height in the first chunk. Raises Damaged."""
    kind, content = chunks[0] if chunks else (b"", b"")
    if kind == b"VP8X" and len(content) >= 10:
        return _number(content[4:7]) + 1, _number(content[7:10]) + 1
    if kind == b"VP8 " and len(content) >= 10:
        return _number(content[6:8]) & 0x3FFF, _number(content[8:10]) & 0x3FFF
    if kind == b"VP8L" and len(content) >= 5:
        bits = _number(content[1:5])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise Damaged("it has no header")


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")


def _chunks(data: bytes) -> Tuple[List[Tuple[bytes, bytes]], int]:
    """(type, content) of the chunks, and how many bytes of the last one are missing."""
    found: List[Tuple[bytes, bytes]] = []
    at, missing = 12, 0
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        found.append((kind, data[at + 8 : at + 8 + length]))
        missing = length - len(found[-1][1])
        at += 8 + length + length % 2
    return found, missing


def _for_pillow(chunks) -> bytes:
    """The file with only its pixels and its alpha."""
    content = b""
    for kind, inner in chunks:
        if kind == b"VP8X":
            inner = bytes([inner[0] & _ALPHA]) + inner[1:]
        if kind == b"VP8X" or kind in _PIXELS:
            content += kind + struct.pack("<I", len(inner)) + inner + b"\0" * (len(inner) % 2)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content
