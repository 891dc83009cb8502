"""The global and the local critic of globally and locally consistent completion, with one score.

Inputs:  images [B, S, S, 3] and windows of them [B, L, L, 3], both in [0, 1]. S is fixed; L is
         `local_side(S)`.
Output:  one logit per image, [B, 1]. The paper's sigmoid is part of the loss.

Source: Iizuka et al., Globally and Locally Consistent Image Completion, SIGGRAPH 2017, Table 2.
Each critic halves its input by 5x5 convolutions to a map of about 4 x 4, from which a dense layer
computes 1024 features. One more dense layer computes the score from the features of both critics.

    image          window        convolutions (global, local)    parameters
    256 (paper)    128           6, 5                            45,063,681
    160 (CelebA)    96           5, 5                            39,557,121
Other sizes follow the same rules: a window of half the side, rounded up to a multiple of 32, and
round(log2(side / 4)) convolutions.
"""

import math
from typing import Any

import tensorflow as tf

from tfinpaint.networks.parts import make_weights
from tfinpaint.systems.global_local.parts import activated, batch_norm, conv, initial, padded


def local_side(side: int) -> int:
    """The side of the local critic's window, for images of side `side`, both in pixels."""
    return min(32 * math.ceil(side / 64), side)


def halvings(side: int) -> int:
    """The number of convolutions of a critic for inputs of side `side`, in pixels."""
    return max(1, round(math.log2(side / 4)))


class Description(tf.keras.Model):
    """One critic without the score: images [B, S, S, 3] -> features [B, 16 * width], after a ReLU.

    Args:
        side: S, in pixels.
        width: channels of the first layer (paper: 64). They double up to 8 * width.
        relu_first: whether the ReLU comes before the norm.
    """

    def __init__(self, side, width=64, relu_first=False, **kwargs):
        super().__init__(**kwargs)
        self.side, self.width, self.relu_first = side, width, relu_first
        numbers = range(1, halvings(side) + 1)
        self.convolutions = [
            conv(width * min(2 ** (k - 1), 8), 5, f"conv_{k}", strides=2) for k in numbers
        ]
        self.norms = [batch_norm(f"norm_{k}") for k in numbers]
        self.flatten = tf.keras.layers.Flatten()
        self.dense = tf.keras.layers.Dense(16 * width, name="dense", kernel_initializer=initial())
        make_weights(self, 3, side=side)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images  # [B, S, S, 3]
        for convolution, norm in zip(self.convolutions, self.norms):
            x = convolution(padded(x, convolution))  # [B, S/2, S/2, 64], ...
            x = activated(x, norm, self.relu_first, training)
        return tf.nn.relu(self.dense(self.flatten(x)))  # [B, 1024]

    def get_config(self) -> dict:
        return {"side": self.side, "width": self.width, "relu_first": self.relu_first}


class JoinedCritics(tf.keras.Model):
    """Both critics and the score; see the top of the file.

    Args:
        side: S, in pixels.
        width, relu_first: see `Description`.

    Attributes:
        side, window_side: S and L.
        whole, window: the global and the local critic, without the score.
    """

    def __init__(self, side, width=64, relu_first=False, **kwargs):
        super().__init__(**kwargs)
        self.side, self.width, self.relu_first = side, width, relu_first
        self.window_side = local_side(side)
        self.window = Description(self.window_side, width, relu_first, name="window")
        self.whole = Description(side, width, relu_first, name="whole")
        self.score = tf.keras.layers.Dense(
            1, name="score", dtype="float32", kernel_initializer=initial()
        )
        self.score.build([None, 32 * width])
        self.built = True  # its parts are built

    def call(self, inputs: Any, training: bool = False) -> Any:
        images, windows = inputs  # [B, S, S, 3], [B, L, L, 3]
        described = [
            self.window(windows, training=training),
            self.whole(images, training=training),
        ]
        return self.score(tf.concat(described, -1))  # [B, 1]

    def get_config(self) -> dict:
        return {"side": self.side, "width": self.width, "relu_first": self.relu_first}
