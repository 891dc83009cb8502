"""How much of fill, guide and texture is in the result, place by place.

Three guesses are mixed: the network's fill; the guide, which is the fill with steeper edges
(edges.py) or, where something repeats, moved pieces of the photograph (repetition.py); and the
texture. The mean of two guesses is nearer to the truth, but the fill is smooth: a mean of fill and
texture has less contrast than a photograph, like something seen through haze. So colours over some
distance, in which the network is good, are the mean of fill and guide, and details are texture.

Where the texture does not belong (a bright ledge in a grey sky), its colours, averaged over a few
pixels, are far from the guide's. There the guide takes the texture's place. Where something repeats
for sure, the guide is used alone: texture would be out of step with it, and the fill would take its
contrast.
"""

import tensorflow as tf

from tfinpaint.painting.detail import levels

# Share of the fill in the finest frequencies where nothing repeats. The rest of them, and all
# frequencies between them and the lowest, are texture, or the guide where the texture is wrong. The
# lowest are the mean of fill and guide.
FINEST = 0.15
# The finest frequencies are what means over squares of this side (pixels), taken twice, take away.
FINE = 3
# The lowest are what such means over 5 x 5 pixels leave of the picture when it has been
# reduced to this longer side (pixels).
ACROSS = 192
# The guide takes more of the texture's place the more their smoothed colours differ. A difference
# up to ALLOWED times the expected contrast of the texture has no effect. At WRONG grey levels more,
# nothing of the texture is left.
ALLOWED, WRONG = 0.45, 50.0


def mixed(
    fill: tf.Tensor,
    guide: tf.Tensor,
    texture: tf.Tensor,
    contrast: tf.Tensor,
    certain: tf.Tensor,
    repeats: tf.Tensor,
) -> tf.Tensor:
    """A mixture of fill, guide and texture at each place: float32 [h, w, 3].

    fill, guide, texture:  float32 [h, w, 3], 0 to 255: the network's fill, the guide that was made
                     from it, and the texture. They are equal outside the hole.
    contrast:        float32 [h, w, 1], the expected contrast of the texture (texture.py).
    certain:         float32 [h, w, 1], the certainty of the fill, 0 to 1. At 1 it is used alone.
    repeats:         float32 [h, w, 1], how sure it is that the guide repeats the photograph, 0 to
                     1. At 1 it is used alone, but for a certain fill.
    """
    apart = levels.smoothed((texture - guide)[tf.newaxis])  # [1, h, w, 3]
    apart = levels.smoothed(tf.reduce_max(tf.abs(apart), -1, keepdims=True))[0]  # [h, w, 1]
    wrong = tf.clip_by_value((apart - ALLOWED * contrast) * (1 / WRONG), 0.0, 1.0)
    trusted = texture + tf.maximum(wrong, repeats) * (guide - texture)
    finest = trusted - fill
    finest -= levels.smoothed(finest[tf.newaxis], FINE)[0]
    # What makes room for some of the fill, and for the mean of fill and guide.
    given_up = FINEST * finest + _lowest(trusted - 0.5 * (fill + guide))
    best = trusted - (1.0 - repeats) * given_up
    return fill + (1.0 - certain) * (best - fill)


def _lowest(picture):
    """The lowest frequencies of float32 [h, w, 3]."""
    size = tf.shape(picture)[:2]
    small = tf.maximum(size * ACROSS // tf.maximum(tf.reduce_max(size), ACROSS), 1)
    return levels.lows(picture[tf.newaxis], small)[0]
