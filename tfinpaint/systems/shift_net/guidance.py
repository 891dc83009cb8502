"""The guidance loss: the decoder's features in the hole should be the encoder's of the original.

Source: Yan et al., Shift-Net, ECCV 2018. The loss weights belong to a mean over all elements.

D are the decoder's features, T the encoder's features of the original, m is the hole, all at the
size of the shift layer, with N elements:

  paper     mean (m (D - T))^2, as in the authors' first code.
  official  mean (m D - T)^2, as in the code of the released weights. That code writes the gradient
            for D by hand as 2 (m D - T) / N, without the factor m of the chain rule. So where the
            picture is known the gradient is -2 T / N, whatever D is. The gradient here is the
            released one.
"""

import tensorflow as tf


def guidance(
    decoder: tf.Tensor, target: tf.Tensor, hole: tf.Tensor, variant: str = "paper"
) -> tf.Tensor:
    """The guidance loss, a scalar; see the top of the file.

    Args:
        decoder, target: D and T, [B, h, w, C]. The target gets no gradient.
        hole: [B, h, w, 1], 1 where missing.
        variant: "paper" or "official".
    """
    decoder = tf.cast(decoder, tf.float32)
    target = tf.stop_gradient(tf.cast(target, tf.float32))
    if variant == "paper":
        return tf.reduce_mean(tf.square(hole * (decoder - target)))
    difference = tf.stop_gradient(hole * decoder - target)
    # The value is 0. It only adds the released gradient.
    by_hand = tf.reduce_mean(2 * difference * (decoder - tf.stop_gradient(decoder)))
    return tf.reduce_mean(tf.square(difference)) + by_hand
