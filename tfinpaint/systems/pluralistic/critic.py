"""The critic of pluralistic completion, which scores overlapping patches of a picture.

The system trains two: one for generated pictures, and one in whose scores reconstructed pictures
are compared with their originals.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019; sizes are those of the released
network. The attention of the released critic has a block that is never used, 475,521 of 1,575,075
parameters. It is left out here.
"""

import tensorflow as tf

from tfinpaint.networks.parts import make_weights
from tfinpaint.systems.pluralistic.attention import ShortTermAttention
from tfinpaint.systems.pluralistic.blocks import FirstBlock, ResidualBlock, act_of_sum
from tfinpaint.systems.pluralistic.networks import ATTENTION, channels
from tfinpaint.systems.pluralistic.spectral import SpectralConv2D


class PluralisticCritic(tf.keras.Model):
    """Pictures [B, H, W, 3] in [-1, 1] -> scores [B, H/2^depth - 2, W/2^depth - 2, 1].

    There are 6 x 6 scores for 256 x 256 pixels. H and W are at least 3 * 2^depth. The critic learns
    to score real pictures 1 and fake ones 0.

    Args:
        width: channels of the first block (paper: 32). They double up to 4 * width.
        depth: halvings (paper: 5).
    """

    def __init__(self, width=32, depth=5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.first = FirstBlock(width, name="first")
        self.blocks = [
            ResidualBlock(
                channels(width, k + 1), channels(width, k), halves=True, name=f"encode_{k}"
            )
            for k in range(depth - 1)
        ]
        self.attention = ShortTermAttention(name="attention")
        self.last = ResidualBlock(4 * width, name="last")
        self.score = SpectralConv2D(1, padding="valid", name="score")
        make_weights(self, 3)

    def call(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = self.first(pictures, training=training)  # [B, H/2, W/2, C]
        for k, block in enumerate(self.blocks):
            if k == ATTENTION - 1:
                x = self.attention(x)  # [B, H/8, W/8, C]
            x = block(x, training=training)  # [B, H/2^(k+2), W/2^(k+2), C]
        x = act_of_sum(self.last(x, training=training))
        return tf.cast(self.score(x, training=training), tf.float32)

    def get_config(self) -> dict:
        return {"width": self.width, "depth": self.depth}
