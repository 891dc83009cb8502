"""Texture for large holes, taken from the known part of the photograph.

A network that sees a few hundred pixels cannot give it.

    part = thick(hole)                        # bool [h, w, 1] -> bool [h, w, 1]
    filled = restore(picture, hole, part)     # float32 [h, w, 3], 0 to 255

The picture is the photograph with a guide in its hole. The guide is any fill, for example a
network's, reduced and enlarged. From coarse to fine, each patch of 7 x 7 pixels that touches the
hole is matched with a wholly known one. Each missing pixel becomes the weighted mean of what the
matched patches have at its place. Structure and colours stay those of the guide: the estimate takes
its low frequencies.

Two things keep a lawn from becoming a smooth patch, or rows of equal blades. First, a guide is
smooth, so patches are also compared by how rough the photograph is around them. In the hole it is
expected to be as rough as in known places of the same colour. Second, several patches may be about
as near as the nearest. Of these the one that continues the neighbours' matches is taken, so that
pieces of the photograph are copied, not the same patch everywhere.

Only TensorFlow's stock operations are used, for any size inside one graph. The random numbers are
stateless, so the same photograph gives the same fill. Nothing is differentiable. Known pixels never
change.

References: Wexler et al., Space-time completion of video, 2007 (votes, coarse to fine); Barnes et
al., PatchMatch, 2009 (the search); Newson et al., Video inpainting of complex scenes, 2014, section
3.3 (texture features); Ashikhmin, Synthesizing natural textures, 2001 (coherent matches).
"""

from typing import NamedTuple

import cv2
import numpy as np
import tensorflow as tf

REACH = 3  # pixels from the middle of a patch to its side
SIZE = 2 * REACH + 1
COARSEST = 48  # pixels of the longer side at the coarsest level, about
THICK = 24  # pixels: a thinner hole is left to the guide
# Pixels of the two coarsest levels: the side of a square. Means over such squares, taken twice, are
# those of the guide.
LOW = 5
# Turns of search and vote, from the coarsest level on; then 2, and 1 at the finest level.
TURNS = (4, 3, 3, 2)
SWEEPS = 2  # of the search in each turn
COHERING = 6  # sweeps among the neighbours alone, if all patches were compared
# How much further than the nearest a match may be if it goes with those of its neighbours, at the
# coarsest level.
TOLERANCE = 1.0
MASKED = 1.0  # the same, over the squared roughness: in a plain place every other patch is noticed
STRICTER = 0.7  # the tolerance of a level over that of the coarser one
ROUGH = 3.0  # grey levels of colour that one grey level of roughness counts as
# Grey levels and cells (of the coarsest size) over which an expected roughness holds.
ALIKE, NEARBY = 20.0, 12.0
CHANNELS = 5  # red, green, blue, and the roughness across and down
RADII = (2, 8, 32)  # of the random search: the longer side divided by these
FADING = 0.5  # how sure a missing pixel is, over its neighbour that is nearer to what is known
LEAST_SURE = 0.05
# Squared grey levels for each pixel: what a match costs at the distance of the longer side. At half
# that distance it costs a quarter.
NEAR = 1600.0
_COMPARED = 2**24  # pairs of patches: if a level has no more, all of them are compared
_COMPARED_TARGETS = 2**16
# Pixels of the largest level in which patches are searched. A larger level keeps the matches that
# it was given.
_SEARCHED = 2**22
_NOTHING = -1
_NOWHERE = -(2**30)  # a move


class Level(NamedTuple):
    """The photograph at one size. Places are flat: row * width + column.

    size:     int32 [2], height and width.
    height, width: the same, int32 [].
    picture:  float32 [1, h, w, 5]: colours (the guide's where the photograph is missing), and ROUGH
              times the roughness.
    part:     bool [1, h, w, 1], what is restored.
    sure:     float32 [1, h, w, 1], 1 outside the part, and less and less further inside.
    sources:  bool [h * w], the middles of wholly known patches.
    targets:  int32 [n], the middles of patches that touch the part.
    """

    size: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    picture: tf.Tensor
    part: tf.Tensor
    sure: tf.Tensor
    sources: tf.Tensor
    targets: tf.Tensor


