"""Distance fields on a coarse grid, and their conversion to holes of a wanted share.

Conventions: a field holds distances to the edge of a hole, below 0 inside it. Lengths are whole
    numbers of quarter pixels of a 256-pixel square (UNIT), whatever the size of the image. A field
    is float32 [B, 64, 64], one value at the centre of each cell. All values stay below 2^24, so
    float32 holds them exactly, and every device, compiled or not, finds the same pixels.
"""

import numpy as np
import tensorflow as tf

UNIT = 4  # per pixel of a 256-pixel square
SIDE = 256 * UNIT
CELLS = 64  # per side; each is four pixels of a 256-pixel square, a third of the thinnest brush
FAR = 1500.0  # more than the diagonal
FEWEST = 4  # smallest number of fields that go on separately; see `busiest`
_STEPS = 16  # of the bilinear weights: multiples of 1/16 keep the enlarged field exact
_PLANE = 32  # levels of the slope that tells pixels of equal distance apart


def centres() -> tf.Tensor:
    """Coordinates of the cells' centres, float32 [1, 64]."""
    cell = SIDE // CELLS
    return tf.constant(np.arange(CELLS)[np.newaxis] * cell + cell // 2, tf.float32)


def inside(field: tf.Tensor) -> tf.Tensor:
    """How many cells or pixels are below 0: [B, H, W] -> [B]."""
    return _below(field, tf.zeros_like(field[:, 0, 0]))


def enlarge(field: tf.Tensor, size: int) -> tf.Tensor:
    """The field [B, 64, 64], interpolated bilinearly at the pixel centres: [B, S, S].

    The result is whole numbers. A slope is added, so that not all pixels of a straight edge have
    the same value.

    field: float32 [B, 64, 64].   size: S, side of the image in pixels.
    """
    at = np.clip((np.arange(size) + 0.5) * CELLS / size - 0.5, 0, CELLS - 1)
    low = np.minimum(np.floor(at), CELLS - 2).astype(np.int32)
    weight = np.round((at - low) * _STEPS).astype(np.float32)  # [S]
    down = weight[:, np.newaxis]

    # [B, 64, n] -> [B, S, n]. Gathering whole lines is much faster than single numbers.
    def stretch(x, times=1):
        return tf.gather(x, low, axis=1) * ((_STEPS - down) * times) + tf.gather(
            x, low + 1, axis=1
        ) * (down * times)

    across = stretch(tf.transpose(field, [0, 2, 1]))  # [B, S, 64], columns first
    slope = np.add.outer(np.arange(size), np.arange(size)) * _PLANE // (2 * size)
    # [B, S, S], below 2^24: exact
    return stretch(tf.transpose(across, [0, 2, 1]), _PLANE) + slope.astype(np.float32)


def cut(field: tf.Tensor, wanted: tf.Tensor, size: int) -> tf.Tensor:
    """Cuts a field at the level that leaves the wanted area inside: 1 where it is below.

    Args:
        field: float32 [B, S, S] of `enlarge`.
        wanted: float32 [B], number of pixels, at least S/4 and at most S^2 - S/4.
        size: S.

    Returns:
        float32 [B, S, S, 1] of 0 and 1. The number of 1s is within S/8 of `wanted`. That needs the
        slope in the field: all pixels of a straight edge have the same distance, and would change
        at the same level.
    """

    zero = tf.zeros_like(wanted)
    low, high = (_over(reduce, field) for reduce in (tf.reduce_min, tf.reduce_max))
    level = _search(
        0,
        [zero, _below(field, zero), low, zero, high + 1, zero + float(size**2)],
        field,
        wanted,
        size / 8,
    )
    return tf.cast(field < level[:, tf.newaxis, tf.newaxis], tf.float32)[..., tf.newaxis]


def _search(probe, state, field, wanted, near) -> tf.Tensor:
    """The level [B] that leaves the wanted area inside, to within `near`.

    probe: how many probes were made.
    state: a level, the count below it, and the levels and counts of a lower and a higher bound.
    """
    batch = field.shape[0]
    half = batch // 2 if batch and batch >= 2 * FEWEST else 0

    def away(count):
        return tf.abs(count - wanted) > near

    def unfinished(probe, level, count, *_):
        del level
        return (probe < 100) & (tf.reduce_sum(tf.cast(away(count), tf.int32)) > half)

    def improve(probe, level, count, low, low_count, high, high_count):
        over = count > wanted
        high, high_count = tf.where(over, level, high), tf.where(over, count, high_count)
        low, low_count = tf.where(over, low, level), tf.where(over, low_count, count)
        # False position (regula falsi), from a first probe at 0, near which the level should lie.
        # Every third probe is a bisection, so the search always ends.
        part = tf.where(
            probe % 3 == 2, 0.5, (wanted - low_count) / tf.maximum(high_count - low_count, 1.0)
        )
        inner = tf.clip_by_value(
            tf.floor((high - low) * part), 1.0, tf.maximum(high - low - 1, 1.0)
        )
        level = tf.where(away(count), low + inner, level)
        return probe + 1, level, _below(field, level), low, low_count, high, high_count

    probe, *state = tf.while_loop(unfinished, improve, [probe, *state])
    level, count, *_ = state
    if not half:
        return level
    rest = busiest(away(count), half)
    found = _search(
        probe,
        [tf.gather(x, rest) for x in state],
        tf.gather(field, rest),
        tf.gather(wanted, rest),
        near,
    )
    return tf.tensor_scatter_nd_update(level, rest[:, tf.newaxis], found)


def busiest(active: tf.Tensor, half: int) -> tf.Tensor:
    """Indices [half] of the fields that go on without the rest of the batch, active ones first.

    Some fields of a batch take several times as many iterations as others.
    """
    return tf.argsort(tf.cast(active, tf.int32), direction="DESCENDING", stable=True)[:half]


def _below(field, level) -> tf.Tensor:
    return _over(tf.reduce_sum, field < level[:, tf.newaxis, tf.newaxis])  # [B]


def _over(reduce, x) -> tf.Tensor:
    """Reduces each field, [B, H, W] -> float32 [B].

    It works on integers, because compiled code can vectorize these sums.
    """
    return tf.cast(reduce(tf.cast(x, tf.int32), [1, 2]), tf.float32)
