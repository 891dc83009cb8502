"""Formats that Pillow reads: GIF, AVIF, HEIC, JPEG 2000 and JPEG XL.

Inputs: the bytes of a file. If it holds several pictures, the first is read.
Output: `Decoded`, with orientation 1 where the decoder has already turned the pixels. libheif turns
them. libjxl turns them by the orientation in its own header, and that of EXIF must then not count.
A JPEG file that was packed as JPEG XL without loss is restored unturned, so that of EXIF counts.
Pillow reads AVIF and JPEG 2000 if it was built with them, HEIC with `pillow-heif` and JPEG XL with
`pillow-jxl-plugin`.
"""

import io
from typing import Optional, Tuple

import numpy as np
from PIL import Image

from tfinpaint.photo import exif, jp2, jxl
from tfinpaint.photo.decoded import Decoded, Unsupported, to_eight
from tfinpaint.photo.pillow_modes import from_pillow

_EXTRAS = {"HEIC": "pillow-heif", "JPEG XL": "pillow-jxl-plugin"}
_CREDENTIALS = "JUMBF block (content credentials)"
_BOXES = {b"Exif": "EXIF", b"xml ": "XMP", b"jumb": _CREDENTIALS}
_PILLOW = {"GIF": "GIF", "AVIF": "AVIF", "JPEG 2000": "JPEG2000", "HEIC": "HEIF", "JPEG XL": "JXL"}


def read(data: bytes, check, kind: str) -> Decoded:
    """Decodes the picture.

    kind: as `kinds.kind` names it.   check: see decoded.py.

    Raises: Unsupported.
    """
    _prepare(kind)
    Image.preinit()
    Image.init()
    name = _PILLOW[kind]
    if name not in Image.OPEN:
        raise Unsupported(f"this Pillow was built without {kind}")
    factory, accept = Image.OPEN[name]
    problem = accept(data[:32]) if accept else True
    if isinstance(problem, str):
        raise Unsupported(problem)
    if kind == "JPEG XL":
        check(*jxl.size(data))
    # the class itself, because Image.open has its own limit on the number of pixels
    image = factory(io.BytesIO(data), "")
    check(*image.size)
    pictures = getattr(image, "n_frames", 1)
    bits = _bits(data, kind)
    image.load()
    info = image.info
    more = jp2.beside(data) if kind == "JPEG 2000" else jp2.Beside()
    icc = info.get("icc_profile") or more.icc
    if image.mode.startswith("I;16"):
        found = Decoded(np.asarray(image).astype(np.uint16), icc=icc)
    else:
        found = from_pillow(image, icc)
        if bits > 8:
            found.notes += (to_eight(f"{bits} bits"),)
    found.exif, found.pictures = info.get("exif") or more.exif, pictures
    xmp = info.get("xmp") or more.xmp
    found.xmp = xmp.encode() if isinstance(xmp, str) else xmp or None
    comment = info.get("comment")
    found.comment = comment.encode() if isinstance(comment, str) else comment or None
    found.dpi = more.dpi
    if kind == "JPEG XL":
        found.xmp = found.xmp or jxl.xmp(data)
        found.notes += _not_handed_out(data, found)
    if kind == "AVIF":
        # Pillow returns the orientation of the file itself as EXIF. That in XMP does not count.
        found.orientation = exif.orientation(found.exif) or 1
    if kind == "HEIC" or (kind == "JPEG XL" and not getattr(image, "jpeg", False)):
        found.orientation = 1
    return found


def _not_handed_out(data: bytes, found: Decoded) -> Tuple[str, ...]:
    """Notes on the metadata of a JPEG XL file that its decoder does not return.

    A box `brob` holds another box, compressed with Brotli. From a packed JPEG file, the decoder
    returns some of these.
    """
    lost = []
    there = [name for name, block in (("EXIF", found.exif), ("XMP", found.xmp)) if block]
    for kind, content in jp2.boxes(data) if data[4:8] == b"JXL " else ():
        what = _BOXES.get(content[:4] if kind == b"brob" else kind)
        if what and what not in there and (kind == b"brob" or what == _CREDENTIALS):
            lost.append(f"its {what}, compressed," if kind == b"brob" else f"its {what}")
    return tuple(f"{what} was left out" for what in dict.fromkeys(lost))


def _prepare(kind: str) -> None:
    lacking = what_is_missing(kind)
    if lacking:
        raise Unsupported(f"it needs {lacking}")


def what_is_missing(kind: str) -> Optional[str]:
    """What must be installed so that Pillow reads a format, or None if nothing is missing.

    Registers the installed plugin for HEIC or JPEG XL.
    """
    try:
        if kind == "HEIC":
            import pillow_heif

            pillow_heif.register_heif_opener()
        elif kind == "JPEG XL":
            import pillow_jxl  # noqa: F401  registers itself
    except ImportError:
        package = _EXTRAS[kind]
        return f"the package {package}: pip install {package}"
    return None


def _bits(data: bytes, kind: str) -> int:
    """The bits per channel in the file's header, or 8."""
    if kind == "JPEG 2000":
        start = data.find(b"\xff\x4f\xff\x51")  # codestream, size
        at = start + 4 + 2 + 2 + 32 + 2  # after length, capabilities, eight sizes, channels
        return (data[at] & 0x7F) + 1 if start >= 0 and at < len(data) else 8
    if kind in ("AVIF", "HEIC"):
        start = data.find(b"pixi")
        at = start + 4 + 4 + 1  # after version and number of channels
        return data[at] if start >= 0 and at < len(data) else 8
    return 8
