"""Texture for holes, taken from the known part of the photograph.

A network that sees a few hundred pixels cannot produce such texture.

    part = thick(hole)                        # bool [h, w, 1] -> bool [h, w, 1]
    filled = restore(picture, hole, part)     # float32 [h, w, 3], 0 to 255

The picture is the photograph with a guide in its hole. The guide is any fill, for example a
network's, reduced and enlarged. From coarse to fine, each patch of 7 x 7 pixels that touches the
hole is matched with a wholly known one. Each missing pixel becomes the weighted mean of the pixels
that the matched patches have at its place. Structure and colours stay those of the guide: the
estimate takes its low frequencies. In wide holes, the guide is first improved: its edges become
steep (edges.py), and what repeats in the photograph is continued (repetition.py). In the end, the
colours of both guides are mixed into the result. The improved one takes the texture's place where
they are far apart, and is used alone where something repeats for sure (trust.py).

Two measures keep the texture of a lawn from becoming smooth, or the same few blades repeated.
First, patches are also compared by how rough the photograph is around them, because the guide is
smooth. The hole is expected to be as rough as known places of the same colour. Second, several
patches may be about as near as the nearest. Of these, the one that continues the neighbours'
matches is taken, so that pieces of the photograph are copied, not the same patch everywhere.

Only standard TensorFlow operations are used, and one graph takes pictures of any size. The random
numbers are stateless, so the same photograph gives the same fill. Nothing is differentiable. Known
pixels never change. Constants are factors, not divisors, and squares are tf.square, not powers:
TensorFlow's graph optimizer turns the one into the other, whose last digits differ, and a fill is
to be the same with and without it.

References: Wexler et al., Space-time completion of video, 2007 (votes, coarse to fine); Barnes et
al., PatchMatch, 2009 (the search); He and Sun, Statistics of patch offsets for image completion,
2012 (what repeats); Osher and Rudin, Shock filters, 1990 (steep edges); Newson et al., Video
inpainting of complex scenes, 2014, section 3.3 (texture features); Ashikhmin, Synthesizing natural
textures, 2001 (coherent matches).
"""

import cv2
import numpy as np
import tensorflow as tf

from tfinpaint.painting.detail import edges, levels, repetition, search, trust, votes
from tfinpaint.painting.detail.levels import CHANNELS, SIZE
from tfinpaint.painting.detail.texture import contrast, roughness

THICK = 8  # pixels: a thinner hole is left to the guide
# Pixels: in thinner holes (strokes), the guide is reliable near the rim. Its certainty is 1 in the
# outermost pixel, where it is used alone, a half in the next one, and so on.
WIDE = 24
# Turns of search and vote, from the coarsest level on. Further levels have 2, the finest has 1.
TURNS = (4, 3, 3, 2)
# How much further than the nearest a match may be if it agrees with its neighbours' matches, at the
# coarsest level.
TOLERANCE = 1.0
STRICTER = 0.7  # the tolerance of a level, relative to that of the next coarser one
_COMPARED = 2**22  # pairs of patches: if a level has no more, all of them are compared
_COMPARED_TARGETS = 2**16  # the same limit for the patches that touch the hole
# Pixels of the largest level in which patches are searched. A larger level keeps the matches of the
# coarser one.
_SEARCHED = 2**22


@tf.autograph.experimental.do_not_convert
def thick(hole: tf.Tensor, than: int = THICK) -> tf.Tensor:
    """The part of a hole that is near a place thicker than `than` pixels (an even number).

    bool [h, w, 1] -> bool [h, w, 1].
    """
    known = tf.pad(1.0 - tf.cast(hole, tf.float32), levels.margins(than // 2), constant_values=1.0)
    inner = 1.0 - levels.highest(known[tf.newaxis], than + 1, "VALID")  # [1, h, w, 1]
    return tf.logical_and(levels.highest(inner, 2 * than + 1)[0] > 0, hole)


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
    hole:     bool [h, w, 1]. No texture is copied from it.
    part:     bool [h, w, 1], the part of the hole that is restored.

    If no patch is wholly known, the picture is returned unchanged.
    """
    first = levels.first_level(hole, tf.shape(picture)[:2])
    wanted = tf.logical_and(first >= 0, tf.reduce_any(part))
    return tf.where(
        part,
        tf.cond(wanted, lambda: _restore(picture, hole, part, first), lambda: picture),
        picture,
    )


def _restore(picture, hole, part, first):
    is_wide = thick(hole, WIDE)  # in strokes, the network is better than what repeats
    wide = tf.logical_and(part, is_wide)
    fill = picture
    picture = edges.sharpened(picture, hole, wide)
    picture, repeats = repetition.continued(picture, hole, wide)
    size = tf.shape(picture)[:2]
    scale = 2**first
    padded = (size + scale - 1) // scale * scale  # every level is exactly half of the finer one
    # [1, H, W, 2], uint8. Beyond the picture is hole that is not restored.
    maps = levels.padded(tf.concat([hole, part], -1), padded - size)
    whole = tf.concat([picture, search.ROUGH * roughness(picture, hole)], -1)[tf.newaxis]
    for axis, (old, new) in enumerate(zip(tf.unstack(size), tf.unstack(padded)), 1):
        # The last row and column are repeated.
        whole = tf.gather(whole, tf.minimum(tf.range(new), old - 1), axis=axis)  # [1, H, W, 5]

    def finer(number, estimate, matches):
        level = levels.level_of(whole, maps, padded, number)
        matches, found = search.doubled(matches, level, number)
        estimate = tf.where(level.part, tf.image.resize(estimate, level.size), level.picture)
        estimate, matches = _turns(
            level, votes.voted(level, estimate, matches, found), matches, number, first
        )
        return (
            number - 1,
            estimate,
            tf.reshape(levels.dense(level, matches, search.NOTHING), level.size),
        )

    shapes = [
        tf.TensorShape([]),
        tf.TensorShape([1, None, None, CHANNELS]),
        tf.TensorShape([None, None]),
    ]
    state = [first, whole, tf.fill([SIZE, SIZE], search.NOTHING)]
    estimate = tf.while_loop(
        lambda number, *_: number >= 0, finer, state, shapes, parallel_iterations=1
    )[1]
    texture = tf.slice(tf.squeeze(estimate, 0), [0, 0, 0], tf.shape(picture))
    near = levels.nearness(part[tf.newaxis])[0] / levels.FADING  # [h, w, 1], 1 in the first pixel
    certain = tf.where(is_wide, 0.0, tf.minimum(near, 1.0))
    return trust.mixed(fill, picture, texture, contrast(picture, hole), certain, repeats)


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
        matches, distances = search.search(
            level,
            search.features(estimate),
            tf.cond(few, lambda: search.exhaustive(level, estimate), lambda: matches),
            few,
            TOLERANCE * STRICTER ** tf.cast(above, tf.float32),
            1000 * number + done,
        )
        # Never 0, so that a pixel covered only by bad matches becomes their mean.
        alike = tf.maximum(
            tf.exp(-distances / tf.maximum(2.0 * tf.reduce_mean(distances), 1e-6)), 1e-6
        )
        return (
            done + 1,
            votes.with_lows(level, votes.voted(level, estimate, matches, alike), above),
            matches,
        )

    shapes = [tf.TensorShape([]), tf.TensorShape([1, None, None, CHANNELS]), tf.TensorShape([None])]
    return tf.while_loop(
        lambda done, *_: done < turns, turn, [0, estimate, matches], shapes, parallel_iterations=1
    )[1:]
