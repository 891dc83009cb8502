"""The global and the local critic of DeepFill v1.

Input:   images [B, S, S, 3] in [-1, 1] of one fixed size S.
Output:  one unbounded score per image, [B, 1].

Source: Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018, with the
released sizes: four 5x5 convolutions with stride 2, TensorFlow's 'SAME' padding and leaky ReLU,
then one dense layer. There are no norms: the gradient penalty needs scores that depend on one image
each.
"""

import tensorflow as tf

from tfinpaint.networks.parts import leaky, make_weights


class WassersteinCritic(tf.keras.Model):
    """See the top of the file.

    Args:
        side: S, in pixels.
        width: channels of the first layer (paper: 64). The second has 2 * width, the third
            4 * width, the fourth `last` * width.
        last: 4 in the global critic, 8 in the local one.
    """

    def __init__(self, side, width=64, last=4, **kwargs):
        super().__init__(**kwargs)
        self.side, self.width, self.last = side, width, last
        self.convolutions = [
            tf.keras.layers.Conv2D(n * width, 5, 2, "same", name=f"conv_{k}")
            for k, n in enumerate((1, 2, 4, last), 1)
        ]
        self.flatten = tf.keras.layers.Flatten()
        self.score = tf.keras.layers.Dense(1, name="score", dtype="float32")
        make_weights(self, 3, side=side)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images  # [B, S, S, 3]
        for convolution in self.convolutions:
            x = leaky(convolution(x))  # [B, S/2, S/2, 64], ...
        return self.score(self.flatten(x))  # [B, 1]

    def get_config(self) -> dict:
        return {"side": self.side, "width": self.width, "last": self.last}
