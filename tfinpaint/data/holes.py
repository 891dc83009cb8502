"""Random holes for training, a different one for each image, made by batched TensorFlow operations.

Purpose: `holes(seed, step, batch, size, settings)` is a pure function. The pipeline maps it on the
    CPU, or a compiled training step calls it on the accelerator. Both get the same pixels, because
    the arithmetic uses whole numbers that float32 holds exactly.
Output: float32 [B, S, S, 1], 1 = hole. The share of missing pixels lies in `settings.bounds` for
    every hole.

How free-form strokes are made (all lengths refer to a 256-pixel square, whatever the size):
  1. `strokes.random_chain` draws a chain of line segments: strokes with corners and a brush width
     (DeepFill v2: Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019,
     algorithm 1, with smooth joints).
  2. Segment by segment, the distance to the brush's edge (below 0: painted) is written into a field
     of 64 x 64 cells, until the share of painted cells is as close to the wanted share as whole
     segments allow.
  3. The field is enlarged bilinearly to the image and cut at the level that gives the wanted share.
     That level is close to 0. It makes all brushes a little wider or thinner, in most holes by
     less than two pixels.
To join strokes with a box or objects, they are painted into the field of the box or objects.
Objects (objects.py) are enlarged and cut in the same way.
"""

import math
from typing import Any, Optional, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.data import boxes, distance_fields, objects, strokes
from tfinpaint.layers.random_numbers import uniform
from tfinpaint.settings import HoleSettings, SettingsError

_STREAM = 0x401E  # a stream of random numbers separate from other uses of (seed, step)


def holes(
    seed: Any,
    step: Any,
    batch: int,
    size: int,
    settings: HoleSettings,
    part: Optional[Tuple[Any, int]] = None,
) -> tf.Tensor:
    """Holes for the images of one step.

    Args:
        seed, step: integers or integer scalars (tensors). The same pair gives the same holes;
            different pairs give different holes.
        batch, size: how many holes, and their side in pixels (Python integers).
        settings: kind "center", "box", "objects", "strokes" or "mixed", and the bounds of the share
            of missing pixels.
        part: (first, number), the holes of the batch that are made. None makes all.

    Returns:
        float32 [batch, size, size, 1] of 0 and 1, 1 = hole; [number, ...] of a part. Compiles with
        `jit_compile=True`.

    Raises:
        SettingsError: settings that `check` refuses.
    """
    check(settings, size)
    first, number = part or (0, batch)
    if settings.kind == "center":
        side = _center_side(settings, size)
        inside = np.zeros((1, size, size, 1), np.float32)
        first = (size - side) // 2
        inside[:, first : first + side, first : first + side] = 1.0
        return tf.tile(tf.constant(inside), [number, 1, 1, 1])
    drawn = _Numbers(seed, step, batch, first, number)
    if settings.kind == "box":
        return boxes.random_box(drawn, size, _limits(settings, size), settings.box_aspect)
    return _free_form(drawn, size, settings)


def check(settings: HoleSettings, size: int) -> None:
    """Checks that the settings can be met.

    Raises:
        SettingsError: no hole of `size` x `size` pixels can meet them, or they name files.
    """
    low, high = settings.bounds
    if settings.kind.startswith("files:"):
        raise SettingsError(
            f"`kind={settings.kind!r}`: mask files are read in the input pipeline; the holes that "
            "can be computed here are center, box, objects, strokes or mixed"
        )
    if settings.kind == "center":
        _center_side(settings, size)
    elif high - low < 1 / size - 1e-9:
        raise SettingsError(
            f"`ratio=({low:g}, {high:g})` is too narrow for `image_size={size}`: "
            f"HI - LO is at least 1/{size} = {1 / size:.4g}"
        )


# -------------------------------------------------------------------------------- squares and boxes


def _limits(settings: HoleSettings, size: int) -> Tuple[int, int]:
    """The fewest and the most missing pixels that the bounds allow."""
    low, high = settings.bounds
    return math.ceil(low * size**2 - 1e-6), math.floor(high * size**2 + 1e-6)


