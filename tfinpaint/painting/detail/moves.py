"""Moves under which a photograph repeats itself around a hole.

    moves, likeness, middles = found(brightness, known, near)

The photograph near the hole is divided into tiles. Each tile is compared with the known pixels at
every other place, by its correlation with them, which the Fourier transform gives for all places at
once. The places where it is highest give the moves. A fence, a row of windows or a bench gives the
same few moves in many tiles (He and Sun, Statistics of Patch Offsets for Image Completion, ECCV
2012).
"""

from typing import Tuple

import tensorflow as tf

LONGER = 256  # pixels: the longest side of a picture
TILE = 32  # pixels: side of a tile
TILES = 40  # most tiles that are compared: those with the most pixels near the hole
FILLED = 0.2  # least share of a tile that is near the hole
FLAT = 10.0  # mean square of the brightness: a tile that varies less is compared with nothing
PEAKS = 12  # places that are taken for each tile
_BLOCK = 8  # pixels: of the places in a square of this side only the most similar one is taken
SHORTEST = 6  # pixels: a move is at least as long as this, down or across
LIKELY = 0.2  # least likeness of a place that is taken
# What an unknown pixel counts as, relative to the mean energy near the hole, so that a place with
# many of them is less alike.
_UNKNOWN = 4.0
# The sides of the transforms: a tile may reach beyond the picture, and a side of 320 is quick.
_SPREAD = [LONGER + 2 * TILE] * 2


def found(
    brightness: tf.Tensor, known: tf.Tensor, near: tf.Tensor
) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The moves of each tile.

    brightness:  float32 [h, w], without broad structures, in grey levels times the root of 3; 0
                 where unknown. At most LONGER high and wide.
    known:       float32 [h, w], 1 = known.
    near:        float32 [h, w], 1 = known and near the hole: the pixels that tiles consist of.

    Returns: the moves, int32 [c, 2] (down, across); how alike the photograph is there, float32 [c]:
        1 is equal, 0 unrelated; and the middles of the tiles, float32 [c, 2]. A move that several
        tiles make is there several times.
    """
    size = tf.shape(known)
    energy = tf.square(brightness)
    unknown = _UNKNOWN * tf.reduce_sum(near * energy) / tf.maximum(tf.reduce_sum(near), 1.0)
    maps = tf.stack([brightness, tf.where(known > 0, energy - unknown, 0.0), near])
    maps = tf.pad(maps, [[0, 0], [0, _SPREAD[0] - size[0]], [0, _SPREAD[1] - size[1]]])
    whole = tf.signal.rfft2d(tf.stack([maps[0], maps[1] + unknown]), _SPREAD)
    tiles, across = _tiles(near, energy)
    # A place is where the corner of a tile lies. Those above and left of the picture come last,
    # because the transform is periodic.
    places = tf.range(_SPREAD[0])
    rows, columns = (
        tf.where(places < side, places, places - _SPREAD[0]) for side in tf.unstack(size)
    )

    def compare(tile):
        top, left = tile // across * TILE, tile % across * TILE
        here = tf.slice(maps, [0, top, left], [3, TILE, TILE])
        weight, bright = here[2], here[2] * here[0]
        # |a - b|^2 = a^2 + b^2 - 2 a b, summed over the tile: the likeness is 2 a b / (a^2 + b^2).
        both = tf.math.conj(tf.signal.rfft2d(tf.stack([bright, weight]), _SPREAD))
        product, squares = tf.unstack(tf.signal.irfft2d(both * whole, _SPREAD))
        squares += tf.reduce_sum(tf.square(bright))
        down, right = rows - top, columns - left
        short = tf.logical_and(
            tf.expand_dims(tf.abs(down) < SHORTEST, 1), tf.expand_dims(tf.abs(right) < SHORTEST, 0)
        )
        likeness = tf.where(short, 0.0, 2.0 * product / tf.maximum(squares, 1e-3))
        at, highest = _peaks(likeness)
        moves = tf.stack([tf.gather(down, at[:, 0]), tf.gather(right, at[:, 1])], -1)
        middle = tf.cast(tf.stack([top, left]), tf.float32) + TILE / 2
        return moves, highest, tf.tile(middle[tf.newaxis], [PEAKS, 1])

    types = [
        tf.TensorSpec([PEAKS, 2], tf.int32),
        tf.TensorSpec([PEAKS], tf.float32),
        tf.TensorSpec([PEAKS, 2], tf.float32),
    ]
    moves, likeness, middles = tf.map_fn(
        compare, tiles, fn_output_signature=tuple(types), parallel_iterations=1
    )
    likeness = tf.reshape(likeness, [-1])
    alike = tf.where(likeness > LIKELY)[:, 0]
    return (
        tf.gather(tf.reshape(moves, [-1, 2]), alike),
        tf.gather(likeness, alike),
        tf.gather(tf.reshape(middles, [-1, 2]), alike),
    )


def _tiles(near, energy):
    """The numbers of the tiles that are compared, int32 [t], and how many there are across."""
    height, width = tf.unstack(tf.shape(near))
    down, across = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    beyond = [[0, 0], [0, down * TILE - height], [0, across * TILE - width], [0, 0]]
    both = tf.pad(tf.stack([near, near * energy], -1)[tf.newaxis], beyond)
    filled, varied = tf.unstack(
        tf.reshape(tf.nn.avg_pool2d(both, TILE, TILE, "VALID"), [-1, 2]), axis=-1
    )
    usable = tf.logical_and(filled >= FILLED, varied >= FLAT * filled)
    best = tf.math.top_k(tf.where(usable, filled, 0.0), tf.minimum(TILES, tf.size(filled)))
    return tf.gather(best.indices, tf.where(best.values > 0)[:, 0]), across


def _peaks(likeness):
    """The places of the PEAKS highest values, at most one in each block.

    float32 [h, w] -> int32 [PEAKS, 2], float32 [PEAKS].
    """
    down, across = (side // _BLOCK for side in _SPREAD)
    blocks = tf.reshape(likeness, [down, _BLOCK, across, _BLOCK])
    blocks = tf.reshape(tf.transpose(blocks, [0, 2, 1, 3]), [-1, _BLOCK**2])
    best = tf.math.top_k(tf.reduce_max(blocks, 1), PEAKS)
    inside = tf.argmax(tf.gather(blocks, best.indices), 1, tf.int32)
    return (
        tf.stack(
            [
                best.indices // across * _BLOCK + inside // _BLOCK,
                best.indices % across * _BLOCK + inside % _BLOCK,
            ],
            -1,
        ),
        best.values,
    )
