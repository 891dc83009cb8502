"""Photographs and masks as files: read upright as uint8, written with what the file also carried.

A photograph becomes a `Photo`: RGB pixels turned upright, with its alpha channel, ICC profile and
EXIF beside them so that `write_photo` can put them back (with orientation tag 1, because the pixels
are upright now). A mask becomes uint8 [H, W] of 0 and 255, 255 = hole, whatever white means in the
file.

Functions return notes: one line each about everything the user may want to know (converted,
dropped, guessed). A note that starts with "warning: " points out a likely mistake.

Everything that cannot be used (missing, truncated, not an image, too large) raises `SettingsError`
with the path.
"""

import dataclasses
import io
import os
import warnings
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from PIL import Image, ImageCms

from tfinpaint import atomic, photo_folders
from tfinpaint.settings import SettingsError, check_writable

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
THRESHOLD = 127  # of a mask: a brighter pixel is white

Notes = Tuple[str, ...]

# the readers that Pillow may try: some of its others start programs
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
_WRITERS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383}
_MAX_EXIF_JPEG = 65533  # one JPEG segment
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# TIFF keeps its own layout (size, strips, compression, colour tables) among the tags that are EXIF
# elsewhere.
# fmt: off
_TIFF_LAYOUT = (
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 301, 317, 320, 322,
    323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 530, 532, 700, 34675,
)
# fmt: on

# Large photographs are common here. Pillow's warning at half its limit would be noise; its error
# stays.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)
# These are about damaged files; what matters raises an error below.
warnings.filterwarnings("ignore", module=r"PIL\.", append=True)


@dataclasses.dataclass(frozen=True)
class Photo:
    """One photograph.

    pixels:  uint8 [H, W, 3], RGB, upright.
    alpha:   uint8 [H, W], or None if the file has none.
    grey:    the file has one channel; `write_photo` writes one again.
    icc:     ICC profile of the pixels, or None.
    exif:    EXIF block ("Exif\\0\\0" and on) with orientation 1 and without its thumbnail, or None.
    notes:   what was converted or left out on reading.
    """

    pixels: np.ndarray
    alpha: Optional[np.ndarray] = None
    grey: bool = False
    icc: Optional[bytes] = None
    exif: Optional[bytes] = None
    notes: Notes = ()


# ------------------------------------------------------------------------------------------ reading


def read_photo(path: str) -> Photo:
    """Reads a JPEG, PNG, BMP, WebP or TIFF file, recognised by its content.

    Raises SettingsError with the path.
    """
    image, deep, count = _open(path)
    exif, turn, notes = _exif(image)
    icc = image.info.get("icc_profile") or None
    grey = image.mode in ("1", "L", "LA", "La") or _is_deep_grey(image)
    if deep:
        notes += ("16 bits per channel were converted to 8",)
    if count > 1:
        notes += (f"the first of {count} pictures in the file was taken",)
    if image.mode in ("CMYK", "LAB"):
        image, note = _to_rgb_by_profile(image, icc)
        notes += (note,)
        icc = None  # it described the other colour space
    image = _eight_bit(path, image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if grey else "RGBA")
        alpha = np.array(_turned(image.getchannel("A"), turn))  # [H, W]
    # Grey goes by way of L: Pillow converts LA and 1 to RGB with the same result, but not La.
    pixels = _turned(image.convert("L") if grey else image, turn).convert("RGB")
    # np.array copies: the pixels may be written to
    return Photo(np.array(pixels), alpha, grey, icc, exif, notes)


def read_hole(path: str, mask_is: str = "hole") -> Tuple[np.ndarray, Notes]:
    """Reads a mask: uint8 [H, W] of 0 and 255, 255 = hole, and notes about it.

    A pixel whose luminance is above 127 is white. Strokes painted on a transparent layer
    (everything visible has one colour) are taken from the alpha channel. White means what `mask_is`
    says: "hole" or "known".
    """
    if mask_is not in ("hole", "known"):
        raise SettingsError(f"`mask_is` is hole or known. Got {mask_is!r}")
    photo = read_photo(path)
    level, alpha_note = _levels(photo)
    white = level > THRESHOLD
    hole = white if mask_is == "hole" else ~white
    share = 100.0 * np.count_nonzero(hole) / hole.size
    height, width = hole.shape
    other = "known" if mask_is == "hole" else "hole"
    notes = [
        f"white is {mask_is} (`mask_is={mask_is!r}`), {_percent(share)} of {width}x{height} "
        "pixels is hole"
    ]
    notes += alpha_note
    grey_count = np.count_nonzero((level > 0) & (level < 255))
    if grey_count:
        notes.append(
            f"{grey_count} pixels ({_percent(100.0 * grey_count / hole.size)}) are grey, neither "
            f"0 nor 255: those above {THRESHOLD} count as white"
        )
    if grey_count > 0.2 * hole.size:
        notes.append(
            "warning: most masks are black and white, this one looks like a picture: is it the "
            "right file? A part that was erased to transparent is no mask by itself"
            if photo.alpha is not None and np.ptp(photo.alpha)
            else "warning: most masks are black and white, this one looks like a picture: is it "
            "the right file?"
        )
    if not white.any():
        notes.append(
            f"warning: no pixel is above {THRESHOLD}, the brightest is {level.max()}: masks are "
            "black (0) and white (255)"
        )
    if share < 0.1 or share > 95:
        notes.append(
            f"warning: {_percent(share)} of the picture is hole: is the polarity right? "
            f"`mask_is={other!r}` flips it"
        )
    return hole.astype(np.uint8) * 255, tuple(notes)


