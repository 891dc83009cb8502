"""The guidance loss: what the decoder makes in the hole should be like the encoder's of the truth.

Source: Yan et al., Shift-Net, ECCV 2018. The weights belong to a mean over all elements.

With D the decoder's features, T the encoder's of the original, m the hole, all at the size of the
shift layer, and N elements:

  paper     mean (m (D - T))^2, as in the authors' first code.
  official  mean (m D - T)^2, as in the code of the released weights. There its gradient for D is
            written by hand, 2 (m D - T) / N: the factor m of the chain rule is missing. So D is
            pushed up where the picture is known, by 2 T / N whatever it is. The value here is the
            loss, the gradient the released one.
"""

import tensorflow as tf


def guidance(
    decoder: tf.Tensor, target: tf.Tensor, hole: tf.Tensor, variant: str = "paper"
) -> tf.Tensor:
    """A scalar, see the top of the file.

    Args:
        decoder, target: [B, h, w, C]. The target takes no gradient.
        hole: [B, h, w, 1], 1 where missing.
        variant: "paper" or "official".
    """
    decoder = tf.cast(decoder, tf.float32)
    target = tf.stop_gradient(tf.cast(target, tf.float32))
    if variant == "paper":
        return tf.reduce_mean(tf.square(hole * (decoder - target)))
    difference = tf.stop_gradient(hole * decoder - target)
    # Adds nothing but its gradient.
    by_hand = tf.reduce_mean(2 * difference * (decoder - tf.stop_gradient(decoder)))
    return tf.reduce_mean(tf.square(difference)) + by_hand
