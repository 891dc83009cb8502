"""How much of the guide is mixed into the texture, place by place.

Texture is a guess, and the mean of two guesses is nearer to the truth. Where the texture has found
what does not belong there (a bright ledge under a grey sky), its colours over a few pixels are far
from the guide's, and there the guide is kept.
"""

import tensorflow as tf

from tfinpaint.painting.detail import levels

LEAST = 0.2  # share of the guide where the two agree
# The share rises by how far their smoothed colours are apart. They may be apart by ALLOWED times
# the contrast that is expected of the texture; WRONG grey levels more, and the guide stands alone.
ALLOWED, WRONG = 0.6, 50.0


def mixed(
    guide: tf.Tensor, texture: tf.Tensor, contrast: tf.Tensor, certain: tf.Tensor
) -> tf.Tensor:
    """Guide and texture in one, between the two at each place.

    guide, texture:  float32 [h, w, 3], 0 to 255. They are equal outside the hole.
    contrast:        float32 [h, w, 1], what is expected of the texture (texture.py).
    certain:         float32 [h, w, 1], the share of the guide that needs no comparison, 0 to 1.
    """
    apart = levels.smoothed((texture - guide)[tf.newaxis])  # [1, h, w, 3]
    apart = levels.smoothed(tf.reduce_max(tf.abs(apart), -1, keepdims=True))[0]  # [h, w, 1]
    excess = apart - ALLOWED * contrast
    share = LEAST + (1.0 - LEAST) / WRONG * tf.clip_by_value(excess, 0.0, WRONG)
    share += (1.0 - share) * certain
    return texture + share * (guide - texture)
