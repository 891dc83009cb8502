"""JPEG: the segments that pixels depend on go to the decoder, the others are read here.

Inputs: the bytes of a JPEG file. The first picture of a phone's MPO is read.
Output: `Decoded`.
Damage in a segment of metadata does not prevent the pixels from being read, because Pillow does not
get these segments.
"""

import io
import re
import struct
from typing import Dict, List, Tuple

import numpy as np
from PIL import JpegImagePlugin

from tfinpaint.photo.decoded import Damaged, Decoded, Unsupported, not_square
from tfinpaint.photo.exif import first_directory
from tfinpaint.photo.pillow_modes import from_pillow

_FRAMES = {
    **{code: "" for code in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)},
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "lossless hierarchical",
    0xCB: "lossless with arithmetic coding",
    0xCD: "hierarchical with arithmetic coding",
    0xCE: "hierarchical with arithmetic coding",
    0xCF: "lossless hierarchical with arithmetic coding",
}
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_TRIES = 4
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_XMP_MORE, _ICC = b"http://ns.adobe.com/xmp/extension/\0", b"ICC_PROFILE\0"
_PHOTOSHOP, _MORE_PICTURES = b"Photoshop 3.0\0", b"MPF\0"


def read(data: bytes, check) -> Decoded:
    """Decodes the picture. Raises Unsupported or Damaged."""
    segments, rest = _segments(data)
    for code, content in segments:
        if code in _FRAMES and len(content) >= 6:
            bits, height, width, channels = struct.unpack(">BHHB", content[:6])
            check(width, height)
            if _FRAMES[code]:
                raise Unsupported(_FRAMES[code])
            if bits != 8:
                raise Unsupported(f"{bits} bits per channel")
            if channels not in (1, 3, 4):
                raise Unsupported(f"{channels} channels")
    content = _for_pillow(segments, rest)
    note: Tuple[str, ...] = ()
    try:
        image = _decoded(content)
    except OSError:
        if not {0xC0, 0xC1}.intersection(code for code, _ in segments) or rest.count(_SCAN) != 1:
            raise
        image = _without_end(content, len(_RESTART.findall(rest)))
        note = ("the mark of its end is missing",)
    icc, note_of_icc = _profile(
        [c[len(_ICC) :] for k, c in segments if k == 0xE2 and c.startswith(_ICC)]
    )
    found = from_pillow(image, icc)
    found.notes += note + note_of_icc
    _metadata(found, segments)
    return found


def _decoded(content: bytes) -> JpegImagePlugin.JpegImageFile:
    # the class itself, because Image.open has its own limit on the number of pixels
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    image.load()
    return image


def _without_end(content: bytes, restarts: int) -> JpegImagePlugin.JpegImageFile:
    """The picture of a file with one scan whose end is cut off, if no pixel is missing.

    restarts: how many restart markers the scan has.

    The decoder silently fills in missing pixels. So the file is decoded with random bytes at its
    end: if no pixel is missing, none depends on these bytes. At the end of a restart interval the
    decoder accepts only the next restart marker, whose number is counted modulo 8.

    Raises: Damaged if pixels are missing.
    """
    content = content.rstrip(_END[:1])  # half a marker, or padding before one
    image = _decoded(content + _END)
    pixels = image.tobytes()
    for before in (b"", bytes([0xFF, 0xD0 + restarts % 8])):
        for seed in range(_TRIES):
            more = np.random.default_rng(seed).integers(0, 255, 256, np.uint8).tobytes()
            if _decoded(content + before + more + _END).tobytes() != pixels:
                raise Damaged("it ends before its pixels do")
    return image


def _segments(data: bytes) -> Tuple[List[Tuple[int, bytes]], bytes]:
    """(code, content) of the segments before the first scan, and the rest of the file.

    Bytes between segments are skipped, as decoders do.
    """
    found, at = [], 2
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] == 0:
            following = data.find(b"\xff", at + 1)
            if following < 0:
                break
            at = following
            continue
        code = data[at + 1]
        if code == 0xFF:  # padding
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if code == 0xDA or code < 0xC0 or 0xD0 <= code <= 0xD9 or length < 2:
            break
        found.append((code, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found, data[at:]


def _for_pillow(segments, rest: bytes) -> bytes:
    """The file without its metadata.

    The segments of JFIF and Adobe stay, because they say which colours the channels are.
    """
    parts = [b"\xff\xd8"]
    for code, content in segments:
        is_metadata = 0xE0 <= code <= 0xEF or code == 0xFE
        is_mark = (code == 0xE0 and content[:5] == b"JFIF\0" and len(content) >= 14) or (
            code == 0xEE and content[:5] == b"Adobe" and len(content) >= 12
        )
        if is_mark or not is_metadata:
            parts += [struct.pack(">BBH", 0xFF, code, len(content) + 2), content]
    return b"".join([*parts, rest])


def _metadata(found: Decoded, segments) -> None:
    lost = []
    for code, content in segments:
        if code == 0xE0 and content[:5] == b"JFIF\0" and len(content) >= 12:
            unit, across, down = struct.unpack(">BHH", content[7:12])
            if unit in (1, 2) and across and down:
                inches = 1.0 if unit == 1 else 2.54
                found.dpi = (across * inches, down * inches)
            elif unit == 0 and across and down and across != down:
                found.notes += (not_square(across, down),)
        elif code == 0xE1 and content.startswith(_EXIF):
            # a block too large for one segment continues in the next
            found.exif = content if found.exif is None else found.exif + content[len(_EXIF) :]
        elif code == 0xE1 and content.startswith(_XMP):
            found.xmp = content[len(_XMP) :]
        elif code == 0xE1 and content.startswith(_XMP_MORE):
            lost.append("the second part of its XMP")
        elif code == 0xED and content.startswith(_PHOTOSHOP):
            lost.append("its IPTC block")
        elif code == 0xEB and content.startswith(b"JP\0"):
            lost.append("its JUMBF block (content credentials)")
        elif code == 0xE2 and content.startswith(_MORE_PICTURES):
            found.pictures = max(found.pictures, _pictures(content[len(_MORE_PICTURES) :]))
        elif code == 0xFE:
            found.comment = content if found.comment is None else found.comment + b"\n" + content
    found.notes += tuple(f"{what} was left out" for what in dict.fromkeys(lost))


def _pictures(index: bytes) -> int:
    """How many pictures a file holds, from the index of an MPO file (CIPA DC-007)."""
    for tag, value in first_directory(index):
        if tag == 0xB001:
            return value or 1
    return 1


def _profile(parts: List[bytes]):
    """The ICC profile, joined from its numbered parts, and a note if some are missing."""
    if not parts:
        return None, ()
    numbered: Dict[int, bytes] = {part[0]: part[2:] for part in parts if len(part) > 2}
    count = parts[0][1] if len(parts[0]) > 1 else 0
    if sorted(numbered) != list(range(1, count + 1)):
        return None, ("its ICC profile is damaged and was left out",)
    return b"".join(numbered[number] for number in sorted(numbered)), ()
