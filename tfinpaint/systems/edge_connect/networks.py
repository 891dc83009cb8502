"""EdgeConnect's two networks: one completes edges, the other fills photographs guided by edges.

Edges:       grey, edges, hole, each [B, H, W, 1] in [0, 1] -> edges of the whole picture,
             [B, H, W, 1] in [0, 1] (sigmoid).
Inpainting:  images [B, H, W, 3] in [0, 1], edges [B, H, W, 1], hole [B, H, W, 1]
             -> [B, H, W, 3] in [0, 1] (from tanh).
H and W are multiples of 4 and at least 12. Pixels in the hole have no influence: they are set to 1
in grey and images, and to 0 in the input of the edge network. Both networks have these layers:

    7x7 conv; two 4x4 convs that halve the size; 8 residual blocks of two 3x3 convs, the first of
    which has dilation 2; two transposed 4x4 convs that double the size; 7x7 conv.

Instance norm without scale and shift, then ReLU, follow each convolution but the last (no ReLU
follows the second one of a block). In the edge network all convolutions but the last are spectrally
normalised, and those of the blocks have no bias. 7x7 and 3x3 convolutions pad by reflection.

Source: Nazeri et al., EdgeConnect: Structure Guided Image Inpainting using Edge Prediction, ICCV
workshops 2019, section 3; sizes and padding as released.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.spectral_conv import SpectralConv2D
from tfinpaint.layers.spectral_up_conv import SpectralUpConv2D
from tfinpaint.layers.up_conv import UpConv2D
from tfinpaint.networks.parts import NORMAL, instance_norm, make_weights
from tfinpaint.settings import SettingsError
from tfinpaint.systems.edge_connect.canny import canny, luminance

STRIDE = 4
SMALLEST = 12  # pixels: reflecting two cells of a map takes three, and a cell has 4 pixels


class Hourglass(tf.keras.Model):
    """The layers of either network.

    Args:
        outputs: channels of the last layer.
        width: channels of the first layer (paper: 64); its blocks have four times as many.
        blocks: residual blocks (paper: 8).
        spectral: whether kernels are spectrally normalised, as in the edge network.
    """

    def __init__(self, outputs, width=64, blocks=8, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.width, self.blocks = width, blocks
        conv = SpectralConv2D if spectral else _PlainConv2D
        up = SpectralUpConv2D if spectral else _PlainUpConv2D

        def initial():  # a shared initializer would give all layers the same numbers
            return NORMAL(0.0, 0.02)

        self.encoders = [
            conv(width, 7, name="encode_1", kernel_initializer=initial()),
            conv(2 * width, 4, 2, "same", name="encode_2", kernel_initializer=initial()),
            conv(4 * width, 4, 2, "same", name="encode_3", kernel_initializer=initial()),
        ]
        self.middle = [
            ResidualBlock(4 * width, spectral, name=f"block_{k}") for k in range(1, blocks + 1)
        ]
        self.decoders = [
            up(2 * width, name="decode_1", kernel_initializer=initial()),
            up(width, name="decode_2", kernel_initializer=initial()),
        ]
        self.encoder_norms, self.decoder_norms = (
            [instance_norm(f"{layer.name}_norm", affine=False) for layer in layers]
            for layers in (self.encoders, self.decoders)
        )
        self.last = tf.keras.layers.Conv2D(
            outputs, 7, name="last", kernel_initializer=initial(), dtype="float32"
        )

    def outputs_of(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, C] -> float32 [B, H, W, outputs], before the network's sigmoid or tanh."""
        x = mirrored(x, 3)
        for encoder, norm in zip(self.encoders, self.encoder_norms):
            x = tf.nn.relu(norm(encoder(x, training=training)))  # H, H/2, H/4
        for block in self.middle:
            x = block(x, training=training)  # [B, H/4, W/4, 256]
        for decoder, norm in zip(self.decoders, self.decoder_norms):
            x = tf.nn.relu(norm(decoder(x, training=training)))  # H/2, H
        return self.last(mirrored(x, 3))  # [B, H, W, outputs]

    def get_config(self) -> dict:
        return {"width": self.width, "blocks": self.blocks}


