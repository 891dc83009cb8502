"""The U-Net of MUSICAL, with a dilated bottom, and multi-scale attention in the decoder.

Inputs:  an image with missing pixels [B, H, W, 3] in [-1, 1], 0 where missing, and its hole
         [B, H, W, 1].
Output:  [B, H, W, 3] in [-1, 1] (tanh), not composited.
H and W are multiples of 16, or of 2^depth with a strided bottom.

Source: Wang et al., MUSICAL, IJCAI 2019, section 3.1 and Figure 1. The sizes of the layers are
those of the released network:

    encode_1       4x4 / 2            -> H/2      64     no norm
    encode_2..4    4x4 / 2            -> H/16     128, 256, 512
    encode_5..8    3x3, 3x3 dilated   -> H/16     512    "stride 1 dilated convolution"; no norm
                                                         after the dilated one, none in 8
    decode_8..5    3x3                -> H/16     512
    decode_4, 3    4x4 transposed     -> H/4      256, 128
    attention                            H/4      128
    decode_2, 1    4x4 transposed     -> H        64, 3

Each decode_k but decode_8 sees [decode_(k+1), encode_k].

The text places attention "before the third last deconvolution layer, where the size of the feature
map is 64x64". But the map there is 32x32. Here the size decides: attention comes after decode_3.

Parts can be replaced, to see what each contributes:
    attention_kind   "1" or "3": one size of patches. "none": no attention; decode_2 sees decode_3
    bottom           "strided": a U-Net "reduced to 1x1 in the inner most layers", which the dilated
                     bottom replaces in the paper. Blocks 5..8 are like block 4, 4x4 / 2 -> H/256
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import MultiScaleAttention
from tfinpaint.networks.parts import conv, instance_norm, leaky, make_weights, up_conv
from tfinpaint.settings import SettingsError


class MusicalUNet(tf.keras.Model):
    """See the top of the file.

    Args:
        width: channels of encode_1 (paper: 64). They double up to 8 * width.
        variant: of the attention, "paper" or "official". In `official` a 3x3 convolution,
            `combine`, fuses the features with the output of the attention.
        depth: blocks (paper: 8).
        attention_kind: patches of the attention, "both", "1" or "3"; or "none".
        squeeze_excite: of the attention, see `MultiScaleAttention`.
        bottom: blocks 5 to `depth` are "dilated" or "strided".

    Call arguments: `[image, hole]`. `with_attention_maps=True` also returns a list of the attention
        maps of 1x1 and of 3x3 patches, of H/4 x W/4; for these and for `weights_at` see
        layers/attention_map.py.

    Raises: SettingsError for a width or depth that is not allowed.
    """

    def __init__(
        self,
        width=64,
        variant="paper",
        depth=8,
        attention_kind="both",
        squeeze_excite=True,
        bottom="dilated",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(width, int) or width < 1:
            raise SettingsError(f"`width` is a whole number, at least 1. Got {width!r}")
        if not isinstance(depth, int) or depth < 5:
            raise SettingsError(f"`depth` is a whole number, at least 5. Got {depth!r}")
        self.width, self.variant, self.depth = width, variant, depth
        self.attention_kind, self.squeeze_excite, self.bottom = (
            attention_kind,
            squeeze_excite,
            bottom,
        )

        def channels(level):
            return width * min(2 ** (level - 1), 8)

        strided = depth if bottom == "strided" else 4  # the last block that halves
        self.encoders = {
            str(k): conv(channels(k), 4, f"encode_{k}", strides=2)
            if k <= strided
            else conv(channels(k), 3, f"encode_{k}")
            for k in range(1, depth + 1)
        }
        self.dilated = {
            str(k): conv(channels(k), 3, f"encode_{k}_dilated", dilation_rate=2)
            for k in range(strided + 1, depth + 1)
        }
        self.encoder_norms = {str(k): instance_norm(f"encode_{k}_norm") for k in range(2, depth)}
        self.decoders = {
            str(k): up_conv(channels(k - 1), 4, f"decode_{k}")
            if k <= strided
            else conv(channels(k - 1), 3, f"decode_{k}")
            for k in range(depth, 1, -1)
        }
        # The output layer computes in float32 even under mixed precision.
        self.decoders["1"] = up_conv(3, 4, "decode_1", dtype="float32")
        self.decoder_norms = {
            str(k): instance_norm(f"decode_{k}_norm") for k in range(depth, 1, -1)
        }
        self.attention = self.combine = None
        if attention_kind != "none":
            self.attention = MultiScaleAttention(
                variant, attention_kind, squeeze_excite, name="attention"
            )
            if variant == "official":
                self.combine = conv(channels(2), 3, "combine")
        make_weights(self, 3, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        image, hole = inputs
        x = self.encoders["1"](tf.concat([image, 1 - hole], -1))  # [B, H/2, W/2, 64]
        skips, maps = {1: x}, []
        for k in range(2, self.depth + 1):
            # [B, H/2^k, W/2^k, C], from block 4 on [B, H/16, W/16, 512]
            x = self.encoders[str(k)](leaky(x))
            if k < self.depth:
                x = self.encoder_norms[str(k)](x)
            if str(k) in self.dilated:
                x = self.dilated[str(k)](leaky(x))
            skips[k] = x

        for k in range(self.depth, 0, -1):
            if k < self.depth:
                x = tf.concat([x, tf.cast(skips[k], x.dtype)], -1)
            # [B, H/16, W/16, 512], from block 4 on [B, H/2^(k-1), W/2^(k-1), C]
            x = self.decoders[str(k)](tf.nn.relu(x))
            if k > 1:
                x = self.decoder_norms[str(k)](x)
            if k == 3 and self.attention:
                # [B, H/4, W/4, 128]
                found = self.attention(
                    [x, hole], with_attention_maps=with_attention_maps, weights_at=weights_at
                )
                if with_attention_maps:
                    found, maps = found
                x = self.combine(tf.concat([x, found], -1)) if self.combine else found
        output = tf.tanh(x)
        return (output, maps) if with_attention_maps else output

    def get_config(self) -> dict:
        return {
            "width": self.width,
            "variant": self.variant,
            "depth": self.depth,
            "attention_kind": self.attention_kind,
            "squeeze_excite": self.squeeze_excite,
            "bottom": self.bottom,
        }
