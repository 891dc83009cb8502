"""Reads a photograph: its pixels, upright, and the metadata that are kept.

    read_photo(path)           a Photo, uint8
    read_decoded(path)         the same before it is turned and grey becomes RGB, for masks

The format is known by the content. One reader for each format reads the header before the pixels
are decoded. Of the optional metadata, only the orientation affects the pixels. It is read
separately.
"""

import logging
import os
from typing import Optional, Tuple

import numpy as np

from tfinpaint.photo import bmp, exif, jpeg, kinds, others, png, tiff, webp
from tfinpaint.photo.decoded import (
    Damaged,
    Decoded,
    Unsupported,
    eight_bits,
    pillow_without_limit,
    to_eight,
)
from tfinpaint.photo.record import Photo
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError

_READERS = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WebP": webp.read,
    "BMP": bmp.read,
    "TIFF": tiff.read,
}
_TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
_HEAD = 2**18  # bytes
_log = logging.getLogger("tfinpaint")


def read_photo(
    path: str,
    max_megapixels: float = MAX_MEGAPIXELS,
    keep_deep: bool = False,
    content: Optional[bytes] = None,
) -> Photo:
    """Reads a photograph. docs/files.md lists the formats; the content decides which it is.

    path: of the file; with `content`, only its name in messages.
    max_megapixels: a file whose header says more million pixels is refused before it is decoded.
    keep_deep: whether 16 bits per channel are kept beside the 8.
    content: the bytes of the file, if the caller has them already.

    Raises: SettingsError, with the path, if the file cannot be read or is refused.
    """
    found, turn = read_decoded(path, max_megapixels, keep_deep, content)
    block, notes = exif.kept(found.exif, found.is_tiff, turn)
    colour, alpha = _turned(found.colour, turn), found.alpha
    grey = colour.ndim == 2
    deep, deep_alpha = (None if a is None else _turned(a, turn) for a in found.deep)
    if deep is not None and grey:
        deep = np.repeat(deep[..., np.newaxis], 3, axis=2)  # [H, W, 3]
    found.colour = colour[:0]  # a large photograph is not held twice
    if grey:
        colour = np.repeat(colour[..., np.newaxis], 3, axis=2)  # [H, W, 3]
    return Photo(
        colour,
        None if alpha is None else _turned(alpha, turn),
        grey,
        found.icc,
        block,
        found.notes + notes,
        exif.upright_xmp(found.xmp),
        found.dpi if turn < 5 or found.dpi is None else found.dpi[::-1],
        found.chunks,
        found.comment,
        deep,
        deep_alpha,
    )


def photo_size(path: str, content: Optional[bytes] = None) -> Tuple[int, int]:
    """Width and height in the header of the file, as stored: neither decoded nor turned upright.

    content: the bytes of the file, if the caller has them already.

    Raises: SettingsError with the path.
    """
    path = os.fspath(path)
    for count in (_HEAD, -1):  # in most files the size is near the beginning
        try:
            _decoded(path, _content(path, count) if content is None else content, _stop_at_size)
        except _Size as size:
            return size.args[0]
        except SettingsError:
            if count < 0:
                raise
    raise SettingsError(f"{path} does not say its size")


class _Size(BaseException):
    """Ends reading when the size is known. It is a BaseException, which no reader catches."""


def _stop_at_size(width: int, height: int) -> None:
    raise _Size((width, height))


def read_decoded(
    path: str,
    max_megapixels: float = MAX_MEGAPIXELS,
    keep_deep: bool = False,
    content: Optional[bytes] = None,
) -> Tuple[Decoded, int]:
    """The file with 8 bits per channel, not yet turned, and its orientation, 1 to 8.

    The arguments are those of `read_photo`. Raises SettingsError with the path.
    """
    path = os.fspath(path)

    def check(width: int, height: int) -> None:
        if width * height > max_megapixels * 10**6:
            raise SettingsError(
                f"{path} has {width}x{height} pixels, {width * height / 10**6:.1f} megapixels: "
                f"more than `max_megapixels={max_megapixels:g}`, which can be raised"
            )

    found = _decoded(path, _content(path) if content is None else content, check)
    _to_eight_bits(found, keep_deep)
    if found.pictures > 1:
        found.notes += (f"the first of {found.pictures} pictures in the file was taken",)
    turn = (
        found.orientation or exif.orientation(found.exif) or exif.orientation_in_xmp(found.xmp) or 1
    )
    return found, turn


def _decoded(path: str, data: bytes, check) -> Decoded:
    kind = _kind(path, data)
    try:
        reader = _READERS.get(kind)
        with pillow_without_limit():
            return reader(data, check) if reader else others.read(data, check, kind)
    except SettingsError:
        raise
    except Unsupported as error:
        raise SettingsError(
            f"{path} is a valid {kind} of a kind that is not supported: {error}"
        ) from None
    except MemoryError:
        raise SettingsError(f"{path} needs more memory than is available") from None
    except Damaged as error:
        raise SettingsError(
            f"{path} cannot be read, it is damaged or incomplete: {error}"
        ) from None
    except Exception as error:
        # Decoders raise nearly any class for a broken file. Their messages do not help a user.
        _log.debug("%s: %s: %s", path, type(error).__name__, error)
        raise SettingsError(f"{path} cannot be read, it is damaged or incomplete") from None


def upright(found: Decoded, turn: int) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Colour, [H, W] or [H, W, 3], and alpha, [H, W] or None, turned upright. uint8."""
    alpha = None if found.alpha is None else _turned(found.alpha, turn)
    return _turned(found.colour, turn), alpha


def _content(path: str, count: int = -1) -> bytes:
    """The first `count` bytes of the file, or all of them."""
    if os.path.isdir(path):
        raise SettingsError(f"{path} is a folder, not a photograph")
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except FileNotFoundError:
        raise SettingsError(f"There is no file {path}") from None
    except PermissionError:
        raise SettingsError(f"{path} cannot be read: no permission") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None


def _kind(path: str, data: bytes) -> str:
    kind = kinds.kind(data[:64])
    if kind == "camera raw":
        raise SettingsError(
            f"{path} is a valid {kind} file, which is not supported: develop it to TIFF, PNG or "
            "JPEG first, for example with darktable or RawTherapee"
        )
    if kind:
        return kind
    what = kinds.other(data[:64]) if data else "empty"
    raise SettingsError(
        f"{path} is not a JPEG, PNG, WebP, TIFF or other supported photograph, "
        + (f"it is {what}" if what else "or it is damaged")
    )


def _to_eight_bits(found: Decoded, keep_deep: bool) -> None:
    if found.colour.dtype == np.uint8:
        return
    if keep_deep:
        found.deep = found.colour, found.alpha
    else:
        found.notes = (to_eight(found.bits),) + found.notes
    found.colour = eight_bits(found.colour)
    if found.alpha is not None:
        found.alpha = eight_bits(found.alpha)


def _turned(pixels: np.ndarray, turn: int) -> np.ndarray:
    """A copy of the pixels, turned upright. It is writable."""
    return np.array(_TURNS[turn](pixels), order="C")
