"""A better guide where the photograph repeats itself: fences, slats, bricks, rows of windows.

    guide, repeats = continued(picture, hole, part)  # float32 [h, w, 3], 0 to 255, and [h, w, 1]

A network draws a fence into a large hole as a grey blur, and patches that are matched with a blur
are out of step with each other. But a fence looks the same some pixels further on. So a few moves
are found under which the photograph is like itself (moves.py), and the hole is filled with moved
pieces of the photograph. It is divided into cells. Each cell takes one of the moves, or keeps its
guide, so that these costs are small:

* A move costs more if the photograph is not alike under it near by, if known pixels of the cell and
  of those around it differ, and if their mean colour is far from that of the guide. How much a
  difference counts depends on the contrast near the hole, or of the moved piece if that is lower.
* Keeping the guide has a fixed cost.
* Two neighbouring cells with different moves cost as much as their pictures differ where they meet.
  Where a move and the guide meet, the cost is fixed.

Moves by whole periods of a pattern agree with each other, so the pattern goes on through the hole.
Where the guide is like nothing that is known, it stays. Belief propagation makes the sum of all
costs small (beliefs.py). It is sure that the photograph repeats itself where moves cost little, in
many cells that are near each other: `repeats` is between 0 and 1.

The moves are chosen in the picture reduced to 256 pixels. Its own pixels are then copied, so in a
larger picture a piece may lie half a reduced pixel off.

References: Pritch et al., Shift-Map Image Editing, ICCV 2009; He and Sun, Statistics of Patch
Offsets for Image Completion, ECCV 2012. Guide and fixed cost are the project's own.
"""

from typing import NamedTuple, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.painting.detail import beliefs
from tfinpaint.painting.detail import moves as moves_of
from tfinpaint.painting.detail.levels import highest, smoothed
from tfinpaint.painting.detail.moves import LONGER

# In pixels of the reduced picture:
CELL = 6  # approximate side of a cell
RIM = 24  # how far from the part the photograph is compared with itself
FAR = 24.0  # at this distance beyond the nearest tile, what a tile says counts 1 / e
BROAD = 15  # structures about as large as this and larger are not compared
MOVES = 40  # most moves
# Costs. Differences are squared, and relative to the photograph's energy near the hole. Where what
# is moved has much less, they are relative to that: in a clear sky, a faint step is seen.
GUIDE = 3.0  # of a cell that keeps the guide
UNLIKE = 3.0  # of a move under which nothing near by is alike
KNOWN, KNOWN_MOST = 2.0, 6.0  # of a difference in known pixels, and the highest
COLOUR, COLOUR_MOST = 2.0, 8.0  # of a difference in the mean colour, and the highest
MISSING = 50.0  # of a move that takes pixels which are not known
SEAM, SEAM_MOST = 3.0, 12.0  # of a difference between neighbours, and the highest
CHANGE = 0.05  # of any change of the move
ENDS = 0.35  # where a move and the guide meet
# It is sure that a cell repeats the photograph if its move costs at most SURE; from UNSURE on, it
# does not count. HALF of the WIDELY x WIDELY cells around it must be sure as well: a single thing
# may look like another by chance.
SURE, UNSURE = 0.8, 1.8
WIDELY, HALF = 11, 0.5
SEEN = 1 / 3  # of a cell and those around it: if more is known, the difference counts in full
_NOISE = 30.0  # squared grey levels, added to the energy near the hole
# The energy that differences are relative to is at most LOUDER times that of what is moved, plus
# QUIET (squared grey levels).
LOUDER, QUIET = 2.0, 10.0
# Pixels around the middle of a cell, to just beyond its border, at which moves are compared.
_AROUND = np.mgrid[-4:5:2, -4:5:2].reshape(2, -1).T.astype(np.int32)


class _Cells(NamedTuple):
    """The cells that the part touches.

    grid:     int32 [2], how many cells there are down and across the picture.
    places:   int32 [n, 2], the row and column of each in the grid.
    middles:  int32 [n, 2], its middle, in pixels.
    """

    grid: tf.Tensor
    places: tf.Tensor
    middles: tf.Tensor


