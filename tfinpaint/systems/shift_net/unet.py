"""The U-Net of Shift-Net: the plain U-Net with the shift layer on the map of H/8 x W/8 cells.

Inputs:  an image [B, H, W, 3] in [-1, 1], blanked by the system, and its hole [B, H, W, 1].
Output:  [B, H, W, 3] in [-1, 1] (tanh), not composited.
H and W are multiples of 2^depth.

Source: Yan et al., Shift-Net, ECCV 2018. Sizes and order of the layers are those of the released
network (networks/unet.py). decode_3 sees [decode_4, encode_3, shifted encode_3].

How the variants differ: in `official` the network has a fourth input channel, 1 where the picture
is known. See also layers/shift_layer.py.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import ShiftLayer
from tfinpaint.networks.parts import make_weights
from tfinpaint.networks.unet import UNet
from tfinpaint.settings import SettingsError

SHIFT = 3  # the level of the shift layer, whose map has H / 2^3 rows


class ShiftUNet(UNet):
    """See the top of the file.

    Args:
        width: channels of encode_1 (paper: 64). They double up to 8 * width.
        depth: halvings (paper: 8).
        variant: "paper" or "official".

    Call arguments: `[image, hole]`. `with_features=True` also returns what the guidance loss
        compares: the decoder's features before the shift layer, [B, H/8, W/8, 4 * width].
        `with_attention_maps=True` returns the output and a list with the shift layer's map, of
        H/8 x W/8; for this and for `weights_at` see layers/attention_map.py.

    Raises: SettingsError for a width or depth that is not allowed.
    """

    def __init__(self, width=64, depth=8, variant="paper", **kwargs):
        if not isinstance(width, int) or width < 1:
            raise SettingsError(f"`width` is a whole number, at least 1. Got {width!r}")
        if not isinstance(depth, int) or depth <= SHIFT:
            raise SettingsError(
                f"`depth` is a whole number, at least {SHIFT + 1}, below where the shift layer "
                f"sits. Got {depth!r}"
            )
        super().__init__(width, depth, **kwargs)
        self.variant = variant
        self.shift = ShiftLayer(variant, name="shift")
        make_weights(self, 3, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_features: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        image, hole = inputs
        found = {}

        def shift(features):  # [B, H/8, W/8, 2C] -> [B, H/8, W/8, 3C]
            found["decoder"] = tf.split(features, 2, -1)[0]
            shifted = self.shift(
                [features, hole], with_attention_maps=with_attention_maps, weights_at=weights_at
            )
            if with_attention_maps:
                shifted, found["map"] = shifted
            return shifted

        output = self.decode(self.encode(self.seen(image, hole)), {SHIFT: shift})
        if with_attention_maps:
            return output, [found["map"]]
        return (output, found["decoder"]) if with_features else output

    def encoded(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """The encoder's features, as the shift layer sees them: [B, H/8, W/8, 4 * width]."""
        maps = self.encode(self.seen(image, hole), SHIFT)
        return tf.nn.relu(maps[SHIFT])

    def seen(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """The input of the first layer: [B, H, W, 3], in `official` [B, H, W, 4]."""
        return tf.concat([image, 1 - hole], -1) if self.variant == "official" else image

    def get_config(self) -> dict:
        return {**super().get_config(), "variant": self.variant}