def list_photos(folder: str) -> List[str]:
    """Paths of the photographs in a folder at any depth, found by their content, sorted.

    See photo_folders.py. Raises SettingsError if there is no such folder.
    """
    return photo_folders.list_pictures(folder)


def _open(path: str):
    """The decoded picture, whether it has 16 bits per channel, and the number of pictures."""
    path = os.fspath(path)
    if os.path.isdir(path):
        raise SettingsError(f"{path} is a folder, not a photograph")
    try:
        # into memory, because Pillow returns for EXIF and further pictures later
        with open(path, "rb") as file:
            image = Image.open(io.BytesIO(file.read()), formats=_FORMATS)
        # a phone's MPO is a JPEG with extras behind it
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        # Pillow silently keeps the upper 8 bits of 16-bit RGB; only the decoder's name tells.
        deep = _is_deep_grey(image) or any(";16" in str(tile[3]) for tile in image.tile)
        image.load()
    except FileNotFoundError:
        raise SettingsError(f"There is no file {path}") from None
    except PermissionError:
        raise SettingsError(f"{path} cannot be read: no permission") from None
    except Image.UnidentifiedImageError:
        raise SettingsError(
            f"{path} is not a JPEG, PNG, BMP, WebP or TIFF photograph, or it is damaged"
        ) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise SettingsError(
            f"{path} has more than {limit} million pixels: reduce it first"
        ) from None
    except Exception as error:  # Pillow's decoders raise nearly any class for a broken file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(
            f"{path} cannot be read, it is damaged or incomplete: {reason}"
        ) from None
    return image, deep, count


