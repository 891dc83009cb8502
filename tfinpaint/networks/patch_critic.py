"""Spectrally normalised patch critics: of the multistage attention network, and of DeepFill v2.

Input:   images [B, H, W, C], in the range of the system that uses it.
Output:  multistage: one logit per patch, [B, h, w, 1], 30 x 30 for 256 x 256. Its Table 3 says
         Ori / 8 = 32, and overlooks that a 4x4 window with padding 1 shortens a side by one. Its
         sigmoid belongs to the loss, which takes logits.
         DeepFill v2: the map of the last layer itself, [B, H/64, W/64, 4 * width].

Sources: Table 3 of the multistage attention paper (2020); Yu et al., Free-Form Image Inpainting
         with Gated Convolution, 2019 (SN-PatchGAN).

Each call with training=True takes one step of the power iteration that normalises the kernels, and
changes them. So real and fake pictures go through in one call, and the generator's step calls the
critic with training=False.
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
    """Convolutions from rows of (filters, strides).

    The last computes in float32 even under mixed precision.

    initial: makes an initializer. Each layer needs its own: a single one would give all layers the
        same numbers.
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
        # In float32, whatever the convolution computes in: the wrapper writes the normalised kernel
        # back, rounded to its own precision.
        layer = addons.SpectralNormalization(conv, name=f"conv_{k}_spectral", dtype="float32")
        with tf.name_scope(layer.name):
            layer.build([None, None, None, channels])
        layers.append(layer)
        channels = filters
    return layers
