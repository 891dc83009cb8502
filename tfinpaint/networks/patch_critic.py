"""The spectrally normalised patch critic, Table 3 of the multistage attention paper (2020).

Input:   images [B, H, W, 3], in the range of the system that uses it.
Output:  one logit per patch, [B, h, w, 1]: 30 x 30 for 256 x 256 (the table's Ori / 8 = 32 forgets that a 4x4 window with padding 1
         shortens a side by one). The table's sigmoid belongs to the loss, which takes logits.

Each call with training=True takes one step of the power iteration that normalises the kernels, and changes them: so real and fake
go through in one call, and the generator's pass does not train.
"""

import tensorflow as tf

from tfinpaint.addons import SpectralNormalization


class PatchCritic(tf.keras.Model):
    """See the top of the file.

    Args:
        width: channels of the first layer (paper: 64); they double up to 8 * width.
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.convolutions = []
        channels = 3
        for k, (filters, strides) in enumerate([(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1), (1, 1)]):
            # Logits are computed in float32 also under mixed precision.
            conv = tf.keras.layers.Conv2D(filters, 4, strides, use_bias=False, name=f"conv_{k + 1}",
                                          dtype="float32" if filters == 1 else None,
                                          kernel_initializer=tf.keras.initializers.RandomNormal(0.0, 0.02))
            # In float32 whatever the convolution computes in: it writes the normalised kernel back, rounded to its own precision.
            layer = SpectralNormalization(conv, name=f"conv_{k + 1}_spectral", dtype="float32")
            with tf.name_scope(layer.name):
                layer.build([None, None, None, channels])
            self.convolutions.append(layer)
            channels = filters

    def call(self, images, training=False):
        x = images  # [B, H, W, 3]
        for k, convolution in enumerate(self.convolutions):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            x = convolution(x, training=training)  # H / 2, H / 4, H / 8, H / 8 - 1, H / 8 - 2
            if k < len(self.convolutions) - 1:
                x = tf.nn.leaky_relu(x, 0.2)
        return x

    def get_config(self):
        return {"width": self.width}
