"""The patch critic of Shift-Net, which scores patches of 70x70 pixels.

Input:   images [B, H, W, 3] in [-1, 1]. H and W are at least 24.
Output:  logits [B, H/8 - 2, W/8 - 2, 1]: 30 x 30 for 256 x 256, 13 x 13 for 120 x 120. The sigmoid
         is part of the loss.

Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017,
as the authors of Yan et al., Shift-Net, ECCV 2018, use it. Each convolution has a 4x4 kernel and
padding 1.

How the variants differ
  paper     Batch norm with the statistics of the batch, as in the authors' first code. So real and
            fake pictures are passed in separate calls.
  official  Instance norm and spectral norm, as in the code of the released weights.
"""

import tensorflow as tf

from tfinpaint.layers.batch_norm import BatchNorm
from tfinpaint.layers.spectral_conv import SpectralConv2D
from tfinpaint.networks.parts import NORMAL, instance_norm, leaky, make_weights


class ShiftCritic(tf.keras.Model):
    """See the top of the file.

    Args:
        width: channels of the first layer (paper: 64). They double up to 8 * width.
        variant: "paper" or "official".
    """

    def __init__(self, width=64, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.width, self.variant = width, variant
        rows = [(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1), (1, 1)]
        kind = SpectralConv2D if variant == "official" else tf.keras.layers.Conv2D
        self.convolutions = [
            kind(
                filters,
                4,
                strides,
                name=f"conv_{k}",
                dtype="float32" if k == len(rows) else None,
                kernel_initializer=NORMAL(0.0, 0.02),
            )
            for k, (filters, strides) in enumerate(rows, 1)
        ]
        self.norms = [self._norm(f"conv_{k}_norm") for k in (2, 3, 4)]
        make_weights(self, 3)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images
        for k, convolution in enumerate(self.convolutions):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            # H/2, H/4, H/8, H/8 - 1, H/8 - 2
            x = convolution(x, training) if self.variant == "official" else convolution(x)
            if 1 <= k <= 3:
                x = self.norms[k - 1](x, training=training)
            if k <= 3:
                x = leaky(x)
        return x

    def _norm(self, name):
        if self.variant == "official":
            return instance_norm(name)
        return BatchNorm(momentum=0.9, epsilon=1e-5, name=name)

    def get_config(self) -> dict:
        return {"width": self.width, "variant": self.variant}
