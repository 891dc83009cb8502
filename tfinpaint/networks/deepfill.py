"""The coarse-to-fine network of DeepFill, v1 with plain and v2 with gated convolutions.

Inputs:  an image with missing pixels [B, H, W, 3] in [-1, 1], 0 where missing, and its hole
         [B, H, W, 1].
Output:  [B, H, W, 3] in [-1, 1], not composited: clipped in v1, tanh in v2.
H and W are multiples of 8.

Sources
  [1] Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018 (v1): Figure 2 and
      the released code.
  [2] Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019 (v2).

The layers, with c = width. They have ELU activations and no norms. Kernels are 3x3 unless another
size is given, "/2" means stride 2, and "up" doubles the map by repetition and convolves it. Numbers
are channels. Coarse sees the image; refine and attend see the image with the coarse output in its
hole; merge sees [refine, attend].

    coarse   5x5 c | /2 2c | 2c | /2 4c | 4c | 4c | dilated 2, 4, 8, 16: 4c | 4c | 4c
             | up 2c | 2c | up c | c/2 | 3
    refine   5x5 c | /2 c | 2c | /2 2c | 4c | 4c | dilated 2, 4, 8, 16: 4c
    attend   5x5 c | /2 c | 2c | /2 4c | 4c | 4c (ReLU) | contextual attention | 4c | 4c
    merge    4c | 4c | up 2c | 2c | up c | c/2 | 3

In v2 the convolutions have the same numbers of channels, half of which are gates. Layers are
numbered as in the released networks. Without attention there is no `attend`, and merge sees refine
alone. Padding is TensorFlow's 'SAME', as released. In v1 both stages see two more channels, ones
and the hole; in v2 only the coarse stage does.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import ContextualAttention, GatedConv2D
from tfinpaint.layers.doubled_conv import DoubledConv2D, DoubledGatedConv2D
from tfinpaint.networks.parts import make_weights
from tfinpaint.settings import SettingsError


class DeepFill(tf.keras.Model):
    """See the top of the file.

    Args:
        width: c (paper: 32 in v1, 48 in v2), a multiple of 4.
        gated: whether the network is v2.
        attends: whether the refinement has the branch with contextual attention.

    Call arguments: `[image, hole]`, see the top of the file. `with_stages=True` returns the coarse
        and the refined output. `with_attention_maps=True` returns the refined output and a list of
        its attention maps, of H/8 x W/8; for these and for `weights_at` see
        layers/attention_map.py.

    Raises: SettingsError if `width` is not a multiple of 4.
    """

    def __init__(self, width=32, gated=False, attends=True, **kwargs):
        # Pictures stay float32 even under mixed precision. Each layer casts its own inputs.
        super().__init__(autocast=False, **kwargs)
        if not isinstance(width, int) or width < 4 or width % 4:
            raise SettingsError(f"`width` is a multiple of 4 for DeepFill. Got {width!r}")
        self.width, self.gated, self.attends = width, gated, attends
        c = width
        # fmt: off
        self.coarse = self._convolutions("coarse", 1, [
            (c, 5), (2 * c, 3, 2), (2 * c,), (4 * c, 3, 2), (4 * c,), (4 * c,),
            (4 * c, 3, 1, 2), (4 * c, 3, 1, 4), (4 * c, 3, 1, 8), (4 * c, 3, 1, 16),
            (4 * c,), (4 * c,), (2 * c, "up"), (2 * c,), (c, "up"), (c // 2,)])
        self.refine = self._convolutions("refine", 1, [
            (c, 5), (c, 3, 2), (2 * c,), (2 * c, 3, 2), (4 * c,), (4 * c,),
            (4 * c, 3, 1, 2), (4 * c, 3, 1, 4), (4 * c, 3, 1, 8), (4 * c, 3, 1, 16)])
        if attends:
            self.attend = self._convolutions("attend", 1, [
                (c, 5), (c, 3, 2), (2 * c,), (4 * c, 3, 2), (4 * c,), (4 * c, 3, 1, 1, "relu")])
            self.attention = ContextualAttention(
                patch_size=3, rate=2, fuse=3, softmax_scale=10.0, name="attention")
            self.after = self._convolutions("attend", 9, [(4 * c,), (4 * c,)])
        self.merge = self._convolutions("merge", 11, [
            (4 * c,), (4 * c,), (2 * c, "up"), (2 * c,), (c, "up"), (c // 2,)])
        # fmt: on
        # The output layers have no gate. They compute in float32 even under mixed precision.
        self.coarse_output = tf.keras.layers.Conv2D(
            3, 3, padding="same", name="coarse_17", dtype="float32"
        )
        self.refined_output = tf.keras.layers.Conv2D(
            3, 3, padding="same", name="merge_17", dtype="float32"
        )
        make_weights(self, 3, 1)

    def _convolutions(self, name, first, rows):
        """Makes a layer for each row (channels, kernel size, stride, dilation, activation).

        A row may be shorter: the defaults are 3, 1, 1 and "elu". A row (channels, "up") doubles the
        map. Numbers in names count from `first`.
        """
        layers = []
        for number, row in enumerate(rows, first):
            if row[1:] == ("up",):
                up, channels = (
                    (DoubledGatedConv2D, row[0] // 2) if self.gated else (DoubledConv2D, row[0])
                )
                layers.append(up(channels, activation="elu", name=f"{name}_{number}"))
                continue
            channels, kernel, stride, dilation, activation = row + (3, 1, 1, "elu")[len(row) - 1 :]
            if self.gated:
                layer = GatedConv2D(
                    channels // 2, kernel, stride, dilation, activation, name=f"{name}_{number}"
                )
            else:
                layer = tf.keras.layers.Conv2D(
                    channels,
                    kernel,
                    stride,
                    "same",
                    dilation_rate=dilation,
                    activation=activation,
                    name=f"{name}_{number}",
                )
            layers.append(layer)
        return layers

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_stages: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        image, hole = (tf.cast(x, tf.float32) for x in inputs)
        ones = tf.ones_like(hole)  # with zero padding, they show a convolution where the image ends

        # 1. Coarse.
        x = tf.concat([image, ones, hole], -1)  # [B, H, W, 5]
        for layer in self.coarse[:12]:
            x = layer(x)  # [B, H/4, W/4, 4c]
        # [B, H, W, 3]
        coarse = self._picture(self._enlarge(x, self.coarse[12:], self.coarse_output))

        # 2. Refinement: two branches, one of which attends.
        pasted = coarse * hole + image * (1 - hole)
        seen = pasted if self.gated else tf.concat([pasted, ones, hole], -1)
        x, maps = seen, []
        for layer in self.refine:
            x = layer(x)  # [B, H/4, W/4, 4c]
        if self.attends:
            attended = seen
            for layer in self.attend:
                attended = layer(attended)  # [B, H/4, W/4, 4c]
            attended = self.attention(
                [attended, hole], with_attention_maps=with_attention_maps, weights_at=weights_at
            )
            if with_attention_maps:
                attended, map_ = attended
                maps.append(map_)
            for layer in self.after:
                attended = layer(attended)
            x = tf.concat([x, attended], -1)  # [B, H/4, W/4, 8c]
        for layer in self.merge[:2]:
            x = layer(x)  # [B, H/4, W/4, 4c]
        # [B, H, W, 3]
        output = self._picture(self._enlarge(x, self.merge[2:], self.refined_output))
        if with_attention_maps:
            return output, maps
        return (coarse, output) if with_stages else output

    def _enlarge(self, x, layers, last):
        up_1, keep, up_2, thin = layers
        x = keep(up_1(x))  # [B, H/2, W/2, 2c]
        return last(thin(up_2(x)))  # [B, H, W, 3]

    def _picture(self, x):
        return tf.tanh(x) if self.gated else tf.clip_by_value(x, -1.0, 1.0)

    def get_config(self) -> dict:
        return {"width": self.width, "gated": self.gated, "attends": self.attends}
