"""PNG: the chunks that pixels depend on go to the decoder, the others are read here.

Inputs: the bytes of a PNG or APNG file. Of an APNG, the still picture is read that every program
shows.
Output: `Decoded`.

Metadata (text, profile, EXIF, gamma) cannot prevent the pixels from being read, because Pillow does
not get them; it has its own limits on text. Text is kept unchanged, with one exception: a
compressed text that unpacks to more than a megabyte is kept unpacked, up to the limits below.
Programs that use Pillow refuse a file with such a text only if it is compressed. Texts in which
ImageMagick stores EXIF, XMP and IPTC are none: they are treated as what they hold.
"""

import io
import re
import struct
import zlib
from typing import List, Optional, Tuple

import numpy as np
from PIL import PngImagePlugin

from tfinpaint.photo.decoded import METRES_PER_INCH, Damaged, Decoded, Unsupported, not_square
from tfinpaint.photo.pillow_modes import from_pillow

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
COLOUR_CHUNKS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}  # and their length
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp\0"
# ImageMagick names the texts in which it stores what was beside another file's pixels so
_RAW = {
    b"raw profile type " + name: what
    for name, what in (
        (b"exif", "EXIF"),
        (b"app1", "EXIF"),  # a segment of JPEG, which may also hold XMP
        (b"xmp", "XMP"),
        (b"iptc", "IPTC"),
        (b"8bim", "IPTC"),  # Photoshop's block, which has a thumbnail too
    )
}
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"  # of a segment of JPEG
_MAX_PROFILE = 16 * 2**20  # bytes, unpacked
_MAX_TEXT = 2**20  # bytes, unpacked, of a compressed text that programs with Pillow accept
_MAX_TEXTS = 16 * 2**20  # bytes, unpacked, of all larger texts together
_GREY, _RGB, _GREY_ALPHA = 0, 2, 4  # kinds of colour


def read(data: bytes, check) -> Decoded:
    """Decodes the picture. Raises Unsupported or Damaged."""
    chunks = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise Damaged("it does not begin with its header")
    width, height, bits, kind = struct.unpack(">IIBB", chunks[0][1][:10])
    check(width, height)
    key = None
    # The transparent colour is compared here: Pillow compares it with values that it has scaled.
    if kind in (_GREY, _RGB):
        key = next((content for name, content in chunks if name == b"tRNS"), None)
        chunks = [chunk for chunk in chunks if chunk[0] != b"tRNS"]
    plain = _for_pillow(chunks)
    image = PngImagePlugin.PngImageFile(io.BytesIO(plain))
    image.load()
    if bits == 16 and kind == _GREY:
        found = Decoded(np.asarray(image).astype(np.uint16))
    elif bits == 16:  # Pillow has checked that the file is whole, but drops the lower bits
        found = _deep(plain, kind)
    else:
        found = from_pillow(image)
    if key is not None:
        found.alpha = _alpha_of_key(found.colour, key, bits)
    _metadata(found, chunks)
    return found


def _deep(plain: bytes, kind: int) -> Decoded:
    """16-bit RGB, grey with alpha or RGB with alpha."""
    import cv2  # takes a quarter of a second, which few files need

    pixels = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise Unsupported("16 bits per channel, which OpenCV cannot decode")
    alpha = None if kind == _RGB else pixels[..., 3]
    return Decoded(pixels[..., 0] if kind == _GREY_ALPHA else pixels[..., 2::-1], alpha)


def _alpha_of_key(colour: np.ndarray, key: bytes, bits: int) -> np.ndarray:
    """The alpha channel [H, W]: 0 for pixels of the colour `key`, the highest value elsewhere."""
    channels = 1 if colour.ndim == 2 else 3
    if len(key) < 2 * channels:
        raise Damaged("its chunk tRNS is too short")
    numbers = np.frombuffer(key[: 2 * channels], ">u2").astype(np.int64)
    if bits < 16:
        numbers = numbers % 2**bits * 255 // (2**bits - 1)  # as colour was scaled
    clear = (colour.reshape(*colour.shape[:2], channels) == numbers).all(axis=-1)
    top = np.iinfo(colour.dtype).max
    return np.where(clear, 0, top).astype(colour.dtype)


