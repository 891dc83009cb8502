"""Matches each patch that touches the hole with a known patch.

Patches are compared by their lower frequencies and their roughness. At a coarse level all are
compared with all (`exhaustive`); then the matches of neighbours and random places are tried
(`search`).

References: Barnes et al., PatchMatch, 2009; Ashikhmin, Synthesizing natural textures, 2001
(coherent matches).
"""

from typing import Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.painting.detail import levels
from tfinpaint.painting.detail.levels import CHANNELS, REACH, SIZE, Level

SWEEPS = 2  # of the search in each turn
COHERING = 6  # sweeps over the neighbours only, if all patches were compared
# The highest tolerance, relative to the squared roughness: in a smooth place, any other patch would
# be visible.
MASKED = 1.0
ROUGH = 3.0  # grey levels of colour that one grey level of roughness counts as
RADII = (2, 8, 32)  # of the random search: the longer side divided by these
# Squared grey levels for each pixel: what a match costs at the distance of the longer side. At half
# that distance it costs a quarter.
NEAR = 1600.0
NOTHING = -1  # no match
_NOWHERE = -(2**30)  # the move of a place that is not a target


def _basis():
    """The basis in which patches are compared, float32 [7, 7, 5, d].

    It has the lower frequencies of brightness (15) and of two colour differences (3 each), and the
    mean roughness (2). It is orthonormal, so a distance in it is the part of the distance between
    two patches that lies in these frequencies. The frequencies that a blurred estimate lacks are
    left out: with them, the search would prefer blurred patches.
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
    """The coefficients of each patch in BASIS, for `search`: float32 [1, h, w, 5] -> [h * w, d].

    They are 0 for a patch that is not inside the picture.
    """
    return tf.reshape(
        tf.pad(tf.nn.conv2d(picture, BASIS, 1, "VALID"), [[0, 0], *levels.margins(REACH)]),
        [-1, BASIS.shape[-1]],
    )


def exhaustive(level: Level, estimate: tf.Tensor) -> tf.Tensor:
    """The nearest source of each target, by comparing all with all: int32 [n].

    estimate: float32 [1, h, w, 5].

    The distance is the mean of the squared differences over the pixels of a patch, weighted by the
    certainty of the target's pixels. A cost of the distance in the picture (NEAR) is added. So of
    patches that are about equally similar, the one nearby is taken: a texture belongs to a place.
    """
    sources = tf.cast(tf.squeeze(tf.where(level.sources), 1), tf.int32)
    colours = tf.reshape(estimate, [-1, CHANNELS])
    # [s, 49 * 5], [n, 49 * 5]
    there, here = (_patches(level, colours, middles) for middles in (sources, level.targets))
    # [n, 49 * 5]
    sure = _patches(level, tf.reshape(level.sure, [-1, 1]) * tf.ones([CHANNELS]), level.targets)
    # |a - b|^2 by products, here and below. a^2 is left out: it is the same for all b.
    squares = tf.matmul(sure, tf.square(there), transpose_b=True) - 2.0 * tf.matmul(
        sure * here, there, transpose_b=True
    )
    to, at = _places(level, sources), _places(level, level.targets)
    moved = tf.reduce_sum(tf.square(to), -1) - 2.0 * tf.matmul(at, to, transpose_b=True)  # [n, s]
    all_sure = tf.reduce_sum(sure, -1, keepdims=True)  # [n, 1]
    return tf.gather(sources, tf.argmin(squares + NEAR * all_sure * moved, -1, tf.int32))


def _places(level, middles):
    """Rows and columns, divided by the longer side: int32 [n] -> float32 [n, 2]."""
    longer = tf.cast(tf.maximum(level.height, level.width), tf.float32)
    return (
        tf.cast(tf.stack([middles // level.width, middles % level.width], -1), tf.float32) / longer
    )


def _patches(level, pixels, middles):
    """The patches around the places `middles`: float32 [h * w, 5] -> [n, 49 * 5]."""
    return tf.reshape(
        tf.gather(pixels, tf.expand_dims(middles, 1) + levels.offsets(level)),
        [-1, SIZE**2 * CHANNELS],
    )


def search(
    level: Level,
    described: tf.Tensor,
    matches: tf.Tensor,
    compared: tf.Tensor,
    tolerance: tf.Tensor,
    seed: tf.Tensor,
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Improves matches with those of the neighbours and with random places around.

    A match is stored as the move from a target to its source. A candidate is a move whose distance
    exceeds the nearest one found by at most the tolerance. Of the candidates, the move that most of
    the eight neighbours make is taken; among equals, the nearer one.

    described: float32 [h * w, d], the `features` of the estimate.
    matches: int32 [n], the source of each target.
    compared: bool [], whether the matches are the nearest of all. Then only the neighbours' moves
        are tried, in COHERING sweeps.
    tolerance: float32 [], a share of the squared distance of the nearest, or of MASKED times the
        squared roughness if that is less.
    seed: int32 [], of the random places.

    Returns: the matches, int32 [n], and their squared distances in BASIS, float32 [n].
    """
    height, width = level.height, level.width
    longer = tf.cast(tf.maximum(height, width), tf.float32)
    wanted = tf.gather(described, level.targets)  # [n, d]
    steps = tf.stack([1, -1, width, -width, width + 1, -width - 1, width - 1, 1 - width])
    around = tf.expand_dims(level.targets, 1) + steps  # [n, 8]; targets keep REACH from the border
    radii = longer / tf.constant(RADII, tf.float32)
    tries = tf.where(compared, 4, 4 + len(RADII))  # of one sweep
    last = tf.size(level.sources) - 1

    masked = MASKED / ROUGH**2 * tf.reduce_sum(tf.square(wanted[:, -2:]), -1)  # [n]

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
        near = tf.gather(
            levels.dense(level, moves, _NOWHERE), around
        )  # [n, 8], the neighbours' moves
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


def doubled(coarse: tf.Tensor, level: Level, number: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """The matches of the coarser level, int32 [h / 2, w / 2], with their moves doubled.

    Returns: the matches of this level, int32 [n], and whether they were sources, bool [n]. A match
        that was not is replaced by a random source.
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
        tf.shape(places), [number, NOTHING], 0, tf.size(sources), tf.int32
    )
    return tf.where(found, places, tf.gather(sources, drawn)), found
