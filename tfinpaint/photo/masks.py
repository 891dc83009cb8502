"""Reads a mask: uint8 [H, W] of 0 and 255, 255 = hole, whatever white means in the file.

Notes say what was found. One that starts with "warning: " points out a likely mistake.
"""

from typing import Optional, Tuple

import numpy as np
from PIL import Image

from tfinpaint.photo.reading import read_decoded, upright
from tfinpaint.photo.record import THRESHOLD, Notes, Photo
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError

_OPAQUE = 250  # alpha from this value on counts as opaque: lossy formats write 253 for 255
# A picture counts as a mask if at least _SHARE of its pixels (and _SHARE_OF_EACH of the dark and of
# the bright ones) lie within _NEAR levels of one dark or one bright level, and these two are at
# least _APART levels apart. Black may be 1, or video's 16, or a scanner's, with JPEG's noise around
# it. The levels of photographs are spread. Measured: none of 533 photographs passes for a mask.
_NEAR, _SHARE, _SHARE_OF_EACH, _APART = 16, 0.85, 0.5, 96
_TWO_ALONE = 0.98  # if this share of the pixels has exactly two levels, it is no photograph
_FEW = 0.0005  # a smaller share of dark or bright pixels is not examined
# Percent of the picture; the papers' holes end at 60 %. More hole than this is often the inverse.
MUCH_HOLE = 70


def read_hole(
    path: str,
    mask_is: str = "hole",
    max_megapixels: float = MAX_MEGAPIXELS,
    content: Optional[bytes] = None,
) -> Tuple[np.ndarray, Notes]:
    """Reads a mask: uint8 [H, W] of 0 and 255, 255 = hole, and notes about it.

    path, max_megapixels, content: as for `read_photo`.
    mask_is: what white means, "hole" or "known".

    A pixel whose luminance is above 127 is white. Strokes painted on a transparent layer
    (everything visible has one colour) are taken from the alpha channel.

    Raises: SettingsError, with the path, if the file cannot be read; or for another `mask_is`.
    """
    if mask_is not in ("hole", "known"):
        raise SettingsError(f"`mask_is` is hole or known. Got {mask_is!r}")
    level, alpha_note, has_alpha = _read_levels(path, max_megapixels, content)
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
    counts = np.bincount(level.reshape(-1), minlength=256)
    grey_count = int(counts[1:255].sum())
    if grey_count:
        notes.append(
            f"{grey_count} pixels ({_percent(100.0 * grey_count / hole.size)}) are grey, neither "
            f"0 nor 255: those above {THRESHOLD} count as white"
        )
    if grey_count > 0.2 * hole.size and not _has_two_levels(counts):
        notes.append(
            "warning: most masks are black and white, this one looks like a picture: is it the "
            "right file? A part that was erased to transparent is no mask by itself: "
            "`mask='alpha'` takes the photograph's own"
            if has_alpha
            else "warning: most masks are black and white, this one looks like a picture: is it "
            "the right file?"
        )
    if not white.any():
        notes.append(
            f"warning: no pixel is above {THRESHOLD}, the brightest is {level.max()}; masks are "
            "black (0) and white (255)"
        )
    elif white.all():
        notes.append(f"warning: all pixels are above {THRESHOLD}, which is white")
    notes += _share_notes(share, f"is the polarity right? `mask_is={other!r}` flips it")
    return hole.astype(np.uint8) * 255, tuple(notes)


def hole_of_alpha(photo: Photo, path: str) -> Tuple[np.ndarray, Notes]:
    """The pixels of a photograph that are not opaque, as a hole; see `read_hole`.

    path: of the photograph, for the message.

    Raises: SettingsError with the path if it has no alpha channel.
    """
    if photo.alpha is None:
        raise SettingsError(
            f"`mask='alpha'` takes what is transparent as the hole. {path} has no alpha channel"
        )
    hole = photo.alpha < _OPAQUE
    share = 100.0 * np.count_nonzero(hole) / hole.size
    height, width = hole.shape
    notes = [f"what is not opaque is hole, {_percent(share)} of {width}x{height} pixels"]
    if not hole.any():
        notes.append("warning: nothing in it is transparent")
    return hole.astype(np.uint8) * 255, tuple(notes + _share_notes(share, "is that meant?"))


def warnings_of(notes: Notes) -> str:
    """The warnings among the notes, in one line, for the message about a mask that is refused."""
    begins = "warning: "
    return "; ".join(note.removeprefix(begins) for note in notes if note.startswith(begins))


def read_drawing(path: str, max_megapixels: float = MAX_MEGAPIXELS) -> np.ndarray:
    """Reads a drawing, white on black or strokes on a transparent layer: uint8 [H, W], 0 to 255.

    Raises: SettingsError with the path.
    """
    return _read_levels(path, max_megapixels)[0]


def _share_notes(share: float, question: str):
    """A warning if the hole's share of the picture, in percent, is unusual."""
    if 0.1 <= share <= MUCH_HOLE or share in (0, 100):  # flipping does not help 0 and 100
        return []
    return [f"warning: {_percent(share)} of the picture is hole: {question}"]


def _read_levels(path: str, max_megapixels: float, content: Optional[bytes] = None):
    """The levels to threshold, uint8 [H, W], a list of notes, and whether alpha varies."""
    colour, alpha = upright(*read_decoded(path, max_megapixels, content=content))
    varies = alpha is not None and bool(np.ptp(alpha) > 0)
    if alpha is not None and varies:
        visible = alpha > THRESHOLD if (alpha > THRESHOLD).any() else alpha > 0
        colours = colour[visible]  # [visible pixels] or [visible pixels, 3]
        # the strokes have one colour; the tolerance is for premultiplied alpha
        if np.ptp(colours, axis=0).max() <= 8:
            note = "its strokes are in the alpha channel: opaque counts as white"
            return alpha, [note], varies
    luminance = colour if colour.ndim == 2 else np.asarray(Image.fromarray(colour).convert("L"))
    notes = ["its alpha channel was left aside, as its colours differ"] if varies else []
    return luminance, notes, varies


def _has_two_levels(counts: np.ndarray) -> bool:
    """Whether nearly all pixels are near one dark level or near one bright level.

    counts: how many pixels have each level, [256].
    """
    if np.sort(counts)[-2:].sum() >= _TWO_ALONE * counts.sum():
        return True  # however close together they are
    all_near, levels = 0, []
    for side in (slice(0, THRESHOLD + 1), slice(THRESHOLD + 1, 256)):
        of_side = np.zeros(256, np.int64)
        of_side[side] = counts[side]
        around = np.convolve(of_side, np.ones(2 * _NEAR + 1, np.int64), "same")
        near = int(around.max())
        all_near += near
        if of_side.sum() > _FEW * counts.sum():
            levels.append(np.mean(np.flatnonzero(around == near)))
            if near < _SHARE_OF_EACH * of_side.sum():
                return False
    if len(levels) == 2 and levels[1] - levels[0] < _APART:
        return False
    return all_near >= _SHARE * counts.sum()


def _percent(share: float) -> str:
    return f"{share:.3g} %" if share < 1 else f"{share:.1f} %"
