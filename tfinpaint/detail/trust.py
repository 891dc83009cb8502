"""How much of the guide is mixed into the texture, place by place.

Texture is a guess, and the mean of two guesses is nearer to the truth. Where the texture has found
what does not belong there (a bright ledge under a grey sky), its colours over a few pixels are far
from the guide's, and there the guide is kept.
"""

import tensorflow as tf

from tfinpaint.detail import levels

LEAST = 0.2  # share of the guide where the two agree
# The share rises by how far their smoothed colours are apart, in grey levels: from AGREE, and
# ROUGHER more for each level of roughness (rough texture differs from a smooth guide by right), it
# takes WRONG to the guide alone.
AGREE, ROUGHER, WRONG = 10.0, 0.25, 40.0


def mixed(guide: tf.Tensor, texture: tf.Tensor, rough: tf.Tensor) -> tf.Tensor:
    """Guide and texture in one, between the two at each place.

    guide, texture:  float32 [h, w, 3], 0 to 255. They are equal outside the hole.
    rough:           float32 [h, w, 2], the roughness that is expected across and down, in grey
                     levels for one pixel.
    """
    apart = levels.smoothed((texture - guide)[tf.newaxis])  # [1, h, w, 3]
    apart = levels.smoothed(tf.reduce_max(tf.abs(apart), -1, keepdims=True))[0]  # [h, w, 1]
    excess = apart - AGREE - ROUGHER * tf.reduce_mean(rough, -1, keepdims=True)
    share = LEAST + (1.0 - LEAST) * tf.clip_by_value(excess / WRONG, 0.0, 1.0)
    return texture + share * (guide - texture)
