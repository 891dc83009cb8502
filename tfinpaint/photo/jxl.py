"""JPEG XL: the size and the XMP packet of a file, read without its decoder.

    size(data)     width and height in the header, as stored
    xmp(data)      the XMP packet, which the decoder does not return

The size is needed first, because the decoder decodes as soon as it opens a file. A file is a bare
codestream, or a sequence of boxes that contains one: in the box `jxlc`, or in parts in boxes
`jxlp`. The codestream begins with a mark and the size, in bits from the lowest of each byte
(ISO/IEC 18181-1, Annex D).
"""

from typing import Iterator, Optional, Tuple

from tfinpaint.photo.decoded import Damaged
from tfinpaint.photo.jp2 import boxes

_MARK = b"\xff\x0a"
_WIDTHS = (9, 13, 18, 30)  # bits of a side
# width : height, by the number in the header
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_HEAD = 16  # bytes that hold the size


def size(data: bytes) -> Tuple[int, int]:
    """Width and height, before the picture is turned upright. Raises Damaged."""
    head = _codestream(data)
    if head[:2] != _MARK or len(head) < 4:
        raise Damaged("it has no header")
    bits = int.from_bytes(head[2:].ljust(_HEAD, b"\0"), "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    in_eights = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if in_eights else take(_WIDTHS[take(2)]) + 1

    height, ratio = side(), take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio]
    return height * across // down, height


def xmp(data: bytes) -> Optional[bytes]:
    """The XMP packet, or None if there is none or it is compressed."""
    return next((content for kind, content in _boxes(data) if kind == b"xml "), None)


def _codestream(data: bytes) -> bytes:
    if data[:2] == _MARK:
        return data[: 2 + _HEAD]
    for kind, content in _boxes(data):
        if kind == b"jxlc":
            return content[: 2 + _HEAD]
        if kind == b"jxlp":  # after the number of the part
            return content[4 : 6 + _HEAD]
    raise Damaged("it has no picture")


def _boxes(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """(type, content) of each box; nothing for a bare codestream."""
    return boxes(data) if data[4:8] == b"JXL " else iter(())
