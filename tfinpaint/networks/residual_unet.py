"""The network of the `residual` system: a U-Net without norms that corrects a smooth first fill.

Inputs:  an image with missing pixels [B, H, W, 3] in [-1, 1], and its hole [B, H, W, 1].
Output:  [B, H, W, 3]: the smooth fill of the image (layers/smooth_fill.py) plus what the network adds; not composited, not clipped.
H and W are multiples of 8.

With c = width, "block" two 3x3 convolutions whose result is added to what they were given:

    half       2 x 2 pixels of fill and hole as channels of one cell | 3x3 2c                        H/2
    quarter    3x3/2 4c | block                                                                      H/4
    eighth     3x3/2 6c | depth blocks, dilated 1, 2, 4, 8, 1, 2, ...; attention after half of them   H/8
    quarter    1x1 4c, enlarged, + what was there | block                                            H/4
    half       1x1 2c, enlarged, + what was there | block | 3x3 12: three channels of 2 x 2 pixels   H/2, H

Nothing is computed at the full size, which costs most and adds least. The last convolution of each block, and of all, begins at 0: the
network begins as the smooth fill, and learns what to add. Without norms a photograph's fill does not depend on its batch, nor on moving
averages, and training and filling compute the same.
"""

import tensorflow as tf

from tfinpaint.layers.known_attention import KnownAttention
from tfinpaint.layers.smooth_fill import smooth_fill
from tfinpaint.networks.parts import leaky, make_weights
from tfinpaint.settings import SettingsError

_DILATIONS = (1, 2, 4, 8)


class ResidualUNet(tf.keras.Model):
    """See the top of the file.

    Args:
        width: c, at least 4.
        depth: blocks at an eighth of the size, at least 2.

    Call arguments: `[image, hole]`; `with_attention=True` returns the output and a list with where each position looks, on a map of
        H/8 x W/8, to which `weights_at` adds, see layers/looks.py.
    """

    def __init__(self, width=32, depth=6, **kwargs):
        super().__init__(autocast=False, **kwargs)  # the picture stays float32 also under mixed precision; layers cast what they are given
        for name, value, low in (("width", width, 4), ("depth", depth, 2)):
            if not isinstance(value, int) or value < low:
                raise SettingsError(f"--{name} is a whole number, at least {low}, for residual. Got {value!r}")
        self.width, self.depth = width, depth
        c = width
        self.first = _conv(2 * c, 3, "first")
        self.to_quarter = _conv(4 * c, 3, "to_quarter", strides=2)
        self.before = Block(4 * c, name="before")
        self.to_eighth = _conv(6 * c, 3, "to_eighth", strides=2)
        self.blocks = [Block(6 * c, _DILATIONS[k % len(_DILATIONS)], name=f"block_{k + 1}") for k in range(depth)]
        self.attention = KnownAttention(2 * c, name="attention")
        self.from_eighth = _conv(4 * c, 1, "from_eighth")
        self.after_quarter = Block(4 * c, name="after_quarter")
        self.from_quarter = _conv(2 * c, 1, "from_quarter")
        self.after_half = Block(2 * c, name="after_half")
        self.last = tf.keras.layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros", name="last", dtype="float32")
        make_weights(self, 3, 1)

    def call(self, inputs, training=False, with_attention=False, weights_at=None):
        image, hole = inputs
        fill = smooth_fill(image, hole)  # [B, H, W, 3]
        cells = tf.nn.space_to_depth(tf.concat([fill, hole], -1), 2)  # [B, H/2, W/2, 16]
        half = leaky(self.first(cells))  # [B, H/2, W/2, 2c]
        quarter = self.before(leaky(self.to_quarter(half)))  # [B, H/4, W/4, 4c]
        x = leaky(self.to_eighth(quarter))  # [B, H/8, W/8, 6c]
        look = None
        for k, block in enumerate(self.blocks):
            if k == self.depth // 2:
                x = self.attention([x, hole], return_strongest=with_attention, weights_at=weights_at)
                if with_attention:
                    x, look = x
            x = block(x)
        x = self.after_quarter(_doubled(self.from_eighth(x)) + quarter)  # [B, H/4, W/4, 4c]
        x = self.after_half(_doubled(self.from_quarter(x)) + half)  # [B, H/2, W/2, 2c]
        output = fill + tf.nn.depth_to_space(self.last(leaky(x)), 2)  # [B, H, W, 3]
        return (output, [look]) if with_attention else output

    def get_config(self):
        return {"width": self.width, "depth": self.depth}


class Block(tf.keras.layers.Layer):
    """x + conv(leaky(conv(leaky(x)))), 3x3 each; the second one begins at 0. [B, H, W, filters] -> the same."""

    def __init__(self, filters, dilation_rate=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.dilation_rate = filters, dilation_rate
        self.first = _conv(filters, 3, "first", dilation_rate=dilation_rate, dtype=self.dtype_policy)
        self.second = _conv(filters, 3, "second", kernel_initializer="zeros", dtype=self.dtype_policy)

    def call(self, x):
        return x + self.second(leaky(self.first(leaky(x))))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "dilation_rate": self.dilation_rate}


def _conv(filters, kernel_size, name, kernel_initializer="he_normal", **kwargs):
    return tf.keras.layers.Conv2D(filters, kernel_size, padding="same", kernel_initializer=kernel_initializer, name=name, **kwargs)


def _doubled(x):
    """[B, H, W, C] -> [B, 2 H, 2 W, C]."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
