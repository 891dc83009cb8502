"""EXIF: the orientation, which affects the pixels, and the rest, which must not.

The orientation is read from the bytes by separate code, so that damage in any other tag cannot hide
it. Pillow reads and writes the rest. Notes name the tags that it cannot write again.
"""

import io
import re
import struct
from typing import Any, MutableMapping, Optional, Tuple

from PIL import Image

from tfinpaint.photo.tiff_file import Directory

ORIENTATION = 0x0112
_PREFIX = b"Exif\0\0"
_SIZES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_CAMERA = 0x8769
_BLOCKS = {_CAMERA: "camera data", 0x8825: "GPS"}
# Tags of a TIFF file's own layout (size, strips, compression, colour tables; 50706 says that it is
# camera raw). They stand among those that are EXIF, and some programs copy them into the EXIF of
# other formats. In a TIFF file that is written, they would contradict its pixels.
# fmt: off
_TIFF_LAYOUT = (
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 301, 317, 320, 322,
    323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 530, 532, 700, 32995, 32996,
    32997, 32998, 34675, 50706,
)
# fmt: on
# Photoshop stores the unfilled photograph in these. A picture editor would show it instead of the
# fill.
_AS_IT_WAS = {37724: "the layers of Photoshop were", 34377: "a block of Photoshop was"}
# Tags of layout that are more than layout. In a TIFF file its reader takes them; elsewhere they are
# lost.
_IN_EXIF_ALONE = {700: "the XMP in its EXIF block", 34675: "the ICC profile in its EXIF block"}
_TRANSFER = 301
# what belongs to the width and what to the height, which a turn by 90 degrees exchanges
_RESOLUTION, _SIZE = (282, 283), (0xA002, 0xA003)


def orientation(block: Optional[bytes]) -> Optional[int]:
    """The orientation, 1 to 8, in an EXIF block, or None if it has none.

    block: bytes in TIFF's layout. Damaged entries are passed over.
    """
    for tag, value in first_directory(block or b""):
        if tag == ORIENTATION:
            return value if value is not None and 1 <= value <= 8 else None
    return None


def orientation_in_xmp(xmp: Optional[bytes]) -> Optional[int]:
    """The orientation, 1 to 8, in an XMP packet, or None."""
    found = re.search(rb'tiff:Orientation(?:\s*=\s*["\']|>)\s*([1-8])', xmp or b"")
    return int(found[1]) if found else None


def upright_xmp(xmp: Optional[bytes]) -> Optional[bytes]:
    """The XMP packet with orientation 1, and without thumbnails, which show the unfilled picture.

    None stays None.
    """
    if not xmp:
        return xmp
    for name in (b"xmp:Thumbnails", b"xap:Thumbnails"):  # a packet uses one of these names
        start, end = xmp.find(b"<" + name), xmp.rfind(b"</" + name + b">")
        if 0 <= start < end:
            xmp = xmp[:start] + xmp[end + len(name) + 3 :]
    return re.sub(rb'(tiff:Orientation(?:\s*=\s*["\']|>)\s*)[1-8]', rb"\g<1>1", xmp)


def kept(
    block: Optional[bytes], is_tiff: bool = False, turn: int = 1
) -> Tuple[Optional[bytes], Tuple[str, ...]]:
    """The EXIF block to write again, with orientation 1, or None; and notes on what is left out.

    is_tiff: whether `block` is a whole TIFF file, whose XMP, profile and transfer function are not
        EXIF.
    turn: the orientation by which the pixels were turned. From 5 on, the width and the height that
        the block names are exchanged.

    Tags of layout are left out silently: the picture that is written defines them.
    """
    if not block:
        return None, ()
    bare = _bare(block)
    if _order(bare) is None:
        return None, ("its EXIF block is damaged and was left out",)
    exif = Image.Exif()
    try:
        is_big = bare[2:4] in (b"+\0", b"\0+")
        exif.load_from_fp(io.BytesIO(_classic(bare) if is_big else bare))
    except Exception:  # Pillow raises nearly any class for a damaged block
        return None, ("its EXIF block is damaged and was left out",)
    found = {tag for tag, value in first_directory(bare) if value is not None}
    lost = found - set(exif) - {*_TIFF_LAYOUT, *_BLOCKS} if not is_tiff else set()
    notes = tuple(f"{_AS_IT_WAS[tag]} left out" for tag in _AS_IT_WAS if tag in exif)
    if is_tiff and _TRANSFER in exif:
        notes += ("its transfer function was left out",)
    if not is_tiff:
        alone = [what for tag, what in _IN_EXIF_ALONE.items() if tag in exif]
        notes += tuple(f"{what} was left out" for what in alone)
    for tag in (*_AS_IT_WAS, *_TIFF_LAYOUT):
        if is_tiff or tag != _TRANSFER:
            exif.pop(tag, None)
    if lost:
        notes += (f"{_tags(len(lost))} of its EXIF block could not be read and left out",)
    if not exif:
        return None, notes
    exif[ORIENTATION] = 1
    if turn >= 5:
        _exchange(exif, _RESOLUTION)
        if _CAMERA in exif:
            try:
                _exchange(exif.get_ifd(_CAMERA), _SIZE)
            except Exception:  # damaged: it cannot be written either, and a note will say so
                pass
    try:
        return exif.tobytes(), notes
    except Exception:
        block, more = _salvaged(exif)
        return block, notes + more


