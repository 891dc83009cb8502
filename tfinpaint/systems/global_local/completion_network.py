"""The completion network: an encoder, dilated convolutions with a large receptive field, a decoder.

Inputs:  an image [B, H, W, 3] in [0, 1] and its hole [B, H, W, 1]. Pixels in the hole have no
         influence.
Output:  [B, H, W, 3] in [0, 1], not composited.
H and W are multiples of 4.

Source: Iizuka et al., Globally and Locally Consistent Image Completion, SIGGRAPH 2017, Table 1, and
the list of layers of the released network. Both variants have the same layers and weights:

                      paper (the authors' network)        official (the port, see system.py)
    order             convolution, norm, ReLU             convolution, ReLU, norm
    image             the mean pixel is subtracted        unchanged
    in the hole       0                                   the mean pixel

The mean pixel of the training photographs is a variable of the network. No step changes it;
checkpoints and exports have it.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers.up_conv import UpConv2D
from tfinpaint.networks.parts import make_weights
from tfinpaint.settings import SettingsError
from tfinpaint.systems.global_local.parts import activated, batch_norm, conv, initial, padded

PLACES2_MEAN = (
    0.45603489875793,
    0.44721376895905,
    0.41546452045441,
)  # red, green, blue, as released
ENCODER = 12  # the number of layers before the first that enlarges

# Table 1 without its last layer: channels divided by the width, kernel size, stride (1/2 for a
# transposed convolution), dilation.
_LAYERS = (
    (1, 5, 1, 1),
    (2, 3, 2, 1),
    (2, 3, 1, 1),
    (4, 3, 2, 1),
    (4, 3, 1, 1),
    (4, 3, 1, 1),
    (4, 3, 1, 2),
    (4, 3, 1, 4),
    (4, 3, 1, 8),
    (4, 3, 1, 16),
    (4, 3, 1, 1),
    (4, 3, 1, 1),
    (2, 4, 1 / 2, 1),
    (2, 3, 1, 1),
    (1, 4, 1 / 2, 1),
    (1 / 2, 3, 1, 1),
)


class CompletionNetwork(tf.keras.Model):
    """See the top of the file.

    Args:
        width: channels of the first layer (paper: 64).
        relu_first: whether the network is that of the right column above.

    Attributes:
        mean_pixel: float32 [3], red, green, blue in [0, 1]. Its initial value is that of the
            released network.
        frozen_norms: which batch norm layers keep their running statistics in training: "none",
            "encoder" (the first 12) or "all".

    Raises: SettingsError for a width that is not allowed.
    """

    def __init__(self, width=64, relu_first=False, **kwargs):
        # Pictures stay float32 even under mixed precision. Each layer casts its own inputs.
        super().__init__(autocast=False, **kwargs)
        if not isinstance(width, int) or width < 2:
            raise SettingsError(f"`width` is a whole number, at least 2. Got {width!r}")
        self.width, self.relu_first = width, relu_first
        self.frozen_norms = "none"
        self.mean_pixel = self.add_weight(
            "mean_pixel",
            (3,),
            initializer=tf.keras.initializers.Constant(PLACES2_MEAN),
            trainable=False,
            experimental_autocast=False,  # float32 even under mixed precision
            aggregation=tf.VariableAggregation.MEAN,
        )
        self.convolutions = [_layer(k, width, *row) for k, row in enumerate(_LAYERS, 1)]
        self.norms = [batch_norm(f"norm_{k}") for k in range(1, len(_LAYERS) + 1)]
        # The output layer computes in float32 even under mixed precision.
        self.last = conv(3, 3, f"conv_{len(_LAYERS) + 1}", dtype="float32")
        make_weights(self, 3, 1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.seen(*(tf.cast(x, tf.float32) for x in inputs))  # [B, H, W, 4]
        x = self.encode(x, training)  # [B, H/4, W/4, 256]
        for k in range(ENCODER, len(self.convolutions)):
            x = self.layer(k, x, training and self.frozen_norms != "all")
        # x: [B, H, W, 32]
        return tf.sigmoid(self.last(x))  # [B, H, W, 3]

    def seen(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """The input of the first layer, [B, H, W, 4]: the blanked image and the hole."""
        if self.relu_first:
            blanked = image * (1 - hole) + self.mean_pixel * hole
        else:
            blanked = (image - self.mean_pixel) * (1 - hole)
        return tf.concat([blanked, hole], -1)  # [B, H, W, 4]

    def encode(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The layers before the first that enlarges: [B, H, W, 4] -> [B, H/4, W/4, 4 * width]."""
        for k in range(ENCODER):
            x = self.layer(k, x, training and self.frozen_norms == "none")
        return x

    def layer(self, k: int, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Layer k, counted from 0, with its norm and ReLU."""
        convolution = self.convolutions[k]
        x = convolution(padded(x, convolution))
        return activated(x, self.norms[k], self.relu_first, training)

    def get_config(self) -> dict:
        return {"width": self.width, "relu_first": self.relu_first}


def _layer(k, width, channels, kernel_size, stride, dilation):
    filters = int(channels * width)
    if stride < 1:
        return UpConv2D(filters, name=f"up_{k}", kernel_initializer=initial())
    return conv(filters, kernel_size, f"conv_{k}", stride, dilation)
