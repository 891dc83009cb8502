"""Reads the metadata in the boxes of a JPEG 2000 file, which Pillow does not return.

    icc, dpi, xmp, exif = beside(data)

Inputs: the bytes of a file of boxes, or of a bare codestream, which has no metadata.
Outputs: None for each that is missing or damaged. The format is that of ISO/IEC 15444-1, Annex I.
"""

import struct
from typing import Iterator, NamedTuple, Optional, Tuple

from tfinpaint.photo.decoded import METRES_PER_INCH

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"
_PROFILES = (2, 3)  # methods of the colour box: a restricted ICC profile, any ICC profile


class Beside(NamedTuple):
    """The metadata of a file; see `Decoded`."""

    icc: Optional[bytes] = None
    dpi: Optional[Tuple[float, float]] = None
    xmp: Optional[bytes] = None
    exif: Optional[bytes] = None


def beside(data: bytes) -> Beside:
    """The ICC profile, resolution, XMP packet and EXIF block of a file."""
    found = Beside()
    if data[4:8] != b"jP  ":
        return found
    for kind, content in boxes(data):
        if kind == b"uuid" and content[:16] == _XMP:
            found = found._replace(xmp=content[16:] or None)
        elif kind == b"uuid" and content[:16] == _EXIF:
            found = found._replace(exif=content[16:] or None)
        elif kind == b"jp2h":
            for inner, part in boxes(content):
                if inner == b"colr" and part[:1] and part[0] in _PROFILES and not found.icc:
                    found = found._replace(icc=part[3:] or None)
                elif inner == b"res ":
                    found = found._replace(dpi=_resolution(dict(boxes(part))))
    return found


def _resolution(boxes) -> Optional[Tuple[float, float]]:
    """Pixels per inch, across and down: the capture resolution, or else the display resolution."""
    content = boxes.get(b"resc", boxes.get(b"resd", b""))
    if len(content) != 10:
        return None
    above, below, above_across, below_across, power, power_across = struct.unpack(">4H2b", content)
    if not above or not below or not above_across or not below_across:
        return None
    return (
        above_across / below_across * 10.0**power_across * METRES_PER_INCH,
        above / below * 10.0**power * METRES_PER_INCH,
    )


def boxes(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """(type, content) of each box of a file, up to the first damage. JPEG XL has the same boxes."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and start + 8 <= len(data):
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)
        if end < start:
            return
        yield kind, data[start:end]
        at = end
