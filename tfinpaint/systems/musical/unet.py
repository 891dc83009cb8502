"""The U-Net of MUSICAL, with a bottom that is not reduced, and multi-scale attention on the way up.

Inputs:  an image with missing pixels [B, H, W, 3] in [-1, 1], 0 where missing, and its hole
         [B, H, W, 1].
Output:  [B, H, W, 3] in [-1, 1] (tanh), not composited.
H and W are multiples of 16.

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
map is 64x64". But there the map has 32x32. The size is kept: attention comes after decode_3.
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
        variant: of the attention, "paper" or "official". The latter brings the features back in by
            a 3x3 convolution, `combine`.

    Call arguments: `[image, hole]`. `with_attention_maps=True` also returns a list of the attention
        maps of 1x1 and of 3x3 patches, of H/4 x W/4; for these and for `weights_at` see
        layers/attention_map.py.
    """

    def __init__(self, width=64, variant="paper", **kwargs):
        super().__init__(**kwargs)
        if not isinstance(width, int) or width < 1:
            raise SettingsError(f"`width` is a whole number, at least 1. Got {width!r}")
        self.width, self.variant = width, variant

        def channels(level):
            return width * min(2 ** (level - 1), 8)

        levels = range(1, 9)
        self.encoders = {
            str(k): conv(channels(k), 4 if k < 5 else 3, f"encode_{k}", strides=2 if k < 5 else 1)
            for k in levels
        }
        self.dilated = {
            str(k): conv(channels(k), 3, f"encode_{k}_dilated", dilation_rate=2)
            for k in range(5, 9)
        }
        self.encoder_norms = {str(k): instance_norm(f"encode_{k}_norm") for k in range(2, 8)}
        self.decoders = {str(k): conv(channels(k - 1), 3, f"decode_{k}") for k in range(8, 4, -1)}
        self.decoders.update(
            {str(k): up_conv(channels(k - 1), 4, f"decode_{k}") for k in (4, 3, 2)}
        )
        # The picture itself is computed in float32 even under mixed precision.
        self.decoders["1"] = up_conv(3, 4, "decode_1", dtype="float32")
        self.decoder_norms = {str(k): instance_norm(f"decode_{k}_norm") for k in range(8, 1, -1)}
        self.attention = MultiScaleAttention(variant, name="attention")
        self.combine = conv(channels(2), 3, "combine") if variant == "official" else None
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
        for k in range(2, 9):
            # [B, H/2^k, W/2^k, C], from block 4 on [B, H/16, W/16, 512]
            x = self.encoders[str(k)](leaky(x))
            if k < 8:
                x = self.encoder_norms[str(k)](x)
            if k > 4:
                x = self.dilated[str(k)](leaky(x))
            skips[k] = x

        for k in range(8, 0, -1):
            if k < 8:
                x = tf.concat([x, tf.cast(skips[k], x.dtype)], -1)
            # [B, H/16, W/16, 512], from block 4 on [B, H/2^(k-1), W/2^(k-1), C]
            x = self.decoders[str(k)](tf.nn.relu(x))
            if k > 1:
                x = self.decoder_norms[str(k)](x)
            if k == 3:
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
        return {"width": self.width, "variant": self.variant}
