"""Spectrally normalised patch critics: that of the multistage attention network and DeepFill v2's.

Input:   images [B, H, W, C], in the range of the system that uses the critic.
Output:  multistage: one logit per patch, [B, h, w, 1], 30 x 30 for 256 x 256. (Table 3 of the paper
         says Ori / 8 = 32. But a 4x4 convolution with stride 1 and padding 1 shortens each side by
         one.) The paper's sigmoid is part of the loss, which takes logits.
         DeepFill v2: the output of the last layer, [B, H/64, W/64, 4 * width].

Sources: Table 3 of the multistage attention paper (2020); Yu et al., Free-Form Image Inpainting
         with Gated Convolution, 2019 (SN-PatchGAN).

Each call with training=True takes one step of the power iteration and overwrites the kernels with
the normalised ones. So a step passes real and fake pictures in one call, and the generator's step
calls the critic with training=False.
"""

import tensorflow as tf

from tfinpaint import addons
from tfinpaint.networks.parts import NORMAL, leaky


class PatchCritic(tf.keras.Model):
    """The critic of the multistage network.

    Args:
        width: channels of the first layer (paper: 64); they double up to 8 * width.
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        rows = [(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1), (1, 1)]
        self.convolutions = _spectral_convolutions(
            3, rows, 4, lambda: NORMAL(0.0, 0.02), padding="valid", use_bias=False
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images  # [B, H, W, 3]
        for k, convolution in enumerate(self.convolutions):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            x = convolution(x, training=training)  # H / 2, H / 4, H / 8, H / 8 - 1, H / 8 - 2
            if k < len(self.convolutions) - 1:
                x = leaky(x)
        return x

    def get_config(self) -> dict:
        return {"width": self.width}


class FreeFormCritic(tf.keras.Model):
    """The critic of DeepFill v2, which sees the hole beside the composite: images [B, H, W, 4].

    Args:
        width: channels of the first layer (paper: 64). The second has 2 * width, the other four
            have 4 * width.
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        rows = [(n * width, 2) for n in (1, 2, 4, 4, 4, 4)]
        self.convolutions = _spectral_convolutions(
            4, rows, 5, lambda: "glorot_uniform", padding="same"
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images  # [B, H, W, 4]
        for k, convolution in enumerate(self.convolutions):
            x = convolution(x, training=training)  # H / 2, ..., H / 64
            if k < len(self.convolutions) - 1:
                x = leaky(x)
        return x

    def get_config(self) -> dict:
        return {"width": self.width}


def _spectral_convolutions(channels, rows, kernel_size, initial, **kwargs):
    """Makes a convolution for each row (filters, strides).

    The last one computes in float32 even under mixed precision.

    channels: of the input.   initial: a function that makes an initializer. Each layer needs its
    own: a shared one would give all layers the same numbers.
    """
    layers = []
    for k, (filters, strides) in enumerate(rows, 1):
        conv = tf.keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            name=f"conv_{k}",
            dtype="float32" if k == len(rows) else None,
            kernel_initializer=initial(),
            **kwargs,
        )
        # The wrapper is float32 whatever the convolution computes in: it writes the normalised
        # kernel back, rounded to the wrapper's precision.
        layer = addons.SpectralNormalization(conv, name=f"conv_{k}_spectral", dtype="float32")
        with tf.name_scope(layer.name):
            layer.build([None, None, None, channels])
        layers.append(layer)
        channels = filters
    return layers
