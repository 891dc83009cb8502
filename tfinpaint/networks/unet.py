"""The plain U-Net of the pix2pix family: halvings down to one pixel, and as many doublings.

Input:   [B, H, W, C]. H and W are multiples of 2^depth.
Output:  [B, H, W, 3] in [-1, 1] (tanh).

    encode_1           conv
    encode_k           leaky ReLU, conv, instance norm (none in the last)
    decode_depth       ReLU, transposed conv, instance norm
    decode_k           [decode_(k+1), encode_k], ReLU, transposed conv, instance norm (none in 1)

All kernels are 4x4 with stride 2. Source: Isola et al., Image-to-Image Translation with Conditional
Adversarial Networks, CVPR 2017, in the form of CycleGAN's released code: instance norm, no dropout.
"""

from typing import Callable, Dict, Mapping, Optional

import tensorflow as tf

from tfinpaint.networks.parts import conv, instance_norm, leaky, up_conv


class UNet(tf.keras.Model):
    """See the top of the file. A subclass ends its constructor with `make_weights`.

    Args:
        width: channels of encode_1 (papers: 64). They double up to 8 * width.
        depth: number of halvings (papers: 8).
    """

    def __init__(self, width=64, depth=8, **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth = width, depth

        def channels(level):
            return width * min(2 ** (level - 1), 8)

        self.encoders = {
            str(k): conv(channels(k), 4, f"encode_{k}", strides=2) for k in range(1, depth + 1)
        }
        self.encoder_norms = {str(k): instance_norm(f"encode_{k}_norm") for k in range(2, depth)}
        self.decoders = {
            str(k): up_conv(channels(k - 1), 4, f"decode_{k}") for k in range(depth, 1, -1)
        }
        # The output layer computes in float32 even under mixed precision.
        self.decoders["1"] = up_conv(3, 4, "decode_1", dtype="float32")
        self.decoder_norms = {
            str(k): instance_norm(f"decode_{k}_norm") for k in range(depth, 1, -1)
        }

    def call(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.decode(self.encode(image))

    def encode(self, image: tf.Tensor, levels: Optional[int] = None) -> Dict[int, tf.Tensor]:
        """{k: output of encode_k after its norm, [B, H/2^k, W/2^k, C]}, for k from 1 to `levels`.

        `levels` is by default `depth`. The activation is the next layer's, and not included.
        """
        x = self.encoders["1"](image)  # [B, H/2, W/2, C]
        maps = {1: x}
        for k in range(2, (levels or self.depth) + 1):
            x = self.encoders[str(k)](leaky(x))  # [B, H/2^k, W/2^k, C]
            if k < self.depth:
                x = self.encoder_norms[str(k)](x)
            maps[k] = x
        return maps

    def decode(
        self,
        maps: Mapping[int, tf.Tensor],
        changes: Optional[Mapping[int, Callable[[tf.Tensor], tf.Tensor]]] = None,
    ) -> tf.Tensor:
        """The picture, [B, H, W, 3].

        Args:
            maps: what `encode` returns.
            changes: {k: function} that replaces the input of decode_k: its argument is the input
                after the ReLU, [B, H/2^k, W/2^k, C], and its result is what decode_k convolves.
        """
        x = maps[self.depth]
        for k in range(self.depth, 0, -1):
            if k < self.depth:
                x = tf.concat([x, maps[k]], -1)  # [B, H/2^k, W/2^k, 2C]
            x = tf.nn.relu(x)
            if changes and k in changes:
                x = changes[k](x)
            x = self.decoders[str(k)](x)  # [B, H/2^(k-1), W/2^(k-1), C]
            if k > 1:
                x = self.decoder_norms[str(k)](x)
        return tf.tanh(x)  # [B, H, W, 3]

    def get_config(self) -> dict:
        return {"width": self.width, "depth": self.depth}