def _chunks(data: bytes) -> List[Tuple[bytes, bytes]]:
    """(type, content) of the chunks, up to the end of the file.

    Of the damaged chunks only IDAT is kept, even if it is cut off: the decoder knows whether the
    missing part matters. For other optional ones there is (b"", type).

    Raises: Damaged if a chunk that pixels depend on has a wrong checksum.
    """
    found, at = [], len(SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        check = data[at + 8 + length : at + 12 + length]
        at += 12 + length
        if kind == b"IEND":
            break
        good = len(check) == 4 and zlib.crc32(kind + content) == struct.unpack(">I", check)[0]
        if not good and kind in (b"IHDR", b"PLTE", b"tRNS"):
            raise Damaged(f"its chunk {kind.decode()} has a wrong checksum")
        if not good and not re.fullmatch(rb"[A-Za-z]{4}", kind):
            break  # not a chunk: the lengths are wrong
        if good or kind == b"IDAT":
            found.append((kind, content))
        elif kind[:1].islower():
            found.append((b"", kind))
    return found


def _for_pillow(chunks) -> bytes:
    parts = [SIGNATURE]
    for kind, content in [c for c in chunks if c[0] in _PIXELS] + [(b"IEND", b"")]:
        parts += [
            struct.pack(">I", len(content)),
            kind,
            content,
            struct.pack(">I", zlib.crc32(kind + content)),
        ]
    return b"".join(parts)


def _metadata(found: Decoded, chunks) -> None:
    kept: List[Tuple[bytes, bytes]] = []
    frames, before_pixels, first_is_frame = 0, True, False
    has_iptc, lost, room = False, [], _MAX_TEXTS
    damaged = sorted({content.decode() for kind, content in chunks if not kind})
    for kind, content in chunks:
        if kind == b"IDAT":
            before_pixels = False
        elif kind == b"iCCP":
            found.icc, note = _profile(content)
            found.notes += note
        elif kind == b"eXIf":
            found.exif = content
        elif kind == b"pHYs" and len(content) == 9:
            across, down, unit = struct.unpack(">IIB", content)
            if unit == 1 and across and down:
                found.dpi = (across * METRES_PER_INCH, down * METRES_PER_INCH)
            elif across and down and across != down:
                found.notes += (not_square(across, down),)
        elif kind == b"acTL" and len(content) == 8:
            (frames,) = struct.unpack(">I", content[:4])
        elif kind == b"fcTL":
            first_is_frame |= before_pixels
        elif kind == b"iTXt" and content.startswith(_XMP):
            packet = _international(content)
            if packet is None:
                lost.append("XMP")
            found.xmp = packet or found.xmp
        elif kind in _TEXTS and _raw(content) == "IPTC":
            has_iptc = True
        elif kind in _TEXTS and _raw(content):
            block = _hexadecimal(kind, content)
            if block is None:
                lost.append(_raw(content))
            elif _raw(content) == "XMP" or block.startswith(_XMP_MARK):
                found.xmp = found.xmp or block.removeprefix(_XMP_MARK)
            else:
                found.exif = found.exif or block
        elif kind in COLOUR_CHUNKS:
            if len(content) == COLOUR_CHUNKS[kind]:
                kept.append((kind, content))
            else:
                damaged.append(kind.decode())
        elif kind in _TEXTS:
            text = _readable(kind, content, room)
            if text is None:
                lost.append(content.partition(b"\0")[0][:40].decode("latin-1"))
                continue
            room -= len(text[1]) if text[1] is not content else 0
            kept.append(text)
    if frames:
        found.pictures = frames + (not first_is_frame)
    if has_iptc:
        found.notes += ("its IPTC block was left out",)
    if damaged:
        found.notes += (f"damaged chunks left out: {', '.join(dict.fromkeys(damaged))}",)
    if lost:
        limit = _MAX_TEXTS // 2**20
        names = ", ".join(dict.fromkeys(lost))
        found.notes += (f"texts that are damaged or larger than {limit} MB left out: {names}",)
    found.chunks = tuple(kept)


def _readable(kind: bytes, content: bytes, room: int) -> Optional[Tuple[bytes, bytes]]:
    """A chunk of text for writing; None if it is damaged or, unpacked, longer than `room` bytes."""
    key, _, rest = content.partition(b"\0")
    if kind == b"zTXt":
        if rest[:1] != b"\0":
            return None
        start, packed = key + b"\0", rest[1:]
    elif kind == b"iTXt" and rest[:1] == b"\1":
        parts = rest[2:].split(b"\0", 2)
        if len(parts) < 3:
            return None
        start, packed = key + b"\0\0\0" + parts[0] + b"\0" + parts[1] + b"\0", parts[2]
    else:
        return kind, content
    if _inflated(packed, _MAX_TEXT) is not None:
        return kind, content
    text = _inflated(packed, room)
    return None if text is None else (b"tEXt" if kind == b"zTXt" else kind, start + text)


def _inflated(packed: bytes, limit: int) -> Optional[bytes]:
    """The unpacked content; None if it is damaged or longer than `limit` bytes."""
    worker = zlib.decompressobj()
    try:
        content = worker.decompress(packed, limit + 1)
    except zlib.error:
        return None
    return content if worker.eof and len(content) <= limit else None


def _profile(content: bytes) -> Tuple[Optional[bytes], Tuple[str, ...]]:
    name, _, rest = content.partition(b"\0")
    profile = _inflated(rest[1:], _MAX_PROFILE) if rest[:1] == b"\0" else None
    if profile is None or (len(profile) > _MAX_TEXT and profile[36:40] != b"acsp"):
        limit = _MAX_PROFILE // 2**20
        return None, (f"its ICC profile is damaged or larger than {limit} MB and was left out",)
    return profile, ()


def _international(content: bytes) -> Optional[bytes]:
    """The text of an iTXt chunk, UTF-8."""
    _, _, rest = content.partition(b"\0")
    parts = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(parts) < 3:
        return None
    return _inflated(parts[2], _MAX_PROFILE) if rest[0] else parts[2]


def _raw(content: bytes) -> str:
    """What ImageMagick stored in a chunk of text: "EXIF", "XMP" or "IPTC"; "" for other texts."""
    return _RAW.get(content[:40].partition(b"\0")[0].lower(), "")


def _hexadecimal(kind: bytes, content: bytes) -> Optional[bytes]:
    """What ImageMagick wrote as text: a name, a length and hexadecimal digits.

    None if it is damaged or too long.
    """
    if kind == b"iTXt":
        text = _international(content)
    else:
        _, _, rest = content.partition(b"\0")
        text = _inflated(rest[1:], _MAX_PROFILE) if kind == b"zTXt" else rest
    if text is None or len(text) > _MAX_PROFILE:
        return None
    words = text.split(None, 2)
    try:
        return bytes.fromhex(b"".join(words[2].split()).decode("ascii"))
    except (IndexError, ValueError):
        return None