@tf.autograph.experimental.do_not_convert
def continued(picture: tf.Tensor, hole: tf.Tensor, part: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """The picture with what repeats in the photograph continued in a part of its hole.

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole the guide.
    hole:     bool [h, w, 1]. Nothing is copied from it.
    part:     bool [h, w, 1], the part of the hole that may change.

    Returns: the picture, float32 [h, w, 3], unchanged if there is nothing to do; and how sure it is
        that it repeats the photograph, float32 [h, w, 1], 0 to 1.
    """
    return tf.cond(
        tf.reduce_any(part),
        lambda: _continued(picture, hole, part),
        lambda: (picture, tf.zeros_like(picture[..., :1])),
    )


def _continued(picture, hole, part):
    size = tf.shape(picture)[:2]
    scale = tf.maximum(1.0, tf.cast(tf.reduce_max(size), tf.float32) / LONGER)
    small = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) / scale), tf.int32), 1)
    colours = tf.image.resize(picture, small, method="area")
    maps = tf.image.resize(tf.cast(tf.concat([hole, part], -1), tf.uint8), small, method="area")
    missing, wanted = tf.unstack(maps > 0, axis=-1)
    known = 1.0 - tf.cast(missing, tf.float32)
    near = highest(tf.cast(wanted, tf.float32)[tf.newaxis, ..., tf.newaxis], 2 * RIM + 1)
    near = known * near[0, ..., 0]
    # Times the root of 3, so that its square is comparable with the sum of those of three colours.
    brightness = np.float32(np.sqrt(3)) * tf.reduce_mean(colours, -1)
    brightness = _fine(brightness, known)
    energy = _NOISE + tf.reduce_sum(near * tf.square(brightness)) / tf.maximum(
        tf.reduce_sum(near), 1.0
    )
    cells = _cells(wanted)
    moves, alike = _chosen(*moves_of.found(brightness, known, near), known, cells)
    own, apart = _costs(colours, brightness, known, cells, moves, alike, energy)
    labels = beliefs.cheapest(
        own, lambda neighbour: _meeting(apart, neighbour), cells.places, cells.grid
    )
    repeats = _repeating(own, labels, cells)
    larger = tf.cast(size, tf.float32) / tf.cast(small, tf.float32)
    moved = tf.cast(tf.round(tf.cast(moves, tf.float32) * larger), tf.int32)
    return _composed(picture, hole, part, cells, labels, repeats, moved)