def _exchange(tags: MutableMapping[int, Any], two: Tuple[int, int]) -> None:
    """Exchanges the values of two tags. If one is missing, the other takes its place."""
    values = [tags.pop(tag, None) for tag in two]
    tags.update({tag: value for tag, value in zip(two, reversed(values)) if value is not None})


def _classic(bare: bytes) -> bytes:
    """The first directory of a BigTIFF file as classic TIFF, without the blocks of camera and GPS.

    Pillow's Exif cannot read BigTIFF.
    """
    tags = Directory(bare)
    entries, rest, count = b"", b"", 0
    chosen = [tag for tag in sorted(tags.tags) if tag not in _BLOCKS and tags.tags[tag][0] <= 13]
    at = 8 + 2 + 12 * len(chosen) + 4
    for tag in chosen:
        kind, length, _ = tags.tags[tag]
        content = tags.optional_bytes(tag)
        if content is None:
            continue
        count += 1
        where = content.ljust(4, b"\0")
        if len(content) > 4:
            where = struct.pack(tags.order + "I", at + len(rest))
            rest += content
        entries += struct.pack(tags.order + "HHI", tag, kind, length) + where
    head = bare[:2] + struct.pack(tags.order + "HIH", 42, 8, count)
    return (head + entries).ljust(at, b"\0") + rest


def _salvaged(exif: Image.Exif) -> Tuple[Optional[bytes], Tuple[str, ...]]:
    """A block of the tags that can be written, and a note that names the others."""
    good, lost = Image.Exif(), []
    for tag in list(exif):
        name = _BLOCKS.get(tag)
        try:
            if name is None:
                good[tag] = exif[tag]
                good.tobytes()
                continue
            inner = dict(exif.get_ifd(tag))
        except Exception:
            good.pop(tag, None)
            lost.append(name or f"0x{tag:04x}")
            continue
        target = good.get_ifd(tag)
        for key, value in inner.items():
            target[key] = value
            try:
                good.tobytes()
            except Exception:
                del target[key]
                lost.append(f"0x{key:04x} of the {name}")
    if not lost:  # what stood in the way is among the tags that were left out
        return good.tobytes(), ()
    names = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
    note = f"{_tags(len(lost))} of its EXIF block, damaged, left out: {names}"
    return good.tobytes(), (note,)


def _tags(count: int) -> str:
    return "one tag" if count == 1 else f"{count} tags"


def _bare(block: bytes) -> bytes:
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    return block


def _order(bare: bytes) -> Optional[str]:
    """The byte order, "<" or ">", or None if the bytes are not in TIFF's layout."""
    order = {b"II": "<", b"MM": ">"}.get(bare[:2])
    if order is None or len(bare) < 8:
        return None
    return order if struct.unpack(order + "H", bare[2:4])[0] in (42, 43) else None


def first_directory(block: bytes):
    """Yields (tag, value) of the first directory.

    The value is 0 if it is not a single whole number, and None if the entry is empty or of an
    unknown type.
    """
    bare = _bare(block)
    order = _order(bare)
    if order is None:
        return
    big = struct.unpack(order + "H", bare[2:4])[0] == 43
    where, size, width = ("Q", 20, 8) if big else ("I", 12, 4)
    at = 8 if big else 4
    if len(bare) < at + width:
        return
    (start,) = struct.unpack(order + where, bare[at : at + width])
    head = 8 if big else 2
    if len(bare) < start + head:
        return
    (count,) = struct.unpack(order + ("Q" if big else "H"), bare[start : start + head])
    for number in range(min(count, 65536)):
        entry = bare[start + head + number * size : start + head + (number + 1) * size]
        if len(entry) < size:
            return
        tag, kind = struct.unpack(order + "HH", entry[:4])
        (length,) = struct.unpack(order + where, entry[4 : 4 + width])
        letter = _SIZES.get(kind)
        value: Optional[int] = 0 if length and 1 <= kind <= 18 else None
        if letter and length:
            letter_size = struct.calcsize(letter)
            if letter_size * length <= width:
                value = struct.unpack(order + letter, entry[4 + width : 4 + width + letter_size])[0]
        yield tag, value
