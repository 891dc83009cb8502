"""Finds how many pixels a picture file has, from its headers alone.

A file of a megabyte can hold a picture of 500 megapixels, all of one colour. So a server checks the
size before it decodes the file.

Sources: PNG (W3C), section 11.2.2; JPEG, ITU T.81, B.2.2; BITMAPINFOHEADER; GIF89a, section 20.
"""

import struct

_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def pixels(content: bytes) -> int:
    """The number of pixels of a PNG, JPEG or BMP, or of all pictures of a GIF together.

    It is 0 if the file is none of these or damaged. Such a file is refused when it is decoded.
    """
    try:
        if content.startswith(b"\x89PNG"):
            width, height = struct.unpack_from(">II", content, 16)
        elif content.startswith(b"BM"):
            width, height = map(abs, struct.unpack_from("<ii", content, 18))
        elif content.startswith(b"\xff\xd8"):
            width, height = _jpeg(content)
        elif content.startswith(b"GIF8"):
            return _gif(content)
        else:
            return 0
        return width * height
    except (struct.error, IndexError):  # the file breaks off
        return 0


def _jpeg(content):
    at = 2
    while True:
        (marker,) = struct.unpack_from(">H", content, at)
        if marker <= 0xFF00 or marker in (0xFFD9, 0xFFDA):
            return 0, 0
        kind = marker & 0xFF
        if kind in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if kind == 0xFF:  # a fill byte
            at += 1
        elif kind == 1 or 0xD0 <= kind <= 0xD8:  # a marker without a segment
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]


def _gif(content):
    width, height = struct.unpack_from("<HH", content, 6)
    total, at = 0, 13 + _colours(content[10])
    while at < len(content) and content[at] in (0x21, 0x2C):
        if content[at] == 0x2C:  # a picture
            wide, high = struct.unpack_from("<HH", content, at + 5)
            total += wide * high
            at += 10 + _colours(content[at + 9]) + 1
        else:  # an extension
            at += 2
        while at < len(content) and content[at]:  # blocks that begin with their size
            at += 1 + content[at]
        at += 1
    return max(total, width * height)


def _colours(flags):
    """The size of a colour table in bytes."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0
