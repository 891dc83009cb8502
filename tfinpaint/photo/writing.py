"""Writes a photograph, with its metadata, in the format that the path's ending names.

Inputs: RGB pixels, uint8 or uint16 [H, W, 3], and the `Photo` that they come from.
Outputs: a file that is there whole or not at all, and notes that name what the format cannot hold.
"""

import dataclasses
import io
import os
import pathlib
from typing import Optional, Tuple

import numpy as np
from PIL import Image, features

from tfinpaint import atomic
from tfinpaint.photo import carried, deep, others
from tfinpaint.photo.png import COLOUR_CHUNKS
from tfinpaint.photo.record import Notes, Photo
from tfinpaint.settings import SettingsError, check_writable, os_reason

_WRITERS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
    ".jxl": "JXL",
}
PHOTO_ENDINGS = tuple(_WRITERS)
_WITHOUT_ALPHA = ("JPEG", "BMP")
_LONGEST_NAME = 255  # bytes, on most file systems
# of the libraries that write them; JPEG itself could hold 65535
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 32768}
_DEEP = ("PNG", "TIFF")  # can be written with 16 bits
_TAKES_EXIF_APART = ("TIFF", "AVIF")


def check_photo_path(path: str, argument: str = "path") -> None:
    """Checks that a photograph can be written to a path: its ending, its name and its folder.

    argument: the caller's name for the path, for messages.

    Raises: SettingsError if it cannot.
    """
    if os.path.isdir(path):
        raise SettingsError(
            f"`{argument}={path!r}` is a folder: give the name of a file, such as "
            f"{os.path.join(path, 'filled.png')}"
        )
    ending = os.path.splitext(path)[1].lower()
    if ending not in _WRITERS:
        raise SettingsError(f"`{argument}` ends in {', '.join(PHOTO_ENDINGS)}. Got {path}")
    lacking = _what_is_missing(ending)
    if lacking:
        raise SettingsError(f"`{argument}={path!r}`: writing {ending} needs {lacking}")
    if len(os.fsencode(os.path.basename(path))) > _LONGEST_NAME:
        raise SettingsError(f"`{argument}` has a name of at most {_LONGEST_NAME} bytes. Got {path}")
    check_writable(argument, os.path.dirname(os.path.abspath(path)))


def writable_endings() -> Tuple[str, ...]:
    """The endings in `PHOTO_ENDINGS` whose formats the installed packages can write."""
    return tuple(ending for ending in PHOTO_ENDINGS if not _what_is_missing(ending))


def _what_is_missing(ending: str) -> Optional[str]:
    """What must be installed to write the format of an ending; None if nothing is missing."""
    if ending == ".jxl":
        return others.what_is_missing("JPEG XL")
    if ending == ".avif" and not features.check("avif"):
        return "a Pillow that was built with AVIF: pip install --upgrade pillow"
    return None


def check_deep_path(path: str, argument: str = "path") -> None:
    """Checks that the format of the path's ending can be written with 16 bits per channel.

    path: with one of `PHOTO_ENDINGS`.   argument: the caller's name for it, for messages.

    Raises: SettingsError if it cannot.
    """
    kind = _WRITERS[os.path.splitext(path)[1].lower()]
    if kind not in _DEEP:
        raise SettingsError(
            f"{path}: {carried.NAMES[kind]} is written with 8 bits per channel, PNG and TIFF with "
            f"16. Choose another ending for `{argument}`, for example .png"
        )


def keeps_alpha(path: str) -> bool:
    """Whether the format of the path's ending has an alpha channel."""
    return _WRITERS.get(os.path.splitext(path)[1].lower()) not in _WITHOUT_ALPHA