def _center_side(settings: HoleSettings, size: int) -> int:
    fewest, most = _limits(settings, size)
    sides = [side for side in range(1, size) if fewest <= side**2 <= most]
    if not sides:
        low, high = settings.bounds
        raise SettingsError(
            f"`ratio=({low:g}, {high:g})`: no centred square of `image_size={size}` has such a "
            f"share (half the side gives {(size // 2) ** 2 / size**2:.4g})"
        )
    return min(sides, key=lambda side: abs(side - size // 2))


# ---------------------------------------------------------------------------------------- free form


def _free_form(drawn: "_Numbers", size: int, settings: HoleSettings) -> tf.Tensor:
    """Holes [B, S, S, 1] of the kinds "strokes", "objects" and "mixed"."""
    fewest, most = limits = _limits(settings, size)
    # `distance_fields.cut` comes within size/8 pixels of `wanted`: a margin of size/4 keeps the
    # count inside the limits.
    margin = min(size / 4, (most - fewest) / 2)
    # [B], pixels. The product is rounded before the sum, because some devices round a product and a
    # sum together, and others round each.
    wanted = round(fewest + margin) + tf.round(drawn() * (most - fewest - 2 * margin))
    if settings.kind == "mixed":
        return _mixed(drawn, size, settings, limits, wanted)
    if settings.kind == "objects":
        field = objects.random_objects_field(drawn.many, wanted / size**2)
    else:
        empty = tf.fill(
            [drawn.batch, distance_fields.CELLS, distance_fields.CELLS], distance_fields.FAR
        )
        field = _painted(drawn, size, settings, wanted, empty)
    return distance_fields.cut(distance_fields.enlarge(field, size), wanted, size)


def _mixed(drawn: "_Numbers", size: int, settings: HoleSettings, limits, wanted) -> tf.Tensor:
    """Holes [B, S, S, 1]: a third boxes, a third objects, a third strokes.

    Half of the strokes are joined with a box or objects.
    """
    # [B]: 0 to 3: a box; 4 to 7: objects; 8 and 9: strokes; 10: strokes and a box; 11: strokes and
    # objects
    kind = tf.floor(12 * drawn())

    def choose(chosen, yes, no):
        return tf.where(tf.reshape(chosen, [-1] + [1] * (yes.shape.rank - 1)), yes, no)

    plain_box = boxes.random_box(drawn, size, limits)
    # the share of a box or objects; strokes make up the rest of the hole
    part = wanted / size**2 * (0.25 + 0.5 * drawn())
    box_field = boxes.random_box_field(drawn, part)
    objects_field = objects.random_objects_field(
        drawn.many, tf.where(kind < 8, wanted / size**2, part)
    )
    start = choose(
        kind == 10,
        box_field,
        choose(kind == 11, objects_field, tf.fill(box_field.shape, distance_fields.FAR)),
    )
    # fields that need no strokes get a share of 0 and finish at once
    painted = _painted(drawn, size, settings, tf.where(kind < 8, 0.0, wanted), start)
    field = choose(kind < 8, objects_field, painted)
    return choose(
        kind < 4, plain_box, distance_fields.cut(distance_fields.enlarge(field, size), wanted, size)
    )


def _painted(drawn: "_Numbers", size: int, settings: HoleSettings, wanted, field) -> tf.Tensor:
    """The field [B, 64, 64] with strokes painted into it until closest to `wanted` pixels [B]."""
    chain = strokes.random_chain(drawn.many, wanted / size**2, settings)  # [K, B, 6]
    return strokes.paint(field, chain, tf.round(wanted * (distance_fields.CELLS**2 / size**2)))


# ------------------------------------------------------------------------------------------ numbers


class _Numbers:
    """Uniform numbers in [0, 1): a call gives one per image, [B]; `many(n)` gives [B, n].

    Each draw has its own stream. Numbers are drawn for the whole batch, so that a part gets the
    same numbers as in the whole batch. `batch` is the size of the part.
    """

    def __init__(self, seed, step, whole: int, first: Any, number: int):
        self._whole, self._first, self.batch = whole, first, number
        pair = tf.stack([tf.cast(seed, tf.int32), tf.cast(step, tf.int32)])
        self._key = tf.random.experimental.stateless_fold_in(pair, _STREAM, alg="philox")
        self._draws = 0

    def many(self, count: int) -> tf.Tensor:
        self._draws += 1
        numbers = uniform([self._whole, count], self._key + [0, self._draws])
        if self.batch < self._whole:
            numbers = tf.slice(numbers, [self._first, 0], [self.batch, count])
        return numbers

    def __call__(self) -> tf.Tensor:
        return self.many(1)[:, 0]
