"""EdgeConnect's patch critic. The system has two: one for edges, one for pictures.

Source: Nazeri et al., EdgeConnect, ICCV workshops 2019, section 3; sizes as released. Each
convolution has a 4x4 kernel, padding 1 and no bias, and is spectrally normalised.
"""

from typing import List

import tensorflow as tf

from tfinpaint.layers.spectral_conv import SpectralConv2D
from tfinpaint.networks.parts import NORMAL, leaky, make_weights


class EdgeConnectCritic(tf.keras.Model):
    """Scores patches of 70x70 pixels.

    Images [B, H, W, C] -> five maps: [B, H/2, W/2, 64], [B, H/4, W/4, 128], [B, H/8, W/8, 256] and
    [B, H/8 - 1, W/8 - 1, 512] after their leaky ReLU, and the scores [B, H/8 - 2, W/8 - 2, 1]
    (logits). H and W are at least 24.

    Args:
        channels: C: 2 for grey and edges, 3 for pictures.
        width: channels of the first layer (paper: 64). They double up to 8 * width.
    """

    def __init__(self, channels, width=64, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.width = channels, width
        rows = [(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1), (1, 1)]
        self.convolutions = [
            SpectralConv2D(
                filters,
                4,
                strides,
                use_bias=False,
                kernel_initializer=NORMAL(0.0, 0.02),
                name=f"conv_{k}",
                dtype="float32" if k == len(rows) else None,
            )
            for k, (filters, strides) in enumerate(rows, 1)
        ]
        make_weights(self, channels)

    def call(self, images: tf.Tensor, training: bool = False) -> List[tf.Tensor]:
        x, maps = images, []
        for k, convolution in enumerate(self.convolutions):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            x = convolution(x, training=training)  # H/2, H/4, H/8, H/8 - 1, H/8 - 2
            if k < len(self.convolutions) - 1:
                x = leaky(x)
            maps.append(x)
        return maps

    def get_config(self) -> dict:
        return {"channels": self.channels, "width": self.width}
