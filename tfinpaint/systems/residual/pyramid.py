"""The network of the `residual` system: one small U-Net corrects a smooth fill at several sizes.

Inputs:  an image with missing pixels [B, H, W, 3] in [-1, 1], and its hole [B, H, W, 1].
Output:  [B, H, W, 3]: the image where it is known, and the fill in the hole, not clipped.
H and W are multiples of 8 * 2^(sizes - 1), 64 by default.

The known pixels are reduced to a pyramid, from which the fill is computed level by level from the
coarsest one (pull and push, smooth_fill.py). At 1/8, 1/4, 1/2 and the full size, the same U-Net
sees the fill that comes from the coarser level and computes a correction, which is added. A hole of
128 pixels has 16 pixels at 1/8 of the size. There its structure is decided, and the finer sizes
sharpen it. So the network learns from small training images how to fill large holes.

The U-Net, with c = width. A "block" is two 3x3 convolutions whose result is added to their input.
"skip" is the encoder's map of the same size.

    h/2      fill and hole, 2 x 2 pixels as channels of one cell | 3x3 2c
    h/4      3x3/2 4c | block
    h/8      3x3/2 6c | depth blocks, dilated 1, 2, 4, 8, 1, 2, ...; attention after half of them
    h/4      1x1 4c, doubled, + skip | block
    h/2, h   1x1 2c, doubled, + skip | block | 3x3 12: three channels of 2 x 2 pixels

The last convolution of each block starts at 0, and so does the last one of the network. So the
untrained network gives the smooth fill, and training learns corrections. There are no norms, so the
fill of a photograph does not depend on its batch or on running statistics, and training and filling
compute the same.

Parts can be replaced, to see what each contributes: the attention and the dilations can be left
out, and the mean colour of the known pixels can take the place of the smooth fill.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.shapes import double
from tfinpaint.networks.parts import leaky, make_weights
from tfinpaint.settings import SettingsError
from tfinpaint.systems.residual.known_attention import KnownAttention
from tfinpaint.systems.residual.smooth_fill import coarsest, pull, push

_DILATIONS = (1, 2, 4, 8)
_TURNS = 8  # relaxations on a level that is not corrected
# Relaxations on a corrected level. They smooth the steps between cells, and keep the structure.
_CORRECTED_TURNS = 2


class ResidualPyramid(tf.keras.Model):
    """See the top of the file.

    Args:
        width: c, at least 4.
        depth: blocks at 1/8 of the size, at least 2.
        sizes: number of sizes that are corrected, at least 1: the full size, 1/2, 1/4, 1/8, ...
        attends: whether the U-Net has the attention.
        dilated: whether the blocks at 1/8 of the size are dilated.
        first_fill: "smooth" or "mean".

    Call arguments: `[image, hole]`. `with_sizes=True` returns a pair for each size, from the
        smallest to the full size: the fill [B, h, w, 3], and the missing share of each pixel,
        [B, h, w, 1], from 0 to 1. `with_attention_maps=True` returns the output and a list with the
        attention map at the full size, of H/8 x W/8; for this and for `weights_at` see
        layers/attention_map.py.

    Raises: SettingsError for an argument that is not allowed.
    """

    def __init__(
        self,
        width=24,
        depth=6,
        sizes=4,
        attends=True,
        dilated=True,
        first_fill="smooth",
        **kwargs,
    ):
        # Pictures stay float32 even under mixed precision. Each layer casts its own inputs.
        super().__init__(autocast=False, **kwargs)
        for name, value, low in (("width", width, 4), ("depth", depth, 2), ("sizes", sizes, 1)):
            if not isinstance(value, int) or value < low:
                raise SettingsError(
                    f"`{name}` is a whole number, at least {low}, for residual. Got {value!r}"
                )
        if first_fill not in ("smooth", "mean"):
            raise SettingsError(f"`first_fill` is smooth or mean. Got {first_fill!r}")
        self.width, self.depth, self.sizes = width, depth, sizes
        self.attends, self.dilated, self.first_fill = attends, dilated, first_fill
        self.correction = Correction(width, depth, attends, dilated, name="correction")
        make_weights(self.correction, 3, 1)
        self.built = True  # all weights have been created

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_sizes: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        levels = pull(*(tf.cast(x, tf.float32) for x in inputs))
        filled = coarsest(levels)  # [B, 1, 1, 3], if no side is above 512 pixels
        if self.first_fill == "smooth":
            for k in reversed(range(self.sizes, len(levels) - 1)):
                filled = push(filled, *levels[k], _TURNS)
        else:
            mean = tf.reduce_mean(filled, [1, 2], keepdims=True)
            filled = mean + tf.zeros_like(levels[self.sizes][0])
        sizes, maps = [], None
        for k in reversed(range(self.sizes)):
            total, share = levels[k]  # [B, h, w, 3] and [B, h, w, 1]
            filled = push(filled, total, share, _CORRECTED_TURNS)  # [B, h, w, 3]
            if with_attention_maps and k == 0:
                added, maps = self.correction(
                    [filled, 1.0 - share], with_attention_maps=True, weights_at=weights_at
                )
            elif training:
                added = self.correction([filled, 1.0 - share], training=True)
            else:
                added = self._added(filled, 1.0 - share)
            filled += (1.0 - share) * added
            sizes.append((filled, 1.0 - share))
        if with_attention_maps:
            return filled, [maps] if self.attends else []
        return sizes if with_sizes else filled

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, channels]) for channels in (3, 1)],
        autograph=False,
    )
    def _added(self, filled, lacking):
        """Calls `correction` in a function that is traced once for all sizes."""
        return self.correction([filled, lacking], training=False)

    def get_config(self) -> dict:
        return {
            "width": self.width,
            "depth": self.depth,
            "sizes": self.sizes,
            "attends": self.attends,
            "dilated": self.dilated,
            "first_fill": self.first_fill,
        }


class Correction(tf.keras.layers.Layer):
    """The U-Net: `[fill, missing share]` -> correction; see the top of the file.

    The fill is float32 [B, h, w, 3] in [-1, 1], the missing share [B, h, w, 1] in [0, 1]. The
    correction, float32 [B, h, w, 3], is to be added to the fill. h and w are multiples of 8.
    """

    def __init__(self, width, depth, attends=True, dilated=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        c = width
        self.depth = depth
        self.first = _conv(2 * c, 3, "first")
        self.to_quarter = _conv(4 * c, 3, "to_quarter", strides=2)
        self.before = Block(4 * c, name="before")
        self.to_eighth = _conv(6 * c, 3, "to_eighth", strides=2)
        self.blocks = [
            Block(6 * c, _DILATIONS[k % len(_DILATIONS)] if dilated else 1, name=f"block_{k + 1}")
            for k in range(depth)
        ]
        self.attention = KnownAttention(2 * c, name="attention") if attends else None
        self.from_eighth = _conv(4 * c, 1, "from_eighth")
        self.after_quarter = Block(4 * c, name="after_quarter")
        self.from_quarter = _conv(2 * c, 1, "from_quarter")
        self.after_half = Block(2 * c, name="after_half")
        self.last = tf.keras.layers.Conv2D(
            12, 3, padding="same", kernel_initializer="zeros", name="last", dtype="float32"
        )

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        lacking = inputs[1]
        cells = tf.nn.space_to_depth(tf.concat(inputs, -1), 2)  # [B, h/2, w/2, 16]
        half = leaky(self.first(cells))  # [B, h/2, w/2, 2c]
        quarter = self.before(leaky(self.to_quarter(half)))  # [B, h/4, w/4, 4c]
        x = leaky(self.to_eighth(quarter))  # [B, h/8, w/8, 6c]
        maps = None
        for k, block in enumerate(self.blocks):
            if self.attention is not None and k == self.depth // 2:
                x = self.attention(
                    [x, lacking], with_attention_maps=with_attention_maps, weights_at=weights_at
                )
                if with_attention_maps:
                    x, maps = x
            x = block(x)
        x = self.after_quarter(double(self.from_eighth(x)) + quarter)  # [B, h/4, w/4, 4c]
        x = self.after_half(double(self.from_quarter(x)) + half)  # [B, h/2, w/2, 2c]
        added = tf.nn.depth_to_space(self.last(leaky(x)), 2)  # [B, h, w, 3]
        return (added, maps) if with_attention_maps else added


class Block(tf.keras.layers.Layer):
    """x + conv(leaky(conv(leaky(x)))), [B, H, W, filters] -> [B, H, W, filters].

    Both convolutions are 3x3. The first one is dilated; the second one starts at 0.
    """

    def __init__(self, filters, dilation_rate=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.dilation_rate = filters, dilation_rate
        self.first = _conv(
            filters,
            3,
            "first",
            kind=DilatedConv2D,
            dilation_rate=dilation_rate,
            dtype=self.dtype_policy,
        )
        self.second = _conv(
            filters, 3, "second", kernel_initializer="zeros", dtype=self.dtype_policy
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x + self.second(leaky(self.first(leaky(x))))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "dilation_rate": self.dilation_rate,
        }


class DilatedConv2D(tf.keras.layers.Conv2D):
    """Keras' Conv2D, with a faster dilated convolution when it is not training.

    Keras rearranges pixels into the batch and back, because on CPUs a dilated convolution may have
    no gradient. Filling needs no gradient, so it uses the operation itself, which takes less time
    and a tenth of the operations in the graph.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if training:
            return super().call(inputs)
        return tf.nn.bias_add(
            tf.nn.conv2d(inputs, self.kernel, 1, "SAME", dilations=self.dilation_rate), self.bias
        )


def _conv(
    filters,
    kernel_size,
    name,
    kernel_initializer="he_normal",
    kind=tf.keras.layers.Conv2D,
    **kwargs,
):
    return kind(
        filters,
        kernel_size,
        padding="same",
        kernel_initializer=kernel_initializer,
        name=name,
        **kwargs,
    )
