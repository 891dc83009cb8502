"""The metadata that each format can hold: profile, EXIF, XMP, resolution, gamma and text.

options(mode, like, kind)     arguments for Pillow's writer, and notes that name what is left out

              ICC   EXIF   XMP   resolution   gamma, chromaticities   text
PNG           yes   yes    yes   yes          yes                     yes
JPEG          yes   yes    yes   yes          no                      one comment
TIFF          yes   yes    yes   yes          no                      no
WebP          yes   yes    yes   no           no                      no
AVIF          yes   yes    yes   no           no                      no
JPEG XL       no    yes    yes   no           no                      no
BMP           no    no     no    yes          no                      no
"""

import io
import struct
from typing import Any, Dict, List, Optional, Tuple

from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from tfinpaint.photo.record import Notes, Photo

_MAX_SEGMENT = 65533  # of JPEG, without its length
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
_TIFF_XMP = 700
_RESOLUTION = (282, 283, 296)  # tags of EXIF
_MAX_DPI = 65535  # of JPEG
_JXL_EFFORT = 3  # of 9
_PLAIN_GAMMA = struct.pack(">I", 45455)  # sRGB's
NAMES = {
    **{kind: kind for kind in ("JPEG", "PNG", "TIFF", "BMP", "AVIF")},
    "WEBP": "WebP",
    "JXL": "JPEG XL",
}
# notes that hold for every photograph written in the format
OF_FORMAT = {
    "JPEG": "JPEG cannot keep known pixels exact; PNG, WebP and TIFF do",
    "AVIF": "AVIF changes known pixels by up to 3 of 255 levels; PNG, WebP and TIFF keep them",
}
_WITHOUT_RESOLUTION = ("WEBP", "AVIF", "JXL")
_EXIF_PREFIX = b"Exif\0\0"
# how libjxl and others name the profiles of sRGB; a picture without a profile is sRGB
_SRGB = ("RGB_D65_SRG", "sRGB")


def options(mode: str, like: Photo, kind: str) -> Tuple[Dict[str, Any], Notes]:
    """Arguments for Pillow's writer of `kind`, and notes that name what the format cannot hold.

    mode: Pillow's mode of the picture that is written.
    like: the photograph whose metadata are written.
    kind: one of `NAMES`.
    """
    found: Dict[str, Any] = {}
    notes: List[str] = []
    if kind == "JPEG":
        found = {"quality": 95, "subsampling": 0}
        notes.append(OF_FORMAT["JPEG"])
    elif kind == "PNG":
        # takes half the time of Pillow's default, 6; files are larger by less than 1 %
        found = {"compress_level": 4}
    elif kind == "WEBP":
        found = {"lossless": True, "exact": True}  # exact: also the colour of transparent pixels
    elif kind == "AVIF":
        # Lossless, except for the conversion from RGB to YCbCr, which is exact for grey. Measured
        # error: at most 3 of 255 levels.
        found = {"quality": 100, "speed": 8}
        if mode != "L":
            found["subsampling"] = "4:4:4"
        if not like.grey:
            notes.append(OF_FORMAT["AVIF"])
    elif kind == "JXL":
        found = {"lossless": True, "effort": _JXL_EFFORT}
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
        notes.append(f"{NAMES[kind]} does not hold {_and(missing)}, which {were} left out")
    return found, tuple(notes)


def _profile(found, mode: str, like: Photo, kind: str) -> List[str]:
    if not like.icc:
        return []
    if kind == "JXL":
        # Pillow's plugin writes no profile; the file says that it is sRGB
        return [] if _is_srgb(like.icc) else ["its ICC profile cannot be written as JPEG XL"]
    if like.icc[16:20] == b"GRAY" and (
        # Pillow writes WebP, and AVIF with alpha, in colour only
        kind == "WEBP" or mode not in ("L", "LA") or (kind == "AVIF" and mode == "LA")
    ):
        return ["its ICC profile is for grey pictures and was left out"]
    found["icc_profile"] = like.icc
    return []


def _exif(found, like: Photo, kind: str) -> List[str]:
    if not like.exif:
        return []
    if kind == "JPEG" and len(like.exif) > _MAX_SEGMENT:
        return ["its EXIF block is too large for JPEG and was left out"]
    found["exif"] = like.exif
    if kind == "JXL":  # the block begins with a number of bytes to skip, 0
        bare = like.exif[len(_EXIF_PREFIX) :] if like.exif.startswith(_EXIF_PREFIX) else like.exif
        found["exif"] = bytes(4) + bare
    return []


def _is_srgb(icc: bytes) -> bool:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return ImageCms.getProfileDescription(profile).startswith(_SRGB)
    except (ImageCms.PyCMSError, OSError):
        return False


def _xmp(found, like: Photo, kind: str) -> List[str]:
    if not like.xmp:
        return []
    if kind == "JPEG" and len(like.xmp) + len(_XMP_MARK) <= _MAX_SEGMENT:
        content = _XMP_MARK + like.xmp
        segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
        found["extra"] = found.get("extra", b"") + segment
    elif kind == "PNG":
        _info(found).add(b"iTXt", _XMP_KEYWORD + like.xmp)
    elif kind in ("WEBP", "AVIF", "JXL"):
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
            except Exception:  # then EXIF cannot be written either; the caller notices
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
    if kind not in _WITHOUT_RESOLUTION and 1 <= min(like.dpi) and max(like.dpi) <= _MAX_DPI:
        found["dpi"] = like.dpi
        return []
    exif = Image.Exif()
    try:
        exif.load(like.exif or b"")
    except Exception:  # a damaged block holds no resolution
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
    # a chunk that says sRGB may be dropped: without it, sRGB is assumed
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
