"""Holes from mask files (irregular mask sets), randomly turned, mirrored and enlarged.

Inputs: a mask file or a folder of them (any depth). `settings.mask_is` says what white means.
Output: a function of (seed, step, batch) for `tf.data.Dataset.map`. It returns float32
    [B, S, S, 1], 1 = hole.

The share of missing pixels is measured after resizing and thresholding, and again after turning and
enlarging, so every hole keeps to the bounds. This runs on the CPU only: reading files and Addons'
`transform` do not compile with XLA.
"""

import concurrent.futures
import logging
import os
from typing import Callable

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinpaint import addons, photo
from tfinpaint.data.python_calls import python_call
from tfinpaint.settings import HoleSettings, SettingsError

_STREAM = 0xF11E  # keeps these numbers apart from other uses of (seed, step)
_log = logging.getLogger("tfinpaint")


def file_holes(settings: HoleSettings, size: int) -> Callable:
    """Reads the mask files and returns a function that draws holes from them.

    Args:
        settings: kind "files:PATH"; bounds; mask_is, mask_rotate, mask_flip, mask_zoom.
        size: side of the holes. A mask of another size or aspect ratio is resized to it by area.
            Values above photo.THRESHOLD are hole.

    Returns:
        holes(seed, step, batch) -> float32 [batch, size, size, 1] of 0 and 1. The same
        (seed, step) gives the same holes. If turning by any angle or enlarging takes a hole out of
        the bounds, it is only mirrored and turned by a right angle instead.

    Raises:
        SettingsError: no such path, nothing readable in it, or no mask within the bounds.
    """
    masks = read_masks(settings, size)  # [N, S * S / 8], packed
    low, high = settings.bounds
    zoom_low, zoom_high = settings.mask_zoom
    any_angle = settings.mask_rotate == "any"

    def pick(index):
        return (
            np.unpackbits(masks[index], axis=1, count=size**2)
            .reshape(-1, size, size, 1)
            .astype(np.float32)
        )

    def holes(seed, step, batch: int) -> tf.Tensor:
        key = tf.random.experimental.stateless_fold_in(
            tf.stack([tf.cast(seed, tf.int32), tf.cast(step, tf.int32)]), _STREAM
        )
        numbers = tf.random.stateless_uniform([6, batch], key, alg="philox")
        index = tf.minimum(tf.cast(numbers[0] * len(masks), tf.int32), len(masks) - 1)
        plain = python_call(pick, [index], tf.float32, [batch, size, size, 1])
        turns = (
            tf.cast(numbers[1] * 4, tf.int32)
            if settings.mask_rotate != "none"
            else tf.zeros([batch], tf.int32)
        )
        flips = (numbers[2:4] < 0.5) & settings.mask_flip
        plain = _turned(plain, turns, flips[0], flips[1])
        if not any_angle and zoom_high == 1:
            return plain
        angles = 2 * np.pi * numbers[4] if any_angle else tf.zeros([batch])
        zoom = zoom_low + (zoom_high - zoom_low) * numbers[5]
        moved = _moved(plain, angles, zoom)
        share = tf.reduce_mean(moved, [1, 2, 3], keepdims=True)
        return tf.where((share >= low) & (share <= high), moved, plain)

    return holes


def read_masks(settings: HoleSettings, size: int, argument: str = "ratio") -> np.ndarray:
    """The masks whose share of missing pixels lies within the bounds.

    Args:
        settings: as for `file_holes`.
        size: S, the side of the masks.
        argument: the caller's name for the bounds, for messages.

    Returns:
        uint8 [N, ceil(S * S / 8)], eight pixels to the byte, 1 = hole.
    """
    path = settings.kind[len("files:") :]
    given = f"`kind={settings.kind!r}`"
    if not os.path.exists(path):
        raise SettingsError(f"{given}: there is no such file or folder")
    paths = photo.list_photos(path) if os.path.isdir(path) else [path]
    if not paths:
        raise SettingsError(
            f"{given}: no mask in it (looked for {' '.join(photo.PHOTO_ENDINGS)}, at any depth)"
        )

    def read(path):
        try:
            hole, _ = photo.read_hole(path, settings.mask_is)
        except SettingsError as error:
            return error, 0.0
        hole = (
            np.asarray(Image.fromarray(hole).resize((size, size), Image.Resampling.BOX))
            > photo.THRESHOLD
        )
        return np.packbits(hole), np.count_nonzero(hole) / size**2

    with concurrent.futures.ThreadPoolExecutor() as pool:
        masks = list(pool.map(read, paths))
    broken = [mask for mask, _ in masks if isinstance(mask, SettingsError)]
    readable = [(mask, share) for mask, share in masks if not isinstance(mask, SettingsError)]
    if not readable:
        raise SettingsError(f"{given}: none of its {len(paths)} masks can be read ({broken[0]})")
    if broken:
        _log.warning(
            "%s: %d of %d masks left out that cannot be read, among them: %s",
            given,
            len(broken),
            len(paths),
            broken[0],
        )
    low, high = settings.bounds
    other = "known" if settings.mask_is == "hole" else "hole"
    kept = [mask for mask, share in readable if low <= share <= high]
    if not kept:
        shares = [share for _, share in readable]
        raise SettingsError(
            f"{given}: no mask has a share of holes within {low:g},{high:g}; they have "
            f"{min(shares):.3g} to {max(shares):.3g}. Change `{argument}`, or turn white round "
            f"with `mask_is={other!r}`"
        )
    if len(kept) < len(readable):
        _log.warning(
            "%s: %d of %d masks left out, their share of holes is not within %g,%g (`%s`)",
            given,
            len(readable) - len(kept),
            len(readable),
            low,
            high,
            argument,
        )
    shares = sorted(share for _, share in readable if low <= share <= high)
    _log.info(
        "%s: %d masks, white is %s (`mask_is`), shares of holes from %.3g over %.3g (median) to "
        "%.3g",
        given,
        len(kept),
        settings.mask_is,
        shares[0],
        shares[len(shares) // 2],
        shares[-1],
    )
    return np.stack(kept)


def _turned(holes, turns, flip_x, flip_y) -> tf.Tensor:
    """Each hole turned counter-clockwise by its number of right angles, then mirrored.

    All shapes stay [B, S, S, 1].
    """

    def where(chosen, yes, no):
        return tf.where(chosen[:, tf.newaxis, tf.newaxis, tf.newaxis], yes, no)

    # A quarter turn is a transposition and a mirroring. One, two and three quarter turns differ in
    # the mirrorings that they need.
    holes = where(turns % 2 == 1, tf.transpose(holes, [0, 2, 1, 3]), holes)
    holes = where(tf.math.logical_xor((turns == 1) | (turns == 2), flip_y), holes[:, ::-1], holes)
    return where(tf.math.logical_xor((turns == 2) | (turns == 3), flip_x), holes[:, :, ::-1], holes)


def _moved(holes, angles, zoom) -> tf.Tensor:
    """Each hole turned by its angle (radians) and enlarged about the centre.

    What comes in from outside is known.
    """
    side = holes.shape[1]
    turn = addons.angles_to_projective_transforms(angles, float(side), float(side))  # [B, 8]
    zero, scale, centre = tf.zeros_like(zoom), 1 / zoom, (side - 1) / 2
    shift = centre * (1 - scale)
    enlarge = tf.stack([scale, zero, shift, zero, scale, shift, zero, zero], axis=1)
    return addons.transform(holes, addons.compose_transforms([turn, enlarge]), "nearest")
