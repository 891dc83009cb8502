"""The two U-Nets of coherent semantic attention: one fills the hole roughly, the other refines it.

Rough:       image [B, H, W, 3] in [-1, 1], whose hole has one colour -> [B, H, W, 3] in [-1, 1]
             (tanh).
Refinement:  two images as channels [B, H, W, 6], the image with the rough output in its hole and
             the image itself; and the hole [B, H, W, 1] -> [B, H, W, 3], linear.
H and W are multiples of 2^depth.

Source: Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019, section 3.1 and
Figure 2. The sizes and the order of the layers are those of the released networks. The attention is
in the third block, where the map has H/8 x W/8 cells.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.shapes import shape
from tfinpaint.networks.parts import NORMAL, conv, instance_norm, leaky, make_weights, up_conv
from tfinpaint.networks.unet import UNet
from tfinpaint.settings import SettingsError
from tfinpaint.systems.coherent_semantic.replacements import attention

ATTENTION = 3  # the number of the block with the attention, whose map has H / 2^3 rows


class RoughUNet(UNet):
    """The plain U-Net (networks/unet.py).

    Args:
        width: channels of encode_1 (paper: 64). They double up to 8 * width.
        depth: halvings (paper: 8).
    """

    def __init__(self, width=64, depth=8, **kwargs):
        super().__init__(width, depth, **kwargs)
        make_weights(self, 3)


class RefinementUNet(tf.keras.Model):
    """The refinement network.

    Block k of the encoder halves the size by a dilated 4x4 convolution that keeps the number of
    channels. A 3x3 convolution then doubles the channels. In the decoder a transposed 3x3
    convolution halves the channels, and a transposed 4x4 one doubles the size. The features of
    block 3 go through the attention before their norm. decode_k sees [decode_(k+1), encode_k].

    Args:
        width: channels of the first convolution (paper: 64). They double up to 8 * width.
        depth: halvings (paper: 8).
        variant: of the attention, "paper" or "official".
        attention_kind: the layer in block 3, see replacements.py.

    Call arguments: `[images, hole]`. `with_features=True` also returns the two maps
        [B, H/8, W/8, 8 * width] of the consistency loss: the encoder's after the attention, and the
        decoder's at the same place. `with_attention_maps=True` also returns a list of its attention
        maps, of H/8 x W/8; for these and for `weights_at` see layers/attention_map.py.
    """

    def __init__(self, width=64, depth=8, variant="paper", attention_kind="coherent", **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth, self.variant = width, depth, variant
        self.attention_kind = attention_kind

        def channels(level):
            return width * min(2**level, 8)

        blocks = range(1, depth + 1)
        self.first = conv(width, 3, "encode_0")
        self.dilated = {
            str(k): _DilatedHalving(channels(k - 1), name=f"encode_{k}_dilated") for k in blocks
        }
        self.dilated_norms = {
            str(k): instance_norm(f"encode_{k}_dilated_norm") for k in blocks if k < depth
        }
        self.encoders = {str(k): conv(channels(k), 3, f"encode_{k}") for k in blocks if k < depth}
        self.encoder_norms = {
            str(k): instance_norm(f"encode_{k}_norm") for k in blocks if k < depth
        }
        self.attention = attention(attention_kind, variant, channels(ATTENTION))
        self.decoders = {
            str(k): up_conv(channels(k - 1), 3, f"decode_{k}", strides=1)
            for k in blocks
            if k < depth
        }
        self.decoder_norms = {
            str(k): instance_norm(f"decode_{k}_norm") for k in blocks if k < depth
        }
        self.ups = {str(k): up_conv(channels(k - 1), 4, f"decode_{k}_up") for k in blocks}
        self.up_norms = {str(k): instance_norm(f"decode_{k}_up_norm") for k in blocks}
        self.last = up_conv(3, 3, "decode_0", strides=1, dtype="float32")
        make_weights(self, 6, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_features: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        images, hole = inputs
        x = self.first(images)  # [B, H, W, 64]
        skips, maps, attention_maps = {0: x}, [], []
        for k in range(1, self.depth + 1):
            x = self.dilated[str(k)](leaky(x))  # [B, H/2^k, W/2^k, C/2]
            if k < self.depth:
                # [B, H/2^k, W/2^k, C]
                x = self.encoders[str(k)](leaky(self.dilated_norms[str(k)](x)))
                if k == ATTENTION:
                    if self.attention_kind == "convolution":
                        x = self.attention(leaky(x))
                    elif self.attention:
                        x = self.attention(
                            [x, hole],
                            with_attention_maps=with_attention_maps,
                            weights_at=weights_at,
                        )
                        if with_attention_maps:
                            x, found = x
                            attention_maps.append(found)
                    maps.append(x)
                x = self.encoder_norms[str(k)](x)
            skips[k] = x

        for k in range(self.depth, 0, -1):
            if k < self.depth:
                if k == ATTENTION:
                    maps.append(x)
                # [B, H/2^k, W/2^k, C/2]
                x = self.decoder_norms[str(k)](
                    self.decoders[str(k)](tf.nn.relu(tf.concat([x, skips[k]], -1)))
                )
            # [B, H/2^(k-1), W/2^(k-1), C/2]
            x = self.up_norms[str(k)](self.ups[str(k)](tf.nn.relu(x)))
        output = self.last(tf.nn.relu(tf.concat([x, skips[0]], -1)))  # [B, H, W, 3]
        if with_attention_maps:
            return output, attention_maps
        return (output, maps) if with_features else output

    def get_config(self) -> dict:
        return {
            "width": self.width,
            "depth": self.depth,
            "variant": self.variant,
            "attention_kind": self.attention_kind,
        }


class CoherentSemanticUNets(tf.keras.Model):
    """Both networks, one after the other.

    Args:
        width, depth, variant, attention_kind: see `RefinementUNet`.
        detach_rough: whether the rough network gets no gradient from the refinement, as released.

    Call arguments: `[image, hole]`, image [B, H, W, 3] in [-1, 1] with one colour in its hole.
        Returns the refined output. With `with_stages=True` it returns the rough output, the
        refined output and the two maps of `RefinementUNet`. `with_attention_maps=True` is as for
        `RefinementUNet`.

    Raises: SettingsError for a width or depth that is not allowed.
    """

    def __init__(
        self,
        width=64,
        depth=8,
        variant="paper",
        detach_rough=False,
        attention_kind="coherent",
        **kwargs,
    ):
        # Pictures stay float32 even under mixed precision. Each layer casts its own inputs.
        super().__init__(autocast=False, **kwargs)
        if not isinstance(width, int) or width < 1:
            raise SettingsError(f"`width` is a whole number, at least 1. Got {width!r}")
        if not isinstance(depth, int) or depth <= ATTENTION:
            raise SettingsError(
                f"`depth` is a whole number, at least {ATTENTION + 1}, below where attention sits. "
                f"Got {depth!r}"
            )
        self.width, self.depth, self.variant = width, depth, variant
        self.detach_rough, self.attention_kind = detach_rough, attention_kind
        self.rough = RoughUNet(width, depth, name="rough")
        self.refine = RefinementUNet(width, depth, variant, attention_kind, name="refine")
        make_weights(self, 3, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_stages: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        image, hole = (tf.cast(x, tf.float32) for x in inputs)
        rough = self.rough(image)  # [B, H, W, 3]
        pasted = (tf.stop_gradient(rough) if self.detach_rough else rough) * hole + image * (
            1 - hole
        )
        refined = self.refine(
            [tf.concat([pasted, image], -1), hole],
            with_features=with_stages,
            with_attention_maps=with_attention_maps,
            weights_at=weights_at,
        )
        if with_stages:
            return (rough, *refined)
        return refined  # [B, H, W, 3]

    def get_config(self) -> dict:
        return {
            "width": self.width,
            "depth": self.depth,
            "variant": self.variant,
            "detach_rough": self.detach_rough,
            "attention_kind": self.attention_kind,
        }


class _DilatedHalving(tf.keras.layers.Layer):
    """A 4x4 convolution with stride 2, dilation 2 and padding 3.

    [B, H, W, C] -> [B, H/2, W/2, filters], H and W even. Keras does not allow stride and dilation
    together. But these windows see only rows and columns with odd indices, so this is a plain
    convolution of those.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(4, 4, int(input_shape[-1]), self.filters),
            initializer=NORMAL(0.0, 0.02),
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        b, h, w, c = shape(x)
        # The same as x[:, 1::2, 1::2], but seven times as fast. tf.slice and tf.pad have faster
        # gradients than x[a:b] and explicit padding. Rows are taken first, then columns, because
        # TFLite cannot slice a tensor of six axes.
        rows = tf.slice(tf.reshape(x, [b, h // 2, 2, w * c]), [0, 0, 1, 0], [b, h // 2, 1, w * c])
        odd = tf.slice(
            tf.reshape(rows, [b, h // 2, w // 2, 2 * c]), [0, 0, 0, c], [b, h // 2, w // 2, c]
        )
        padded = tf.pad(odd, [[0, 0], [2, 1], [2, 1], [0, 0]])  # [B, H/2 + 3, W/2 + 3, C]
        return tf.nn.bias_add(
            tf.nn.conv2d(padded, tf.cast(self.kernel, x.dtype), 1, "VALID"),
            tf.cast(self.bias, x.dtype),
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}
