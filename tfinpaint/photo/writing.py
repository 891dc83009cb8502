"""Writes a photograph in the format of the path's ending, with what its file carried.

Inputs: uint8 RGB pixels [H, W, 3], and the `Photo` that they come from.
Outputs: a file that is there whole or not at all, and notes that name what the format cannot hold.
"""

import os
import pathlib
from typing import Optional

import numpy as np
from PIL import Image

from tfinpaint import atomic
from tfinpaint.photo import carried, deep
from tfinpaint.photo.folders import PHOTO_ENDINGS
from tfinpaint.photo.record import Notes, Photo
from tfinpaint.settings import SettingsError, check_writable

_WRITERS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_WITHOUT_ALPHA = ("JPEG", "BMP")
_LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383}


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


def check_deep_path(path: str, argument: str = "path") -> None:
    """Checks that the format of the path's ending can be written with 16 bits per channel.

    Raises: SettingsError.
    """
    kind = _WRITERS.get(os.path.splitext(path)[1].lower())
    if kind not in ("PNG", "TIFF"):
        raise SettingsError(
            f"{path}: {kind} is written with 8 bits per channel, PNG and TIFF with 16. Choose "
            f"another ending for `{argument}`, as .png"
        )


def keeps_alpha(path: str) -> bool:
    """Whether the format of the path's ending has an alpha channel."""
    return _WRITERS.get(os.path.splitext(path)[1].lower()) not in _WITHOUT_ALPHA


def write_photo(
    path: str, pixels: np.ndarray, like: Optional[Photo] = None, argument: str = "path"
) -> Notes:
    """Writes RGB pixels [H, W, 3], uint8 or for PNG and TIFF uint16, in the ending's format.

    The file gets what `like` carried: alpha (if its size is the pixels'), ICC profile, EXIF, XMP,
    resolution, gamma and text (notes name what the format cannot hold), and one channel if grey.
    Missing folders are made. PNG, lossless WebP, TIFF and BMP keep every pixel. JPEG (quality 95,
    full colour resolution) cannot, and a note says so. The file appears whole or not at all.

    Returns notes. Raises SettingsError with the path, for which the caller's name is `argument`.
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
            f"{path}: {kind} holds at most {_LONGEST_SIDE[kind]} pixels a side, the photograph is "
            f"{width}x{height}. Choose another ending for `{argument}`, as .png"
        )
    like = like or Photo(pixels)
    if pixels.dtype == np.uint16:
        return _write_deep(path, pixels, like, kind, argument)
    image, notes = _with_alpha(pixels, like, kind)
    options, more = carried.options(image.mode, like, kind)
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


def _write_deep(path: str, pixels: np.ndarray, like: Photo, kind: str, argument: str) -> Notes:
    if kind not in ("PNG", "TIFF"):
        raise SettingsError(
            f"{path}: {kind} holds 8 bits per channel, PNG and TIFF hold 16. Choose another ending "
            f"for `{argument}`, as .png"
        )
    numbers = deep.samples(pixels, like)
    options, notes = carried.options(deep.mode(numbers), like, kind)
    encode = deep.png if kind == "PNG" else deep.tiff
    try:
        content = encode(numbers, options)
    except Exception as error:  # EXIF that TIFF takes apart and cannot write
        if not options.pop("exif", None):
            raise SettingsError(f"{path} cannot be written: {error}") from None
        content = encode(numbers, options)
        notes += ("its EXIF block cannot be written as TIFF and was left out",)
    _keep(path, lambda beside: pathlib.Path(beside).write_bytes(content))
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


def _save(path: str, image: Image.Image, options: dict) -> None:
    _keep(path, lambda beside: image.save(beside, **options))


def _keep(path: str, write) -> None:
    """Calls `write` with a path beside the file's, which replaces the file if all went well."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with atomic.replacing(path) as beside:
            write(beside)
    except Exception as error:  # as with the decoders
        raise SettingsError(f"{path} cannot be written: {' '.join(str(error).split())}") from None