@tf.autograph.experimental.do_not_convert
def thick(hole: tf.Tensor) -> tf.Tensor:
    """The part of a hole that is near a place thicker than THICK pixels.

    bool [h, w, 1] -> bool [h, w, 1].
    """
    # [1, h + 24, w + 24, 1]
    known = tf.pad(1.0 - tf.cast(hole, tf.float32), _around(THICK // 2), constant_values=1.0)[
        tf.newaxis
    ]
    inner = 1.0 - _highest(known, THICK + 1, "VALID")  # [1, h, w, 1]
    return tf.logical_and(_highest(inner, 2 * THICK + 1)[0] > 0, hole)


def is_thick(hole: np.ndarray) -> bool:
    """Whether `thick` finds anything in a hole, uint8 [h, w, 1].

    In NumPy, so that no graph is made for it.
    """
    inside = cv2.erode(
        np.ascontiguousarray(hole[..., 0]),
        np.ones((THICK + 1, THICK + 1), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return bool(inside.any())


@tf.autograph.experimental.do_not_convert
def restore(picture: tf.Tensor, hole: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """The picture with a part of its hole restored: float32 [h, w, 3].

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole the guide.
    hole:     bool [h, w, 1], from which nothing is taken.
    part:     bool [h, w, 1], the part of the hole that is wanted.

    If no patch is wholly known, the picture is returned as it is.
    """
    first = _first_level(hole, tf.shape(picture)[:2])
    wanted = tf.logical_and(first >= 0, tf.reduce_any(part))
    return tf.where(
        part,
        tf.cond(wanted, lambda: _restore(picture, hole, part, first), lambda: picture),
        picture,
    )


def _restore(picture, hole, part, first):
    size = tf.shape(picture)[:2]
    scale = 2**first
    padded = (size + scale - 1) // scale * scale  # every level is exactly half of the one below it
    # [1, H, W, 2], uint8. What is beyond the picture is hole, and not wanted.
    maps = _padded(tf.concat([hole, part], -1), padded - size)
    whole = tf.concat([picture, ROUGH * roughness(picture, hole)], -1)[tf.newaxis]
    for axis, (old, new) in enumerate(zip(tf.unstack(size), tf.unstack(padded)), 1):
        # The last row and column are repeated.
        whole = tf.gather(whole, tf.minimum(tf.range(new), old - 1), axis=axis)  # [1, H, W, 5]

    def finer(number, estimate, matches):
        level = _level(whole, maps, padded, number)
        matches, found = _doubled(matches, level, number)
        estimate = tf.where(level.part, tf.image.resize(estimate, level.size), level.picture)
        estimate, matches = _turns(
            level, _voted(level, estimate, matches, found), matches, number, first
        )
        return number - 1, estimate, tf.reshape(_dense(level, matches, _NOTHING), level.size)

    shapes = [
        tf.TensorShape([]),
        tf.TensorShape([1, None, None, CHANNELS]),
        tf.TensorShape([None, None]),
    ]
    state = [first, whole, tf.fill([SIZE, SIZE], _NOTHING)]
    estimate = tf.while_loop(
        lambda number, *_: number >= 0, finer, state, shapes, parallel_iterations=1
    )[1]
    return tf.slice(tf.squeeze(estimate, 0), [0, 0, 0], tf.shape(picture))


def roughness(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """How much neighbours differ in brightness, across and down, in grey levels.

    picture float32 [h, w, 3], hole bool [h, w, 1] -> float32 [h, w, 2].

    It is the mean over the known pixels of 7 x 7. In the hole it is the mean of known places that
    are near and have the guide's colour.
    """
    size, known = tf.shape(hole)[:2], 1.0 - tf.cast(hole, tf.float32)[tf.newaxis]
    grey = tf.reduce_mean(picture, -1, keepdims=True)[tf.newaxis]  # [1, h, w, 1]
    pairs = [known * tf.roll(known, 1, axis) for axis in (2, 1)]  # of two known pixels
    steps = [pair * tf.abs(grey - tf.roll(grey, 1, axis)) for axis, pair in zip((2, 1), pairs)]
    found = tf.concat([*steps, *pairs], -1)  # [1, h, w, 4]

    # Cells of the coarsest size, each compared with all others: n is at most 48 * 48.
    small = tf.minimum(size, COARSEST)
    cells = tf.image.resize(tf.concat([picture[tf.newaxis], found], -1), small, method="area")
    colours, steps, pairs = tf.split(tf.reshape(cells, [-1, 7]), [3, 2, 2], -1)  # [n, ...]
    numbers = tf.range(tf.size(colours) // 3)
    # Places are in cells.
    places = tf.cast(tf.stack([numbers // small[1], numbers % small[1]], -1), tf.float32)  # [n, 2]
    at = tf.concat([colours / ALIKE, places / NEARBY], -1)  # [n, 5]
    squares = tf.reduce_sum(at**2, -1, keepdims=True)
    # At most 60, so that weights stay above 0.
    far = tf.minimum(
        squares + tf.transpose(squares) - 2.0 * tf.matmul(at, at, transpose_b=True), 60.0
    )
    weights = tf.exp(-far)  # [n, n]
    expected = tf.matmul(weights, steps) / tf.maximum(tf.matmul(weights, pairs), 1e-30)  # [n, 2]
    expected = tf.image.resize(tf.reshape(expected, [1, *tf.unstack(small), 2]), size)

    total, count = tf.split(tf.nn.avg_pool2d(found, SIZE, 1, "SAME"), 2, -1)
    return tf.where(hole | (count == 0), expected, total / tf.maximum(count, 1e-12))[0]


# --------------------------------------------------------------------------------------------------
# levels
#
# Making and preparing the graph takes most of the time of a first fill. So the code uses as few
# operations as it can.


def _first_level(hole, size):
    """The number of the coarsest level: how many times it is halved.

    Its longer side is about COARSEST. The level is finer if no patch would be known, and -1 if none
    is known at any.
    """
    longer = tf.cast(tf.reduce_max(size), tf.float32)
    number = tf.maximum(
        tf.cast(tf.round(tf.math.log(longer / COARSEST) / np.log(2.0)), tf.int32), 0
    )

    def unusable(number):
        scale = 2 ** tf.maximum(number, 0)
        small = (size + scale - 1) // scale
        # [1, h, w, 1], the missing share of each cell
        missing = tf.image.resize(_padded(hole, small * scale - size), small, method="area")
        # Patches lie inside the picture.
        missing = tf.pad(missing, [[0, 0], *_around(REACH)], constant_values=1.0)
        return tf.logical_and(number >= 0, tf.reduce_min(_highest(missing, SIZE, "VALID")) > 0)

    return tf.while_loop(unusable, lambda number: [number - 1], [number])[0]


def _level(picture, maps, size, number):
    """The level that is halved `number` times.

    picture: float32 [1, H, W, 5].   maps: of its hole and part, uint8 [1, H, W, 2].
    """
    small = size // 2**number
    # Shares of each cell.
    missing, wanted = tf.split(tf.image.resize(maps, small, method="area"), 2, -1)  # [1, h, w, 1]
    part = wanted > 0
    # Of patches inside the picture.
    sources, touching = (
        tf.reshape(tf.pad(map_, [[0, 0], *_around(REACH)]), [-1])
        for map_ in (_highest(missing, SIZE, "VALID") <= 0, _highest(wanted, SIZE, "VALID") > 0)
    )
    targets = tf.cast(tf.squeeze(tf.where(touching), 1), tf.int32)
    sure = 1.0 - tf.cast(part, tf.float32)
    fading = tf.constant(FADING)
    for _ in range(int(np.ceil(np.log(LEAST_SURE) / np.log(FADING)))):
        sure = tf.maximum(sure, fading * _highest(sure, 3))
    sure = tf.maximum(sure, LEAST_SURE)
    return Level(
        small,
        *tf.unstack(small),
        tf.image.resize(picture, small, method="area"),
        part,
        sure,
        sources,
        targets,
    )


def _highest(x, size, padding="SAME"):
    """The highest value of a square: float32 [1, h, w, 1]. What is beyond the border is ignored."""
    return tf.nn.max_pool2d(tf.nn.max_pool2d(x, [size, 1], 1, padding), [1, size], 1, padding)


def _around(reach):
    return [[reach, reach], [reach, reach], [0, 0]]


def _padded(maps, more):
    """bool [h, w, n] -> uint8 [1, H, W, n]. Beyond the picture the first map is 1, the others 0.

    more: int32 [2], rows and columns to add.
    """
    rows, columns = tf.unstack(more)
    first, *others = tf.split(tf.cast(maps, tf.uint8)[tf.newaxis], maps.shape[-1], -1)
    paddings = [[0, 0], [0, rows], [0, columns], [0, 0]]
    return tf.concat(
        [tf.pad(first, paddings, constant_values=1), *(tf.pad(map_, paddings) for map_ in others)],
        -1,
    )


# --------------------------------------------------------------------------------------------------
# search


def _basis():
    """What patches are compared by, float32 [7, 7, 5, d].

    It has the lower frequencies of brightness (15) and of two colours (3 each), and the mean
    roughness (2). It is orthonormal, so a distance is these frequencies' part of the distance of
    the patches. The frequencies that a blurred estimate lacks are left out: with them, it would
    look for blurred patches.
    """
    at = (np.arange(SIZE) + 0.5) / SIZE
    # [7, 7]
    waves = np.stack(
        [np.cos(np.pi * k * at) * np.sqrt((1 if k == 0 else 2) / SIZE) for k in range(SIZE)]
    )
    brightness, colours = (
        np.ones(3) / np.sqrt(3),
        (np.array([1, 0, -1]) / np.sqrt(2), np.array([1, -2, 1]) / np.sqrt(6)),
    )
    chosen = [(brightness, i, j) for i in range(5) for j in range(5 - i)]
    chosen += [(colour, i, j) for colour in colours for i in range(2) for j in range(2 - i)]
    chosen = [(np.append(channel, [0, 0]), i, j) for channel, i, j in chosen] + [
        (channel, 0, 0) for channel in np.eye(CHANNELS)[3:]
    ]
    return np.stack(
        [waves[i][:, None, None] * waves[j][:, None] * channel for channel, i, j in chosen], -1
    ).astype(np.float32)


BASIS = _basis()


def features(picture: tf.Tensor) -> tf.Tensor:
    """Each patch in terms of BASIS, for the search: float32 [1, h, w, 5] -> [h * w, d].

    It is 0 where a patch is not inside the picture.
    """
    return tf.reshape(
        tf.pad(tf.nn.conv2d(picture, BASIS, 1, "VALID"), [[0, 0], *_around(REACH)]),
        [-1, BASIS.shape[-1]],
    )


def exhaustive(level: Level, estimate: tf.Tensor) -> tf.Tensor:
    """The nearest source of each target, all compared with all -> int32 [n].

    The distance is the mean of the squared differences over the pixels of a patch, weighted by how
    sure these are in the target. Of patches that are about as near in this sense, the one that is
    nearer in the picture is taken (NEAR): a texture belongs to a place.
    """
    sources = tf.cast(tf.squeeze(tf.where(level.sources), 1), tf.int32)
    colours = tf.reshape(estimate, [-1, CHANNELS])
    # [s, 49 * 5], [n, 49 * 5]
    there, here = (_patches(level, colours, middles) for middles in (sources, level.targets))
    # [n, 49 * 5]
    sure = _patches(level, tf.reshape(level.sure, [-1, 1]) * tf.ones([CHANNELS]), level.targets)
    # |a - b|^2 by products, here and below. a^2 is left out: it is the same for all b.
    squares = tf.matmul(sure, there**2, transpose_b=True) - 2.0 * tf.matmul(
        sure * here, there, transpose_b=True
    )
    to, at = _places(level, sources), _places(level, level.targets)
    moved = tf.reduce_sum(to**2, -1) - 2.0 * tf.matmul(at, to, transpose_b=True)  # [n, s]
    all_sure = tf.reduce_sum(sure, -1, keepdims=True)  # [n, 1]
    return tf.gather(sources, tf.argmin(squares + NEAR * all_sure * moved, -1, tf.int32))


def _places(level, middles):
    """Rows and columns over the longer side: int32 [n] -> float32 [n, 2]."""
    longer = tf.cast(tf.maximum(level.height, level.width), tf.float32)
    return (
        tf.cast(tf.stack([middles // level.width, middles % level.width], -1), tf.float32) / longer
    )


def _offsets(level):
    """From the middle of a patch to each of its pixels, int32 [49]."""
    rows, columns = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.int32).reshape(2, -1)
    return rows * level.width + columns


def _patches(level, pixels, middles):
    """The patches around some places: float32 [h * w, 5] -> [n, 49 * 5]."""
    return tf.reshape(
        tf.gather(pixels, tf.expand_dims(middles, 1) + _offsets(level)), [-1, SIZE**2 * CHANNELS]
    )


def _search(level, described, matches, compared, tolerance, seed):
    """Better matches, from the neighbours and from random places around.

    A match is a move from the target to its source. Candidates are the moves that are further than
    the nearest found by at most the tolerance. Of these, the one that most of the eight neighbours
    make is taken, then the nearer one.

    tolerance: float32 [], a share of the squared distance of the nearest, or of MASKED times the
        squared roughness if that is less.
    compared: bool [], whether the matches are the nearest of all. Then only neighbours are asked,
        in COHERING sweeps.

    Returns: the matches, int32 [n], and their squared distances in terms of BASIS [n].
    """
    height, width = level.height, level.width
    longer = tf.cast(tf.maximum(height, width), tf.float32)
    wanted = tf.gather(described, level.targets)  # [n, d]
    steps = tf.stack([1, -1, width, -width, width + 1, -width - 1, width - 1, 1 - width])
    around = tf.expand_dims(level.targets, 1) + steps  # [n, 8]; targets keep REACH from the border
    radii = longer / tf.constant(RADII, tf.float32)
    tries = tf.where(compared, 4, 4 + len(RADII))  # of one sweep
    last = tf.size(level.sources) - 1

    masked = MASKED / ROUGH**2 * tf.reduce_sum(wanted[:, -2:] ** 2, -1)  # [n]

    def distance(moves):
        places = level.targets + moves
        inside = tf.clip_by_value(places, 0, last)
        usable = tf.logical_and(tf.equal(places, inside), tf.gather(level.sources, inside))
        return tf.where(
            usable,
            tf.reduce_sum(tf.math.squared_difference(wanted, tf.gather(described, inside)), -1),
            np.inf,
        )

    def from_around(turn, k, moves):
        radius = tf.gather(radii, k) / 2.0 ** tf.cast(turn, tf.float32)
        by = tf.random.stateless_uniform(
            [tf.size(moves), 2], [seed, turn * len(RADII) + k], -radius, radius
        )
        rows, columns = tf.unstack(tf.cast(tf.round(by), tf.int32), axis=-1)
        places = level.targets + moves
        rows = tf.clip_by_value(places // width + rows, 0, height - 1)
        return (
            rows * width + tf.clip_by_value(places % width + columns, 0, width - 1) - level.targets
        )

    def try_one(number, moves, distances, nearest):
        turn, k = number // tries, number % tries
        near = tf.gather(_dense(level, moves, _NOWHERE), around)  # [n, 8], the neighbours' moves
        tried = tf.cond(
            k < 4, lambda: tf.gather(near, k, axis=1), lambda: from_around(turn, k - 4, moves)
        )
        new = distance(tried)
        more = _agreeing(near, tried) - _agreeing(near, moves)
        better = tf.logical_or(more > 0, tf.logical_and(tf.equal(more, 0), new < distances))
        nearest = tf.minimum(nearest, new)
        bound = nearest + tolerance * tf.minimum(nearest, masked)
        taken = tf.logical_or(distances > bound, better) & (new <= bound)
        return number + 1, tf.where(taken, tried, moves), tf.where(taken, new, distances), nearest

    moves = matches - level.targets
    state = [0, moves, distance(moves), distance(moves)]
    last_try = tf.where(compared, COHERING, SWEEPS) * tries
    _, moves, distances, _ = tf.while_loop(
        lambda number, *_: number < last_try, try_one, state, parallel_iterations=1
    )
    return level.targets + moves, distances


def _agreeing(near, moves):
    """How many of the neighbours' moves [n, 8] equal the target's own [n] -> int32 [n]."""
    return tf.reduce_sum(tf.cast(tf.equal(near, tf.expand_dims(moves, 1)), tf.int32), 1)


def _doubled(coarse, level, number):
    """Matches of the coarser level, int32 [h / 2, w / 2], at twice the distance.

    -> int32 [n], and whether they are sources, bool [n]. A random source replaces one that is not.
    """
    height, width = level.height, level.width
    coarse_height, coarse_width = tf.unstack(tf.shape(coarse))
    rows, columns = level.targets // width, level.targets % width
    row, column = (
        tf.clip_by_value(x // 2, REACH, size - 1 - REACH)
        for x, size in ((rows, coarse_height), (columns, coarse_width))
    )
    match = tf.gather(tf.reshape(coarse, [-1]), row * coarse_width + column)
    rows += 2 * (match // coarse_width - row)
    columns += 2 * (match % coarse_width - column)
    inside = tf.logical_and(
        tf.logical_and(rows >= 0, rows < height), tf.logical_and(columns >= 0, columns < width)
    )
    # The corner, 0, is not a source.
    places = tf.where(tf.logical_and(inside, match >= 0), rows * width + columns, 0)
    found = tf.gather(level.sources, places)
    sources = tf.cast(tf.squeeze(tf.where(level.sources), 1), tf.int32)
    drawn = tf.random.stateless_uniform(
        tf.shape(places), [number, _NOTHING], 0, tf.size(sources), tf.int32
    )
    return tf.where(found, places, tf.gather(sources, drawn)), found


def _dense(level, values, empty):
    """[n] of the targets -> [h * w], `empty` elsewhere."""
    blank = tf.fill(tf.shape(level.sources), tf.constant(empty, values.dtype))
    return tf.tensor_scatter_nd_update(blank, tf.expand_dims(level.targets, 1), values)


# --------------------------------------------------------------------------------------------------
# votes


def _turns(level, estimate, matches, number, first):
    """Search and vote in turns -> float32 [1, h, w, 5], int32 [n]."""
    above = first - number
    turns = tf.where(number > 0, tf.gather([*TURNS, 2], tf.minimum(above, len(TURNS))), 1)
    turns = tf.where(tf.size(level.sources) <= _SEARCHED, turns, 0)

    targets, sources = tf.size(level.targets), tf.math.count_nonzero(level.sources, dtype=tf.int32)
    few = tf.logical_and(
        targets <= _COMPARED_TARGETS, targets <= _COMPARED // tf.maximum(sources, 1)
    )

    def turn(done, estimate, matches):
        matches, distances = _search(
            level,
            features(estimate),
            tf.cond(few, lambda: exhaustive(level, estimate), lambda: matches),
            few,
            TOLERANCE * STRICTER ** tf.cast(above, tf.float32),
            1000 * number + done,
        )
        # Never 0: a pixel that only bad matches cover becomes their mean as well.
        alike = tf.maximum(
            tf.exp(-distances / tf.maximum(2.0 * tf.reduce_mean(distances), 1e-6)), 1e-6
        )
        return done + 1, _with_lows(level, _voted(level, estimate, matches, alike), above), matches

    shapes = [tf.TensorShape([]), tf.TensorShape([1, None, None, CHANNELS]), tf.TensorShape([None])]
    return tf.while_loop(
        lambda done, *_: done < turns, turn, [0, estimate, matches], shapes, parallel_iterations=1
    )[1:]


def _voted(level, estimate, matches, weights):
    """The estimate, with its part taken from the matched patches.

    Each missing pixel is the weighted mean of the 49 patches that cover it.
    """
    pixels = tf.cast(tf.where(tf.reshape(level.part, [-1])), tf.int32)  # [m, 1]
    sure = tf.gather(tf.reshape(level.sure, [-1]), level.targets)
    places, weights = (
        _dense(level, matches, 0),
        _dense(level, tf.cast(weights, tf.float32) * sure, 0.0),
    )
    colours, flat = tf.reshape(level.picture, [-1, CHANNELS]), tf.reshape(estimate, [-1, CHANNELS])
    offsets, last = _offsets(level), tf.size(places) - 1

    def vote(k, total, weight):
        offset = tf.gather(offsets, k)
        # Beyond the border, or around a corner of it, there is no target: the weight is 0.
        middle = tf.clip_by_value(pixels - offset, 0, last)
        here = tf.gather(weights, middle)  # [m, 1]
        # [m, 5]
        there = tf.gather_nd(colours, tf.clip_by_value(tf.gather(places, middle) + offset, 0, last))
        return k + 1, total + here * there, weight + here

    before = tf.gather_nd(flat, pixels)  # [m, 5]
    state = [0, tf.zeros_like(before), tf.zeros_like(pixels, tf.float32)]
    _, total, weight = tf.while_loop(lambda k, *_: k < SIZE**2, vote, state, parallel_iterations=1)
    mean = tf.where(weight > 0, total / tf.maximum(weight, 1e-20), before)
    return tf.reshape(tf.tensor_scatter_nd_update(flat, pixels, mean), tf.shape(estimate))


def _with_lows(level, estimate, above):
    """The estimate with the low frequencies of the guide, inside the part.

    above: number of levels above this one. From the third level on, the frequencies are those of
        the second: a guide has no more than these.
    """
    difference = tf.where(level.part, level.picture - estimate, 0.0)
    lows = tf.image.resize(difference, level.size // 2 ** tf.maximum(above - 1, 0), method="area")
    for _ in range(2):
        lows = tf.nn.avg_pool2d(lows, LOW, 1, "SAME")  # of what lies inside the picture
    return tf.where(level.part, estimate + tf.image.resize(lows, level.size), estimate)