def _is_deep_grey(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _eight_bit(path: str, image: Image.Image) -> Image.Image:
    """Deep grey scaled to mode L; other modes as they are.

    Pillow's own conversion to L clips at 255 instead of scaling.
    """
    if _is_deep_grey(image):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise SettingsError(
                f"{path} has 32-bit pixels ({values.min()} to {values.max()}): convert it to 8 or "
                "16 bits first"
            )
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise SettingsError(f"{path} has floating-point pixels: convert it to 8 or 16 bits first")
    return image


def _exif(image: Image.Image):
    """EXIF to keep (or None), the turn that makes the decoded pixels upright (or None), and notes.

    Call it after the pixels are loaded: Pillow turns TIFF while loading and removes the tag.
    """
    try:
        exif = image.getexif()
        turn = _TURNS.get(exif.get(_ORIENTATION, 1))
        if image.format == "TIFF":
            for tag in _TIFF_LAYOUT:
                exif.pop(tag, None)
        if not exif:
            return None, turn, ()
        exif[_ORIENTATION] = 1
        return exif.tobytes(), turn, ()
    except Exception:
        # Countless cameras and programs write EXIF: a damaged block is no reason to refuse pixels.
        return None, None, ("its EXIF block is damaged and was left out",)


def _turned(image: Image.Image, turn) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _to_rgb_by_profile(image: Image.Image, icc: Optional[bytes]):
    """CMYK or Lab as sRGB.

    It is converted by the file's profile if that works, and by Pillow's plain formula otherwise.
    """
    try:
        profile = (
            ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
        )
        rgb = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        return rgb, f"{image.mode} was converted to sRGB"
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB"), f"{image.mode} was converted to RGB without a colour profile"


def read_drawing(path: str) -> np.ndarray:
    """Reads a drawing, white on black or strokes on a transparent layer: uint8 [H, W]."""
    return _levels(read_photo(path))[0]


def _levels(photo: Photo):
    """What a mask's threshold is applied to, uint8 [H, W], and the note that explains it."""
    luminance = np.asarray(Image.fromarray(photo.pixels).convert("L"))  # grey stays as it is
    if photo.alpha is None or np.ptp(photo.alpha) == 0:
        return luminance, []
    visible = photo.alpha > THRESHOLD if (photo.alpha > THRESHOLD).any() else photo.alpha > 0
    colours = photo.pixels[visible]  # [visible pixels, 3]
    # a painted layer; the tolerance is for premultiplied alpha
    if np.ptp(colours, axis=0).max() <= 8:
        return photo.alpha, ["its strokes are in the alpha channel: opaque counts as white"]
    return luminance, ["its alpha channel was left aside, as its colours differ"]


# ------------------------------------------------------------------------------------------ writing


def check_photo_path(path: str, argument: str = "path") -> None:
    """Checks the ending and the folder of a path to write a photograph to.

    Raises: SettingsError if a photograph could not be written there.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in _WRITERS:
        raise SettingsError(f"`{argument}` ends in {', '.join(PHOTO_ENDINGS)}. Got {path}")
    if os.path.isdir(path):
        raise SettingsError(f"`{argument}={path!r}` is a folder, not a file")
    check_writable(argument, os.path.dirname(os.path.abspath(path)))


def write_photo(
    path: str, pixels: np.ndarray, like: Optional[Photo] = None, argument: str = "path"
) -> Notes:
    """Writes uint8 RGB pixels [H, W, 3] in the format of the path's ending.

    The file gets what `like` carried: alpha (if its size is the pixels'), ICC profile, EXIF, and
    one channel if grey. Missing folders are made. PNG, lossless WebP, TIFF and BMP keep every
    pixel. JPEG (quality 95, full colour resolution) cannot, and a note says so. The file appears
    whole or not at all.

    Returns notes. Raises SettingsError with the path, for which the caller's name is `argument`.
    """
    path = os.fspath(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"`pixels` is uint8 [H, W, 3]. Got {pixels.dtype} {list(pixels.shape)}")
    check_photo_path(path, argument)
    ending = os.path.splitext(path)[1].lower()
    kind = _WRITERS[ending]
    height, width = pixels.shape[:2]
    if max(height, width) > _LONGEST_SIDE.get(kind, 2**31):
        raise SettingsError(
            f"{path}: {kind} holds at most {_LONGEST_SIDE[kind]} pixels a side, the photograph is "
            f"{width}x{height}. Choose another ending for `{argument}`, as .png"
        )
    like = like or Photo(pixels)
    image, notes = _with_alpha(pixels, like, kind)
    options, more = _options(image, like, kind)
    try:
        _save(path, image, options)
    except SettingsError:
        if kind != "TIFF" or not options.pop("exif", None):
            raise
        # The other formats store the block as it is. TIFF takes it apart, which some cameras'
        # blocks do not survive.
        _save(path, image, options)
        more += ("its EXIF block cannot be written as TIFF and was left out",)
    return notes + more


def _with_alpha(pixels: np.ndarray, like: Photo, kind: str):
    image = Image.fromarray(pixels)
    if like.grey:
        image = image.convert("L")  # exact for equal channels
    if like.alpha is None or like.alpha.shape != pixels.shape[:2]:
        return image, ()
    if kind in ("JPEG", "BMP"):
        return image, (f"{kind} has no alpha channel: it was left out",)
    image.putalpha(Image.fromarray(like.alpha))  # L becomes LA, RGB becomes RGBA
    return image, ()


def _options(image: Image.Image, like: Photo, kind: str):
    """Arguments for Pillow's writer, and notes of what the format cannot hold."""
    options: Dict[str, Any] = {}
    notes: Notes = ()
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0}
        notes += ("JPEG cannot keep known pixels exact; PNG, WebP and TIFF do",)
    elif kind == "PNG":
        # takes half the time of Pillow's 6; files are larger by less than 1 %
        options = {"compress_level": 4}
    elif kind == "WEBP":
        options = {"lossless": True, "exact": True}  # exact: also the colour of transparent pixels
    elif kind == "TIFF" and not like.exif:
        options = {"compression": "tiff_deflate"}  # Pillow's compressing writer cannot hold EXIF
    if kind == "BMP":
        if like.icc or like.exif:
            notes += ("BMP holds no ICC profile and no EXIF: they were left out",)
        return options, notes
    if (
        like.icc
        and like.icc[16:20] == b"GRAY"
        and (kind == "WEBP" or image.mode not in ("L", "LA"))
    ):
        notes += ("its ICC profile is for grey pictures and was left out",)  # WebP has colour only
    elif like.icc:
        options["icc_profile"] = like.icc
    if like.exif and kind == "JPEG" and len(like.exif) > _MAX_EXIF_JPEG:
        notes += ("its EXIF block is too large for JPEG and was left out",)
    elif like.exif:
        options["exif"] = like.exif
    return options, notes


def _save(path: str, image: Image.Image, options: dict) -> None:
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with atomic.replacing(path) as beside:
            image.save(beside, **options)
    except Exception as error:  # as with the decoders
        raise SettingsError(f"{path} cannot be written: {' '.join(str(error).split())}") from None


def _percent(share: float) -> str:
    return f"{share:.3g} %" if share < 1 else f"{share:.1f} %"
