"""What each format can hold beside the pixels: profile, EXIF, XMP, resolution, gamma and text.

options(mode, like, kind)     arguments for Pillow's writer, and notes that name the rest

              ICC   EXIF   XMP   resolution   gamma, chromaticities   text
PNG           yes   yes    yes   yes          yes                     yes
JPEG          yes   yes    yes   yes          no                      one comment
TIFF          yes   yes    yes   yes          no                      no
WebP          yes   yes    yes   no           no                      no
BMP           no    no     no    yes          no                      no
"""

import struct
from typing import Any, Dict, List, Optional, Tuple

from PIL import Image, PngImagePlugin, TiffImagePlugin

from tfinpaint.photo.record import Notes, Photo

_MAX_SEGMENT = 65533  # of JPEG, without its length
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
_TIFF_XMP = 700
_RESOLUTION = (282, 283, 296)  # tags of EXIF
_MAX_DPI = 65535  # of JPEG
_PLAIN_GAMMA = struct.pack(">I", 45455)  # sRGB's
_NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "TIFF": "TIFF", "BMP": "BMP"}


def options(mode: str, like: Photo, kind: str) -> Tuple[Dict[str, Any], Notes]:
    """Arguments for Pillow's writer of `kind`, and notes of what the format cannot hold.

    mode: Pillow's, of the picture that is written.
    """
    found: Dict[str, Any] = {}
    notes: List[str] = []
    if kind == "JPEG":
        found = {"quality": 95, "subsampling": 0}
        notes.append("JPEG cannot keep known pixels exact; PNG, WebP and TIFF do")
    elif kind == "PNG":
        # takes half the time of Pillow's 6; files are larger by less than 1 %
        found = {"compress_level": 4}
    elif kind == "WEBP":
        found = {"lossless": True, "exact": True}  # exact: also the colour of transparent pixels
    elif kind == "TIFF" and not like.exif:
        found = {"compression": "tiff_deflate"}  # Pillow's compressing writer cannot hold EXIF
    if kind == "BMP":
        if like.icc or like.exif:
            notes.append("BMP holds no ICC profile and no EXIF: they were left out")
    else:
        notes += _profile(found, mode, like, kind)
        notes += _exif(found, like, kind)
    missing = _xmp(found, like, kind) + _resolution(found, like, kind)
    missing += _chunks(found, like, kind) + _comment(found, like, kind)
    if missing:
        were = "were" if len(missing) > 1 or missing[0].endswith("s") else "was"
        notes.append(f"{_NAMES[kind]} does not hold {_and(missing)}, which {were} left out")
    return found, tuple(notes)


def _profile(found, mode: str, like: Photo, kind: str) -> List[str]:
    if not like.icc:
        return []
    if like.icc[16:20] == b"GRAY" and (kind == "WEBP" or mode not in ("L", "LA")):
        # WebP has colour only
        return ["its ICC profile is for grey pictures and was left out"]
    found["icc_profile"] = like.icc
    return []


def _exif(found, like: Photo, kind: str) -> List[str]:
    if not like.exif:
        return []
    if kind == "JPEG" and len(like.exif) > _MAX_SEGMENT:
        return ["its EXIF block is too large for JPEG and was left out"]
    found["exif"] = like.exif
    return []


def _xmp(found, like: Photo, kind: str) -> List[str]:
    if not like.xmp:
        return []
    if kind == "JPEG" and len(like.xmp) + len(_XMP_MARK) <= _MAX_SEGMENT:
        content = _XMP_MARK + like.xmp
        segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
        found["extra"] = found.get("extra", b"") + segment
    elif kind == "PNG":
        _info(found).add(b"iTXt", _XMP_KEYWORD + like.xmp)
    elif kind == "WEBP":
        found["xmp"] = like.xmp
    elif kind == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[_TIFF_XMP] = like.xmp
        tags.tagtype[_TIFF_XMP] = 1
        if "exif" not in found:
            found["tiffinfo"] = tags
        else:
            exif = Image.Exif()
            try:
                exif.load(found["exif"])
            except Exception:  # then it cannot be written either, which the caller finds
                return ["its XMP"]
            exif[_TIFF_XMP] = like.xmp
            found["exif"] = exif
    else:
        return ["its XMP"]
    return []


def _resolution(found, like: Photo, kind: str) -> List[str]:
    if not like.dpi:
        return []
    across, down = like.dpi
    same = f"{across:.4g}" if across == down else f"{across:.4g} x {down:.4g}"
    if kind != "WEBP" and 1 <= min(like.dpi) and max(like.dpi) <= _MAX_DPI:
        found["dpi"] = like.dpi
        return []
    exif = Image.Exif()
    try:
        exif.load(like.exif or b"")
    except Exception:  # then nothing in it counts
        exif.clear()
    return [] if all(tag in exif for tag in _RESOLUTION) else [f"its resolution ({same} dpi)"]


def _chunks(found, like: Photo, kind: str) -> List[str]:
    """PNG's chunks of gamma, chromaticities and text."""
    if kind == "PNG":
        for name, content in like.chunks:
            _info(found).add(name, content)
        return []
    names = [name for name, _ in like.chunks]
    gammas = [content for name, content in like.chunks if name == b"gAMA"]
    missing = []
    # what says sRGB says what is taken for granted without it
    if b"cICP" in names or (
        b"sRGB" not in names and (b"cHRM" in names or any(g != _PLAIN_GAMMA for g in gammas))
    ):
        missing.append("its gamma and chromaticities")
    texts = [
        (name, content) for name, content in like.chunks if name in (b"tEXt", b"zTXt", b"iTXt")
    ]
    comment = _text_comment(like) if kind == "JPEG" and not like.comment else None
    if comment is not None:
        found["comment"] = comment
        texts = [text for text in texts if not text[1].startswith(b"Comment\0")]
    if texts:
        keys = [content.partition(b"\0")[0].decode("latin-1")[:40] for _, content in texts]
        keys = list(dict.fromkeys(keys))
        more = ", ..." if len(keys) > 3 else ""
        missing.append(f"its texts ({', '.join(keys[:3])}{more})")
    return missing


def _text_comment(like: Photo) -> Optional[bytes]:
    for name, content in like.chunks:
        key, _, text = content.partition(b"\0")
        if name == b"tEXt" and key == b"Comment" and len(text) <= _MAX_SEGMENT:
            return text
    return None


def _comment(found, like: Photo, kind: str) -> List[str]:
    if not like.comment:
        return []
    if kind == "JPEG" and len(like.comment) <= _MAX_SEGMENT:
        found["comment"] = like.comment
    elif kind == "PNG":
        content = b"Comment\0" + like.comment.replace(b"\0", b"")
        _info(found).add(b"tEXt", content)
    else:
        return ["its comment"]
    return []


def _info(found) -> PngImagePlugin.PngInfo:
    return found.setdefault("pnginfo", PngImagePlugin.PngInfo())


def _and(words: List[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
