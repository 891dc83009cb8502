"""A better guide where the photograph repeats itself: fences, slats, bricks, rows of windows.

    guide = continued(picture, hole, part)           # float32 [h, w, 3], 0 to 255

A network draws a fence into a large hole as a grey blur, and patches that are matched with a blur
are out of step with each other. But a fence looks the same some pixels further on. So a few moves
are found under which the photograph is like itself (moves.py), and the hole is filled with moved
pieces of the photograph. It is divided into cells. Each cell takes one of the moves, or keeps its
guide, so that these costs are small:

* A move costs more if the photograph is not alike under it near by, if known pixels of the cell
  differ from it, and if its low frequencies are far from those of the guide.
* Keeping the guide has a fixed cost.
* Two neighbouring cells with different moves cost as much as their pictures differ where they meet.

Moves by whole periods of a pattern agree with each other, so the pattern goes on through the hole.
Where the guide is like nothing that is known, it stays. Belief propagation makes the sum of all
costs small (beliefs.py).

References: Pritch et al., Shift-Map Image Editing, ICCV 2009; He and Sun, Statistics of Patch
Offsets for Image Completion, ECCV 2012. Guide and fixed cost are the project's own.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinpaint.painting.detail import beliefs
from tfinpaint.painting.detail import moves as moves_of
from tfinpaint.painting.detail.levels import highest
from tfinpaint.painting.detail.moves import LONGER

CELL = 6  # pixels: approximate side of a cell
REACH = 24  # pixels: how far from the hole the photograph is compared with itself
MOVES = 40  # most moves
FADING = 24.0  # pixels: at this distance beyond the nearest tile, a likeness counts 1 / e
LOW = 15  # pixels: the low frequencies are means over squares of this side, taken twice
# Costs. Differences are squared, and relative to the photograph's energy near the hole.
GUIDE = 3.0  # of a cell that keeps the guide
UNLIKE = 3.0  # of a move under which nothing near by is alike
KNOWN, KNOWN_MOST = 2.0, 6.0  # of a difference in known pixels, and the highest
LOWS, LOWS_MOST = 2.0, 8.0  # of a difference in the low frequencies, and the highest
MISSING = 50.0  # of a move that takes pixels which are not known
SEAM, SEAM_MOST = 3.0, 12.0  # of a difference between neighbours, and the highest
CHANGE = 0.05  # of any change of the move
ENDS = 0.35  # where a move and the guide meet
_NOISE = 30.0  # squared grey levels, added to the energy
# Pixels around the middle of a cell at which moves are compared: to the middles of its neighbours.
_AROUND = np.mgrid[-4:5:2, -4:5:2].reshape(2, -1).T.astype(np.int32)


@tf.autograph.experimental.do_not_convert
def continued(picture: tf.Tensor, hole: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """The picture with what repeats in the photograph continued in a part of its hole.

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole the guide.
    hole:     bool [h, w, 1]. Nothing is copied from it.
    part:     bool [h, w, 1], the part of the hole that may change.

    Returns: float32 [h, w, 3].
    """
    size = tf.shape(picture)[:2]
    scale = tf.maximum(1.0, tf.cast(tf.reduce_max(size), tf.float32) / LONGER)
    small = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) / scale), tf.int32), 1)
    maps = tf.concat([picture, tf.cast(hole, tf.float32), tf.cast(part, tf.float32)], -1)
    maps = tf.image.resize(maps, small, method="area")
    colours, missing, wanted = maps[..., :3], maps[..., 3] > 0, maps[..., 4] > 0
    known = 1.0 - tf.cast(missing, tf.float32)
    near = highest(tf.cast(wanted, tf.float32)[tf.newaxis, ..., tf.newaxis], 2 * REACH + 1)
    near = known * near[0, ..., 0]
    brightness = _without_lows(np.float32(np.sqrt(3)) * tf.reduce_mean(colours, -1), known)
    moves, likeness, middles = moves_of.found(brightness, known, near)

    def with_moves():
        energy = tf.reduce_sum(near * brightness**2) / tf.maximum(tf.reduce_sum(near), 1.0)
        cells = _cells(wanted)
        chosen, same = _chosen(moves, likeness, middles, known, cells)
        own, apart = _costs(colours, known, cells, chosen, energy + _NOISE)
        alike = tf.expand_dims(likeness, 1) * _fading(middles, cells.middles)  # [c, n]
        # Of each move: the most alike of those that are about the same.
        alike = tf.reduce_max(tf.expand_dims(same, -1) * alike, 1)  # [k, n]
        own += UNLIKE * (1.0 - tf.transpose(alike))
        own = tf.pad(own, [[0, 0], [0, 1]], constant_values=GUIDE)
        apart = tf.pad(apart, [[0, 1], [0, 0], [0, 0]])  # of no cell

        def meeting(neighbour):
            # Where two cells meet, the pictures are compared around the middles of both.
            seams = SEAM / 2.0 * (apart[:-1] + tf.gather(apart, neighbour))
            seams = CHANGE + tf.minimum(seams, SEAM_MOST)
            seams = tf.pad(seams, [[0, 0], [0, 1], [0, 1]], constant_values=ENDS)
            is_cell = tf.reshape(neighbour < tf.shape(own)[0], [-1, 1, 1])
            return tf.where(is_cell, seams * (1.0 - tf.eye(tf.shape(own)[1])), 0.0)

        labels = beliefs.cheapest(own, meeting, cells.places, cells.grid)
        larger = tf.cast(size, tf.float32) / tf.cast(small, tf.float32)
        moved = tf.cast(tf.round(tf.cast(chosen, tf.float32) * larger), tf.int32)
        return _composed(picture, hole, part, cells, labels, moved)

    return tf.cond(tf.size(likeness) > 0, with_moves, lambda: picture)


class _Cells(NamedTuple):
    """The cells that the part touches.

    grid:     int32 [2], how many cells there are down and across the picture.
    places:   int32 [n, 2], the row and column of each in the grid.
    middles:  int32 [n, 2], its middle, in pixels.
    """

    grid: tf.Tensor
    places: tf.Tensor
    middles: tf.Tensor


def _cells(wanted):
    """The cells of a part, bool [h, w]."""
    size = tf.shape(wanted)
    grid = (size + CELL - 1) // CELL
    shares = tf.image.resize(
        tf.cast(wanted, tf.float32)[tf.newaxis, ..., tf.newaxis], grid, method="area"
    )
    places = tf.cast(tf.where(shares[0, ..., 0] > 0), tf.int32)
    return _Cells(grid, places, (2 * places + 1) * size // (2 * grid))


def _chosen(moves, likeness, middles, known, cells):
    """At most MOVES moves, so that each cell has several good ones.

    moves int32 [c, 2], likeness float32 [c], middles float32 [c, 2]: of moves.found.
    known: float32 [h, w].

    Returns: int32 [k, 2], and which of the moves are about the same as each, float32 [k, c].
    """
    # [c, n]: how good a move is for a cell. Of those about the same, each adds to it.
    there = _pixels(known[..., tf.newaxis], cells.middles + tf.expand_dims(moves, 1))[..., 0]
    good = there * tf.expand_dims(likeness**2, 1) * _fading(middles, cells.middles)
    same = tf.cast(
        tf.reduce_all(tf.abs(tf.expand_dims(moves, 1) - moves) <= 1, -1), tf.float32
    )  # [c, c]
    good = tf.matmul(same, good)

    def choose(taken, total, free):
        # The square root: the first good move of a cell counts more than the tenth.
        gains = free * tf.reduce_sum(tf.sqrt(total + good) - tf.sqrt(total), 1)
        best = tf.argmax(gains, output_type=tf.int32)
        return tf.concat([taken, [best]], 0), total + good[best], free * (1.0 - same[best])

    taken = tf.while_loop(
        lambda taken, _, free: tf.logical_and(tf.size(taken) < MOVES, tf.reduce_any(free > 0)),
        choose,
        [tf.zeros([0], tf.int32), tf.fill([tf.shape(good)[1]], 1e-3), tf.ones_like(likeness)],
        [tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([None])],
        parallel_iterations=1,
    )[0]
    return tf.gather(moves, taken), tf.gather(same, taken)


def _fading(tiles, middles):
    """How much what a tile says counts for a cell: float32 [c, 2], int32 [n, 2] -> [c, n]."""
    apart = tf.norm(tf.cast(middles, tf.float32) - tf.expand_dims(tiles, 1), axis=-1)
    return tf.exp((tf.reduce_min(apart, 0) - apart) / FADING)


def _costs(colours, known, cells, moves, energy):
    """What each move costs in each cell, and what two moves differ by around its middle.

    colours float32 [h, w, 3], known float32 [h, w], moves int32 [k, 2].
    energy: float32 [], to which squared differences are relative.

    Returns: float32 [n, k], and float32 [n, k, k].
    """
    guide = _in_cells(colours, cells)
    around = tf.expand_dims(cells.middles, 1) + _AROUND  # [n, m, 2]
    pixels = tf.concat([colours, known[..., tf.newaxis]], -1)

    def of_move(move):
        moved, there = _moved(pixels, move)  # [h, w, 3], [h, w, 1]
        both = there * known[..., tf.newaxis]
        difference = both * tf.reduce_sum((colours - moved) ** 2, -1, keepdims=True)
        difference, seen, lows, share = tf.split(
            _in_cells(tf.concat([difference, both, moved, there], -1), cells), [1, 1, 3, 1], -1
        )
        difference = tf.squeeze(difference / tf.maximum(seen, 1e-3), 1) / energy
        apart = tf.reduce_sum((guide - lows / tf.maximum(share, 1e-2)) ** 2, -1) / energy
        samples = _pixels(tf.concat([moved, there], -1), around)  # [n, m, 4]
        cost = tf.minimum(3.0 * tf.squeeze(seen, 1), 1.0) * tf.minimum(
            KNOWN * difference, KNOWN_MOST
        )
        cost += tf.minimum(LOWS * apart, LOWS_MOST)
        missing = tf.reduce_min(samples[..., 3], 1) < 0.5
        return cost + MISSING * tf.cast(missing, tf.float32), samples

    types = (tf.TensorSpec([None]), tf.TensorSpec([None, len(_AROUND), 4]))
    costs, samples = tf.map_fn(
        of_move, moves, fn_output_signature=types, parallel_iterations=1
    )  # [k, n], [k, n, m, 4]
    samples = tf.transpose(samples, [1, 0, 2, 3])
    pixels, there = samples[..., :3], samples[..., 3]
    squares = there * tf.reduce_sum(pixels**2, -1)
    flat = tf.reshape(pixels, [*tf.unstack(tf.shape(there)[:2]), 3 * len(_AROUND)])
    # |a - b|^2 by products, over the pixels that both moves have.
    differences = tf.matmul(
        tf.concat([squares, there, -2.0 * flat], -1),
        tf.concat([there, squares, flat], -1),
        transpose_b=True,
    )
    return tf.transpose(costs), tf.maximum(differences, 0.0) / (len(_AROUND) * energy)


def _composed(picture, hole, part, cells, labels, moves):
    """Each pixel of the part from the moves of the four nearest cells, weighted by their nearness.

    labels: int32 [n], the number of each cell's move, or k: it keeps the guide.
    moves: int32 [k, 2], in pixels of the picture.
    """
    keep = tf.shape(moves)[0]
    grid = tf.tensor_scatter_nd_update(tf.fill(cells.grid, keep), cells.places, labels)
    moves = tf.concat([moves, [[0, 0]]], 0)
    pixels = tf.concat([picture, 1.0 - tf.cast(hole, tf.float32)], -1)
    here = tf.cast(tf.where(part[..., 0]), tf.int32)  # [m, 2]
    guide = tf.gather_nd(picture, here)  # [m, 3]
    ratio = tf.cast(cells.grid, tf.float32) / tf.cast(tf.shape(picture)[:2], tf.float32)
    at = (tf.cast(here, tf.float32) + 0.5) * ratio - 0.5  # in cells
    first = tf.floor(at)

    def add(number, total, weight):
        cell = first + tf.cast(tf.stack([number // 2, number % 2]), tf.float32)
        share = tf.reduce_prod(1.0 - tf.abs(at - cell), -1, keepdims=True)
        inside = tf.clip_by_value(tf.cast(cell, tf.int32), 0, cells.grid - 1)
        label = tf.gather_nd(grid, inside)  # [m]
        moved = _pixels(pixels, here + tf.gather(moves, label))
        kept = tf.expand_dims(label == keep, -1)
        share *= tf.where(kept, 1.0, moved[:, 3:])
        return number + 1, total + share * tf.where(kept, guide, moved[:, :3]), weight + share

    state = [0, tf.zeros_like(guide), tf.zeros_like(guide[:, :1])]
    _, total, weight = tf.while_loop(
        lambda number, *_: number < 4, add, state, parallel_iterations=1
    )
    mean = tf.where(weight > 1e-3, total / tf.maximum(weight, 1e-3), guide)
    return tf.tensor_scatter_nd_update(picture, here, mean)


def _moved(pixels, move):
    """The picture that lies a move away, and where it is known: [h, w, 4] -> [h, w, 3], [h, w, 1].

    It is 0 where it is unknown.
    """
    size = tf.shape(pixels)
    inside = [
        tf.logical_and(tf.range(side) + by >= 0, tf.range(side) + by < side)
        for side, by in zip(tf.unstack(size)[:2], tf.unstack(move))
    ]
    inside = tf.logical_and(tf.expand_dims(inside[0], 1), inside[1])
    rolled = tf.roll(pixels, -move, [0, 1])
    there = rolled[..., 3:] * tf.cast(inside, tf.float32)[..., tf.newaxis]
    return there * rolled[..., :3], there


def _pixels(map_, places):
    """The pixels of [h, w, c] at places [..., 2], 0 beyond its border: [..., c]."""
    size = tf.shape(map_)[:2]
    inside = tf.reduce_all(tf.logical_and(places >= 0, places < size), -1, keepdims=True)
    return tf.cast(inside, tf.float32) * tf.gather_nd(map_, tf.clip_by_value(places, 0, size - 1))


def _in_cells(map_, cells):
    """The means of [h, w, c] over each cell and those around it: [n, c]."""
    means = tf.image.resize(map_[tf.newaxis], cells.grid, method="area")
    return tf.gather_nd(tf.nn.avg_pool2d(means, 3, 1, "SAME")[0], cells.places)


def _without_lows(brightness, known):
    """The brightness without its low frequencies, which are those of known pixels: [h, w]."""
    lows = tf.stack([brightness * known, known], -1)[tf.newaxis]
    for _ in range(2):
        lows = tf.nn.avg_pool2d(tf.nn.avg_pool2d(lows, [LOW, 1], 1, "SAME"), [1, LOW], 1, "SAME")
    return known * (brightness - lows[0, ..., 0] / tf.maximum(lows[0, ..., 1], 1e-3))