def write_photo(
    path: str, pixels: np.ndarray, like: Optional[Photo] = None, argument: str = "path"
) -> Notes:
    """Writes a photograph in the format of the path's ending.

    path: with one of `PHOTO_ENDINGS`. Missing folders are made.
    pixels: RGB [H, W, 3], uint8; or uint16 for PNG and TIFF.
    like: where the metadata come from: alpha (if it has the size of the pixels), ICC profile, EXIF,
        XMP, resolution, gamma and text. If it is grey, the file gets one channel.
    argument: the caller's name for the path, for messages.

    PNG, TIFF, BMP and (lossless) WebP and JPEG XL keep every pixel. JPEG (quality 95) and AVIF
    (quality 100, exact for grey) do not, and a note says so. Both have full colour resolution. The
    file appears whole or not at all.

    Returns: notes, which name what the format cannot hold.
    Raises: SettingsError, with the path, if it cannot be written. ValueError for pixels of another
        type or shape.
    """
    path = os.fspath(path)
    if (
        pixels.dtype not in (np.uint8, np.uint16)
        or pixels.ndim != 3
        or pixels.shape[2] != 3
        or not pixels.size
    ):
        raise ValueError(
            f"`pixels` is uint8 or uint16 [H, W, 3]. Got {pixels.dtype} {list(pixels.shape)}"
        )
    check_photo_path(path, argument)
    ending = os.path.splitext(path)[1].lower()
    kind = _WRITERS[ending]
    height, width = pixels.shape[:2]
    if max(height, width) > _LONGEST_SIDE.get(kind, 2**31):
        raise SettingsError(
            f"{path}: {carried.NAMES[kind]} holds at most {_LONGEST_SIDE[kind]} pixels a side, the "
            f"photograph is {width}x{height}. Choose another ending for `{argument}`, for example "
            ".png"
        )
    like = like or Photo(pixels)
    if pixels.dtype == np.uint16:
        return _write_deep(path, pixels, like, kind, argument)
    image, notes = _with_alpha(pixels, like, kind)
    options, more = carried.options(image.mode, like, kind)
    try:
        _save(path, image, options, argument)
    except SettingsError:
        if kind not in _TAKES_EXIF_APART or not options.pop("exif", None):
            raise
        # These formats take the EXIF block apart, which fails for some blocks. The others store it
        # unchanged.
        _save(path, image, options, argument)
        more += (f"its EXIF block cannot be written as {kind} and was left out",)
    return notes + more


def png_file(photo: Photo) -> bytes:
    """A PNG file of a photograph, with its alpha and the metadata that its colours depend on.

    It is for other programs on this machine, so it is compressed little and fast.
    """
    image, _ = _with_alpha(photo.pixels, photo, "PNG")
    colours = tuple(chunk for chunk in photo.chunks if chunk[0] in COLOUR_CHUNKS)
    like = dataclasses.replace(photo, exif=None, xmp=None, comment=None, dpi=None, chunks=colours)
    options, _ = carried.options(image.mode, like, "PNG")
    file = io.BytesIO()
    image.save(file, "PNG", **{**options, "compress_level": 1})
    return file.getvalue()


def _write_deep(path: str, pixels: np.ndarray, like: Photo, kind: str, argument: str) -> Notes:
    check_deep_path(path, argument)
    numbers = deep.samples(pixels, like)
    options, notes = carried.options(deep.mode(numbers), like, kind)
    encode = deep.png if kind == "PNG" else deep.tiff
    try:
        content = encode(numbers, options)
    except Exception as error:  # TIFF takes EXIF apart, and cannot write some blocks
        if not options.pop("exif", None):
            raise _unwritable(path, argument, error) from None
        try:
            content = encode(numbers, options)
        except Exception:
            raise _unwritable(path, argument, error) from None
        notes += (f"its EXIF block cannot be written as {kind} and was left out",)
    _keep(path, argument, lambda beside: pathlib.Path(beside).write_bytes(content))
    return notes


def _with_alpha(pixels: np.ndarray, like: Photo, kind: str):
    image = Image.fromarray(pixels)
    if like.grey:
        image = image.convert("L")  # exact for equal channels
    if like.alpha is None or like.alpha.shape != pixels.shape[:2]:
        return image, ()
    if kind in _WITHOUT_ALPHA:
        return image, (f"{kind} has no alpha channel: it was left out",)
    image.putalpha(Image.fromarray(like.alpha))  # L becomes LA, RGB becomes RGBA
    return image, ()


def _save(path: str, image: Image.Image, options: dict, argument: str) -> None:
    _keep(path, argument, lambda beside: image.save(beside, **options))


def _keep(path: str, argument: str, write) -> None:
    """Calls `write` with a temporary path, whose file then replaces that at `path`."""
    try:
        folder = os.path.dirname(path) or os.curdir
        with atomic.folder(folder), atomic.replacing(path) as beside:
            write(beside)
    except Exception as error:  # encoders raise nearly any class
        raise _unwritable(path, argument, error) from None


def _unwritable(path: str, argument: str, error: Exception) -> SettingsError:
    return SettingsError(f"`{argument}={path!r}` cannot be written: {os_reason(error)}")
