"""The context encoder and its critic.

Sources: Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016, and its
released code for the centre square, which gives the sizes. Convolutions have 4x4 kernels and no
bias. Batch norm has PyTorch's (and torch7's) defaults: epsilon 1e-5, and momentum 0.9 in Keras'
convention.

Deviation from the text: the bottleneck of the paper is a fully connected layer for each channel. As
in the released code, it is a convolution over the whole map here, with 4,000 outputs.
"""

import tensorflow as tf

from tfinpaint.layers.batch_norm import BatchNorm
from tfinpaint.networks.parts import NORMAL, conv, leaky, make_weights, up_conv
from tfinpaint.systems.context_encoder.layers import Offset, PointToSquare, SquareToPoint

_INNERMOST = 4  # side of the last map before the bottleneck, in cells


class ContextEncoderNetwork(tf.keras.Model):
    """Predicts the centre of an image: [B, S, S, 3] in [-1, 1] -> [B, S/2, S/2, 3] (tanh).

    S is 4 * 2^depth, 128 with the paper's settings. The layers then have these channels:

        encoder     3 -> 64 -> 64 -> 128 -> 256 -> 512; each layer halves the size, down to 4 x 4
        bottleneck  -> 4,000 at a single position
        decoder     -> 512 at 4 x 4 -> 256 -> 128 -> 64 -> 3; each layer doubles the size, up to
                    64 x 64

    Batch norm follows each layer but the first and the last. Then comes leaky ReLU in the encoder
    (bottleneck included), ReLU in the decoder.

    Args:
        width: channels of the first layer (paper: 64).
        bottleneck: channels of the bottleneck (paper: 4000).
        depth: halvings of the encoder (paper: 5). The last encoder layer has 8 * width channels;
            each earlier one has half as many, at least `width`.

    Attributes:
        frozen_norms: which batch norm layers keep their running statistics in training: "none",
            "encoder" or "all".
    """

    def __init__(self, width=64, bottleneck=4000, depth=5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.bottleneck, self.depth = width, bottleneck, depth
        self.frozen_norms = "none"
        rising = [max(width, 8 * width >> (depth - k)) for k in range(1, depth + 1)]
        self.convolutions = [
            *(
                conv(filters, 4, f"encode_{k}", strides=2, use_bias=False)
                for k, filters in enumerate(rising, 1)
            ),
            SquareToPoint(
                bottleneck, _INNERMOST, name="bottleneck", kernel_initializer=NORMAL(0.0, 0.02)
            ),
            PointToSquare(
                rising[-1], _INNERMOST, name="decode_1", kernel_initializer=NORMAL(0.0, 0.02)
            ),
            *(
                up_conv(filters, 4, f"decode_{k}", use_bias=False)
                for k, filters in enumerate(rising[-2:0:-1], 2)
            ),
            # The output layer computes in float32 even under mixed precision.
            up_conv(3, 4, f"decode_{depth}", use_bias=False, dtype="float32"),
        ]
        names = [layer.name for layer in self.convolutions]
        self.norms = [batch_norm(name) for name in names[1:-1]]
        self.offsets = [
            Offset(name=f"{name}_offset", dtype="float32" if name == names[-1] else None)
            for name in names
        ]
        make_weights(self, 3, side=_INNERMOST * 2**depth)

    def call(
        self, images: tf.Tensor, training: bool = False, with_bottleneck: bool = False
    ) -> tf.Tensor:
        """See the class. With `with_bottleneck=True` it also returns [B, 1, 1, bottleneck]."""
        x, last = images, len(self.convolutions) - 1
        point = None
        for k, (convolution, offset) in enumerate(zip(self.convolutions, self.offsets)):
            x = offset(convolution(x))  # S / 2 ... 4, 1, 4 ... S / 2
            encoding = k <= self.depth
            if 0 < k < last:
                frozen = self.frozen_norms == "all" or (encoding and self.frozen_norms != "none")
                x = self.norms[k - 1](x, training=training and not frozen)
            x = leaky(x) if encoding else tf.nn.relu(x) if k < last else tf.tanh(x)
            if k == self.depth:
                point = x
        return (x, point) if with_bottleneck else x

    def get_config(self) -> dict:
        return {"width": self.width, "bottleneck": self.bottleneck, "depth": self.depth}


class CentreCritic(tf.keras.Model):
    """Scores the centre of an image: [B, C, C, 3] in [-1, 1] -> logits [B, 1].

    C is 4 * 2^halvings. The paper's sigmoid is part of the loss.

    Args:
        width: channels of the first layer (paper: 64); they double with each halving.
        halvings: convolutions with stride 2 (paper: 4, for 64 x 64 pixels).
    """

    def __init__(self, width=64, halvings=4, **kwargs):
        super().__init__(**kwargs)
        self.width, self.halvings = width, halvings
        self.convolutions = [
            conv(width << k, 4, f"conv_{k + 1}", strides=2, use_bias=False) for k in range(halvings)
        ]
        self.norms = [batch_norm(f"conv_{k}") for k in range(2, halvings + 1)]
        self.score = SquareToPoint(
            1, _INNERMOST, name="score", kernel_initializer=NORMAL(0.0, 0.02), dtype="float32"
        )
        make_weights(self, 3, side=_INNERMOST * 2**halvings)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images
        for k, convolution in enumerate(self.convolutions):
            x = convolution(x)  # C / 2 ... 4
            if k:
                x = self.norms[k - 1](x, training=training)
            x = leaky(x)
        return self.score(x)[:, 0, 0]  # [B, 1]

    def get_config(self) -> dict:
        return {"width": self.width, "halvings": self.halvings}


def batch_norm(name: str) -> tf.keras.layers.Layer:
    """Batch norm for the layer `name`, as in torch7. Its scale starts from N(1, 0.02)."""
    return BatchNorm(
        momentum=0.9, epsilon=1e-5, name=f"{name}_norm", gamma_initializer=NORMAL(1.0, 0.02)
    )