def _fine(brightness, known):
    """The brightness without broad structures, 0 where it is unknown: [h, w]."""
    broad = smoothed(tf.stack([brightness * known, known], -1)[tf.newaxis], BROAD)[0]
    return known * (brightness - broad[..., 0] / tf.maximum(broad[..., 1], 1e-3))


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

    Returns: int32 [k, 2], at least one, and how alike the photograph is under each near each cell,
        float32 [k, n].
    """
    # The last one leads out of the picture, from a tile far away, so that there is always one.
    moves, likeness = tf.concat([moves, [tf.shape(known)]], 0), tf.pad(likeness, [[0, 1]])
    middles = tf.pad(middles, [[0, 1], [0, 0]], constant_values=1e6)
    # What a tile says fades with the distance, but the nearest tile counts in full.
    apart = tf.norm(tf.cast(cells.middles, tf.float32) - tf.expand_dims(middles, 1), axis=-1)
    near = tf.exp((tf.reduce_min(apart, 0) - apart) * (1 / FAR))  # [c + 1, n]
    there = _pixels(known[..., tf.newaxis], cells.middles + tf.expand_dims(moves, 1))[..., 0]
    good = there * tf.expand_dims(tf.square(likeness), 1) * near
    # Moves that are about the same add up.
    same = tf.reduce_all(tf.abs(tf.expand_dims(moves, 1) - moves) <= 1, -1)
    same = tf.cast(same, tf.float32)  # [c + 1, c + 1]
    good = tf.matmul(same, good)

    def choose(taken, total, free):
        # The square root: the first good move of a cell counts more than the tenth.
        gains = tf.reduce_sum(tf.sqrt(total + good) - tf.sqrt(total), 1)
        best = tf.argmax(tf.where(free > 0, gains, -1.0), output_type=tf.int32)
        return tf.concat([taken, [best]], 0), total + good[best], free * (1.0 - same[best])

    def go_on(taken, _, free):
        some = tf.logical_and(tf.size(taken) < MOVES, tf.reduce_any(free > 0))
        return tf.logical_or(tf.size(taken) < 1, some)

    state = [
        tf.zeros([0], tf.int32),
        tf.fill([tf.shape(good)[1]], 1e-3),
        tf.cast(tf.reduce_max(good, 1) > 0, tf.float32),  # [c + 1], the moves that are of use
    ]
    taken = tf.while_loop(
        go_on, choose, state, [tf.TensorShape([None])] * 3, parallel_iterations=1
    )[0]
    alike = tf.map_fn(  # of those about the same, the most alike
        lambda which: tf.reduce_max(tf.expand_dims(which * likeness, 1) * near, 0),
        tf.gather(same, taken),
        fn_output_signature=tf.TensorSpec([None]),
        parallel_iterations=1,
    )
    return tf.gather(moves, taken), alike


def _costs(colours, brightness, known, cells, moves, alike, energy):
    """What each move costs in each cell, and how far moves are apart around the middle of a cell.

    colours float32 [h, w, 3], known float32 [h, w], moves int32 [k, 2], alike float32 [k, n].
    brightness: float32 [h, w], of `_fine`.
    energy: float32 [], the energy near the hole.

    Returns: float32 [n, k + 1], the last one that of the guide; and float32 [n, k, k].
    """
    # Differences stay as they are, and products are more exact.
    colours -= tf.reduce_mean(colours, [0, 1])
    guide = _in_cells(colours, cells)
    around = tf.expand_dims(cells.middles, 1) + _AROUND  # [n, m, 2]
    fine = tf.square(brightness)[..., tf.newaxis]
    pixels = tf.concat([colours, fine, known[..., tf.newaxis]], -1)

    def of_move(given):
        move, alike = given
        moved, there = _moved(pixels, move)  # [h, w, 4], [h, w, 1]
        both = there * known[..., tf.newaxis]
        differing = both * tf.reduce_sum(tf.square(colours - moved[..., :3]), -1, keepdims=True)
        means = _in_cells(tf.concat([differing, both, moved, there], -1), cells)
        differing, both, colour, fine, share = tf.split(means, [1, 1, 3, 1, 1], -1)
        share = tf.maximum(share, 1e-2)
        least = tf.minimum(energy, QUIET + LOUDER * (fine / share)[:, 0])  # [n]
        differing = differing[:, 0] / tf.maximum(both[:, 0], 1e-3) / least
        far = tf.reduce_sum(tf.square(guide - colour / share), -1) / least
        samples = _pixels(tf.concat([moved[..., :3], there], -1), around)  # [n, m, 4]
        missing = tf.cast(tf.reduce_min(samples[..., 3], 1) < 0.5, tf.float32)
        cost = (
            UNLIKE * (1.0 - alike)
            + tf.minimum(both[:, 0] * (1 / SEEN), 1.0) * tf.minimum(KNOWN * differing, KNOWN_MOST)
            + tf.minimum(COLOUR * far, COLOUR_MOST)
            + MISSING * missing
        )
        return cost, least, samples

    per_cell = tf.TensorSpec([None])
    types = (per_cell, per_cell, tf.TensorSpec([None, len(_AROUND), 4]))
    costs, least, samples = tf.map_fn(  # [k, n], [k, n], [k, n, m, 4]
        of_move, (moves, alike), fn_output_signature=types, parallel_iterations=1
    )
    samples = tf.transpose(samples, [1, 0, 2, 3])
    pixels, there = samples[..., :3], samples[..., 3]
    squares = there * tf.reduce_sum(tf.square(pixels), -1)
    flat = tf.reshape(pixels, [*tf.unstack(tf.shape(there)[:2]), 3 * len(_AROUND)])
    # |a - b|^2 by products, over the pixels that both moves have.
    apart = tf.matmul(
        tf.concat([squares, there, -2.0 * flat], -1),
        tf.concat([there, squares, flat], -1),
        transpose_b=True,
    )
    own = tf.pad(tf.transpose(costs), [[0, 0], [0, 1]], constant_values=GUIDE)
    least = tf.transpose(least)  # [n, k]; that of two moves is their mean
    least = 0.5 * len(_AROUND) * (tf.expand_dims(least, 1) + tf.expand_dims(least, 2))
    return own, tf.maximum(apart, 0.0) / least


def _meeting(apart, neighbour):
    """What labels of a cell and of its neighbour cost together: float32 [n, k + 1, k + 1].

    apart: float32 [n, k, k], of `_costs`.   neighbour: int32 [n]; n where there is none.
    """
    count = tf.shape(apart)[0]
    beyond = tf.pad(apart, [[0, 1], [0, 0], [0, 0]])
    # Where two cells meet, their pictures are compared around the middles of both.
    seams = SEAM / 2.0 * (apart + tf.gather(beyond, neighbour))
    seams = CHANGE + tf.minimum(seams, SEAM_MOST)
    seams = tf.pad(seams, [[0, 0], [0, 1], [0, 1]], constant_values=ENDS)
    same = tf.eye(tf.shape(seams)[1])
    return tf.where(tf.reshape(neighbour < count, [-1, 1, 1]), seams * (1.0 - same), 0.0)


def _repeating(own, labels, cells):
    """How sure it is that each cell repeats the photograph, float32 [n], 0 to 1.

    own: float32 [n, k + 1], of `_costs`.   labels: int32 [n]; k keeps the guide.
    """
    costs = tf.gather(own, labels, batch_dims=1)
    sure = tf.clip_by_value((UNSURE - costs) * (1 / (UNSURE - SURE)), 0.0, 1.0)
    sure = tf.where(labels < tf.shape(own)[1] - 1, sure, 0.0)
    pairs = tf.stack([sure, tf.ones_like(sure)], -1)
    grid = tf.scatter_nd(cells.places, pairs, tf.concat([cells.grid, [2]], 0))
    around = tf.nn.avg_pool2d(grid[tf.newaxis], WIDELY, 1, "SAME")[0]
    around = tf.gather_nd(around[..., 0] / tf.maximum(around[..., 1], 1e-6), cells.places)
    return sure * tf.minimum(around * (1 / HALF), 1.0)


def _composed(picture, hole, part, cells, labels, repeats, moves):
    """Each pixel of the part from the moves of the four nearest cells, weighted by their nearness.

    Cells that the part does not touch, and pixels that are not known, do not count. If none counts,
    the guide stays.

    labels: int32 [n], the number of each cell's move, or k: it keeps the guide.
    repeats: float32 [n], how sure it is that each cell repeats the photograph.
    moves: int32 [k, 2], in pixels of the picture.

    Returns: the picture, float32 [h, w, 3], and the means of `repeats`, float32 [h, w, 1].
    """
    keep = tf.shape(moves)[0]
    grid = tf.tensor_scatter_nd_update(tf.fill(cells.grid, -1), cells.places, labels)
    moves = tf.concat([moves, [[0, 0]]], 0)
    sure = tf.tensor_scatter_nd_update(tf.zeros(cells.grid), cells.places, repeats)[..., tf.newaxis]
    known = 1.0 - tf.cast(hole, tf.float32)
    here = tf.cast(tf.where(part[..., 0]), tf.int32)  # [m, 2]
    with_none = tf.pad(picture, [[0, 0], [0, 0], [0, 1]])  # the guide repeats nothing
    guide = tf.gather_nd(with_none, here)  # [m, 4]
    ratio = tf.cast(cells.grid, tf.float32) / tf.cast(tf.shape(picture)[:2], tf.float32)
    at = (tf.cast(here, tf.float32) + 0.5) * ratio - 0.5  # in cells
    first = tf.floor(at)

    def add(number, total, weight):
        cell = first + tf.cast(tf.stack([number // 2, number % 2]), tf.float32)
        share = tf.reduce_prod(1.0 - tf.abs(at - cell), -1, keepdims=True)
        inside = tf.clip_by_value(tf.cast(cell, tf.int32), 0, cells.grid - 1)
        label = tf.gather_nd(grid, inside)  # [m]
        there = here + tf.gather(moves, tf.maximum(label, 0))
        label = tf.expand_dims(label, -1)
        counts = tf.where(label == keep, 1.0, _pixels(known, there))
        share *= tf.where(label < 0, 0.0, counts)
        pixels = tf.concat([_pixels(picture, there), tf.gather_nd(sure, inside)], -1)
        pixels = tf.where(label == keep, guide, pixels)
        return number + 1, total + share * pixels, weight + share

    state = [0, tf.zeros_like(guide), tf.zeros_like(guide[:, :1])]
    _, total, weight = tf.while_loop(
        lambda number, *_: number < 4, add, state, parallel_iterations=1
    )
    mean = tf.where(weight > 1e-3, total / tf.maximum(weight, 1e-3), guide)
    filled = tf.tensor_scatter_nd_update(with_none, here, mean)
    return filled[..., :3], filled[..., 3:]


def _moved(pixels, move):
    """The picture that lies a move away, and where it is known: [h, w, c + 1] -> [h, w, c] and
    [h, w, 1].

    It is 0 where it is unknown.
    """
    inside = [
        tf.logical_and(tf.range(side) + by >= 0, tf.range(side) + by < side)
        for side, by in zip(tf.unstack(tf.shape(pixels)[:2]), tf.unstack(move))
    ]
    inside = tf.logical_and(tf.expand_dims(inside[0], 1), inside[1])
    rolled = tf.roll(pixels, -move, [0, 1])
    there = rolled[..., -1:] * tf.cast(inside, tf.float32)[..., tf.newaxis]
    return there * rolled[..., :-1], there


def _pixels(map_, places):
    """The pixels of [h, w, c] at places [..., 2], 0 beyond its border: [..., c]."""
    size = tf.shape(map_)[:2]
    inside = tf.reduce_all(tf.logical_and(places >= 0, places < size), -1, keepdims=True)
    return tf.cast(inside, tf.float32) * tf.gather_nd(map_, tf.clip_by_value(places, 0, size - 1))


def _in_cells(map_, cells):
    """The means of [h, w, c] over each cell and those around it: [n, c]."""
    means = tf.image.resize(map_[tf.newaxis], cells.grid, method="area")
    return tf.gather_nd(tf.nn.avg_pool2d(means, 3, 1, "SAME")[0], cells.places)