class ResidualBlock(tf.keras.layers.Layer):
    """x + two 3x3 convolutions of x, the first with dilation 2: [B, H, W, C] -> [B, H, W, C].

    No ReLU follows the sum.

    Args:
        channels: C.
        spectral: whether kernels are spectrally normalised. There are then no biases.
    """

    def __init__(self, channels, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.spectral = channels, spectral
        conv = SpectralConv2D if spectral else _PlainConv2D
        self.dilated, self.plain = (
            conv(
                channels,
                3,
                dilation_rate=dilation,
                use_bias=not spectral,
                name=name,
                kernel_initializer=NORMAL(0.0, 0.02),
            )
            for name, dilation in (("dilated", 2), ("plain", 1))
        )
        self.norms = [instance_norm(f"{name}_norm", affine=False) for name in ("dilated", "plain")]

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        y = tf.nn.relu(self.norms[0](self.dilated(mirrored(x, 2), training=training)))
        return x + self.norms[1](self.plain(mirrored(y, 1), training=training))

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels, "spectral": self.spectral}


class EdgeNetwork(Hourglass):
    """Completes edges; see the top of the file.

    Call argument: `[grey, edges, hole]`.
    """

    def __init__(self, width=64, blocks=8, **kwargs):
        super().__init__(1, width, blocks, spectral=True, **kwargs)
        make_weights(self, 1, 1, 1)

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        grey, edges, hole = inputs
        x = tf.concat([_blanked(grey, hole), edges * (1 - hole), hole], -1)  # [B, H, W, 3]
        return tf.sigmoid(self.outputs_of(x, training))  # [B, H, W, 1]


class InpaintingNetwork(Hourglass):
    """Fills photographs guided by edges; see the top of the file.

    Call argument: `[images, edges, hole]`.
    """

    def __init__(self, width=64, blocks=8, **kwargs):
        super().__init__(3, width, blocks, **kwargs)
        make_weights(self, 3, 1, 1)

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        images, edges, hole = inputs
        x = tf.concat([_blanked(images, hole), edges], -1)  # [B, H, W, 4]
        return (tf.tanh(self.outputs_of(x, training)) + 1) / 2  # [B, H, W, 3]


class EdgeConnectNetworks(tf.keras.Model):
    """Both networks: finds the known edges, completes them, and fills guided by them.

    Args:
        width: channels of their first layers (paper: 64).
        blocks: residual blocks of each (paper: 8).

    Call arguments: `[images, hole]`, images [B, H, W, 3] in [0, 1]. `edges` [B, H, W, 1] guide the
        fill and are used unchanged; with None they are `complete(images, hole)`.

    Returns: [B, H, W, 3] in [0, 1].

    Raises: SettingsError for a width or a number of blocks that is not allowed.
    """

    def __init__(self, width=64, blocks=8, **kwargs):
        # Pictures stay float32 even under mixed precision: Canny depends on small differences.
        super().__init__(autocast=False, **kwargs)
        for name, value in (("width", width), ("blocks", blocks)):
            if not isinstance(value, int) or value < 1:
                raise SettingsError(f"`{name}` is a whole number, at least 1. Got {value!r}")
        self.width, self.blocks = width, blocks
        self.edges = EdgeNetwork(width, blocks, name="edges")
        self.inpainting = InpaintingNetwork(width, blocks, name="inpainting")
        self.built = True  # both networks are built

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        edges: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        images, hole = (tf.cast(x, tf.float32) for x in inputs)
        if edges is None:
            edges = self.complete(images, hole, training)
        return self.inpainting([images, edges, hole], training=training)  # [B, H, W, 3]

    def complete(self, images: tf.Tensor, hole: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Canny's edges where the picture is known, the edge network's in the hole: [B, H, W, 1].

        images: [B, H, W, 3] in [0, 1].   hole: [B, H, W, 1].
        """
        grey = luminance(images)  # [B, H, W, 1]
        known = canny(grey, 1 - hole)
        return merged(self.edges([grey, known, hole], training=training), known, hole)

    def get_config(self) -> dict:
        return {"width": self.width, "blocks": self.blocks}


def merged(completed: tf.Tensor, known: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """The completed edges in the hole, the known ones elsewhere. [B, H, W, 1] each."""
    return completed * hole + known * (1 - hole)


def _blanked(x, hole):
    return x * (1 - hole) + hole


def mirrored(x: tf.Tensor, pixels: int) -> tf.Tensor:
    """Pads [B, H, W, C] by `pixels` on each side, by reflection without repeating the edge."""
    return tf.pad(x, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], "REFLECT")


class _PlainConv2D(tf.keras.layers.Conv2D):
    """Keras' Conv2D with an argument `training`, which SpectralConv2D has too."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return super().call(inputs)


class _PlainUpConv2D(UpConv2D):
    """UpConv2D with an argument `training`, which SpectralUpConv2D has too."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return super().call(inputs)
