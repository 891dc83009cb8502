"""The U-Net of partial convolutions, with or without multistage attention in its decoder.

Inputs:  an image with missing pixels [B, H, W, 3], in the range of the system that uses the
         network, and its hole [B, H, W, 1].
Output:  [B, H, W, 3], linear: neither clipped nor composited.
H and W are multiples of 2^depth.

Source: Tables 1 and 2 of the multistage attention paper (2020). Each map of features comes with a
map of valid positions. The invalid region shrinks from layer to layer. Attention uses the hole of
the input.

Deviations: none at width 64 and depth 8. Smaller depths leave out the innermost levels, larger ones
repeat them. Attention stays after Decode_4 and Decode_3.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import MultistageAttention, PartialConv2D
from tfinpaint.layers.batch_norm import BatchNorm
from tfinpaint.networks.parts import make_weights
from tfinpaint.settings import SettingsError

_KERNELS = {1: 7, 2: 5, 3: 5}  # encoder level -> kernel size; 3 at deeper levels


class PartialConvUNet(tf.keras.Model):
    """See the top of the file.

    Args:
        width: channels of Encode_1 (paper: 64). They double up to 8 * width.
        depth: number of halvings (paper: 8).
        attention: decoder levels that are followed by attention (paper: 4 and 3).
        variant: of the attention, "paper" or "official".

    Call arguments: `[image, hole]`. `with_attention_maps=True` also returns a list of the attention
        maps, layer by layer; for these and for `weights_at` see layers/attention_map.py.

    Attributes:
        frozen_norms: which batch norm layers keep their running statistics in training: "none",
            "encoder" or "all".

    Raises: SettingsError for a width or depth that is not allowed.
    """

    def __init__(self, width=64, depth=8, attention=(4, 3), variant="paper", **kwargs):
        super().__init__(**kwargs)
        if not isinstance(width, int) or width < 1:
            raise SettingsError(f"`width` is a whole number, at least 1. Got {width!r}")
        if not isinstance(depth, int) or depth < max(attention, default=1):
            raise SettingsError(
                f"`depth` is a whole number, at least {max(attention, default=1)}, where attention "
                f"sits. Got {depth!r}"
            )
        self.width, self.depth, self.attention, self.variant = (
            width,
            depth,
            tuple(attention),
            variant,
        )
        self.frozen_norms = "none"

        def channels(level):
            return width * min(2 ** (level - 1), 8)

        def norm(name):  # PyTorch's defaults, with which the papers' networks were trained
            return BatchNorm(momentum=0.9, epsilon=1e-5, name=name)

        self.encoders = {
            str(k): PartialConv2D(channels(k), _KERNELS.get(k, 3), 2, name=f"encode_{k}")
            for k in range(1, depth + 1)
        }
        self.encoder_norms = {str(k): norm(f"encode_{k}_norm") for k in range(2, depth + 1)}
        self.decoders = {
            str(k): PartialConv2D(channels(k - 1), 3, doubled=True, name=f"decode_{k}")
            for k in range(depth, 1, -1)
        }
        # The output layer computes in float32 even under mixed precision.
        self.decoders["1"] = PartialConv2D(3, 3, doubled=True, name="decode_1", dtype="float32")
        self.decoder_norms = {str(k): norm(f"decode_{k}_norm") for k in range(depth, 1, -1)}
        self.attentions = {
            str(k): MultistageAttention(variant, name=f"attention_{n + 1}")
            for n, k in enumerate(self.attention)
        }
        make_weights(self, 3, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        image, hole = inputs
        features, valid = image, 1 - hole  # [B, H, W, 3], [B, H, W, 1]
        skips, maps = [(features, valid)], []
        for k in range(1, self.depth + 1):
            features, valid = self.encoders[str(k)]([features, valid])  # [B, H / 2^k, W / 2^k, C]
            if k > 1:
                features = self.encoder_norms[str(k)](
                    features, training=training and self.frozen_norms == "none"
                )
            features = tf.nn.relu(features)
            skips.append((features, valid))

        for k in range(self.depth, 0, -1):
            skip, skip_valid = skips[k - 1]
            parts = [features, tf.cast(skip, features.dtype)]
            # [B, H / 2^(k-1), W / 2^(k-1), C]
            features, valid = self.decoders[str(k)](
                [parts, [valid, tf.cast(skip_valid, valid.dtype)]]
            )
            if k > 1:
                features = self.decoder_norms[str(k)](
                    features, training=training and self.frozen_norms != "all"
                )
                features = tf.nn.leaky_relu(features, 0.2)
            if k in self.attention:
                features = self.attentions[str(k)](
                    [features, hole], with_attention_maps=with_attention_maps, weights_at=weights_at
                )
                if with_attention_maps:
                    features, layer_maps = features
                    maps.append(layer_maps)
        return (features, maps) if with_attention_maps else features  # [B, H, W, 3]

    def get_config(self) -> dict:
        return {
            "width": self.width,
            "depth": self.depth,
            "attention": self.attention,
            "variant": self.variant,
        }
