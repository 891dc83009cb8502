"""The encoder and the generator of pluralistic completion, and the two as one network.

    visible picture -> encoder -> features, and the prior of the latent [B, H/32, W/32, 128]
    latent          -> generator -> pictures at H/8, H/4, H/2 and H

Pictures are [B, H, W, 3] in [-1, 1], 0 where pixels are not visible. Only the attention in the
generator sees the hole. H and W are multiples of 2^depth.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019, section 3.3 and Figure 3. Sizes and
names of layers are those of the released networks.
"""

from typing import Any, List, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import tracing
from tfinpaint.layers.shapes import shape
from tfinpaint.networks.parts import make_weights
from tfinpaint.settings import SettingsError
from tfinpaint.systems.pluralistic.attention import ShortLongTermAttention
from tfinpaint.systems.pluralistic.blocks import FirstBlock, Output, ResidualBlock, UpBlock
from tfinpaint.systems.pluralistic.distributions import Normal
from tfinpaint.systems.pluralistic.noise import normal

ATTENTION = 3  # halvings before the attention, whose map has H / 8 rows
SCALES = 4  # sizes of the generator's pictures; the last is the full size
_PRIOR_BLOCKS = 6
_SAMPLE = 0x5A3  # gives samples of fills their own random numbers for a seed


class Encoder(tf.keras.Model):
    """Computes features of a picture, and from them distributions of the latent.

    Args:
        width: channels of the first block (paper: 32). They double up to 4 * width.
        depth: halvings (paper: 5).

    Call argument: pictures [B, H, W, 3].

    Returns: the map of H/8 x W/8 and the last map, of H/2^depth x W/2^depth. Both have 4 * width
        channels. `prior` and `posterior` take the last map.
    """

    def __init__(self, width=32, depth=5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.first = FirstBlock(width, name="first")
        # Each block halves its input. The output of block k has been halved k + 2 times.
        self.blocks = [
            ResidualBlock(
                channels(width, k + 1), channels(width, k), halves=True, name=f"encode_{k}"
            )
            for k in range(depth - 1)
        ]
        latent = 4 * width
        self.infer = [ResidualBlock(latent, name=f"infer_{k}") for k in range(_PRIOR_BLOCKS)]
        self.prior_block = ResidualBlock(2 * latent, latent, name="prior")
        self.posterior_block = ResidualBlock(2 * latent, latent, name="posterior")
        make_weights(self, 3)

    def call(self, pictures: tf.Tensor, training: bool = False) -> Any:
        x = self.first(pictures, training=training)  # [B, H/2, W/2, C]
        maps = [x]
        for block in self.blocks:
            x = block(x, training=training)  # [B, H/2^k, W/2^k, C]
            maps.append(x)
        if tracing.weights_only():
            self.prior(x)
            self.posterior(x)
        return maps[ATTENTION - 1], x

    def prior(self, deepest: tf.Tensor, training: bool = False) -> Normal:
        """The prior of the latent, from the last map of the visible picture.

        Returns (mean, standard deviation), float32, of the shape of `deepest`.
        """
        for block in self.infer:
            deepest = block(deepest, training=training)
        return _normal(self.prior_block(deepest, training=training))

    def posterior(self, deepest: tf.Tensor, training: bool = False) -> Normal:
        """The posterior of the latent, from the last map of the missing part; as for `prior`."""
        return _normal(self.posterior_block(deepest, training=training))

    def get_config(self) -> dict:
        return {"width": self.width, "depth": self.depth}


class Generator(tf.keras.Model):
    """Makes pictures from a latent.

    Args:
        width, depth: as for `Encoder`.

    Call arguments: `[latent, deepest, middle, hole]`: the latent and the encoder's last map, both
        [B, H/2^depth, W/2^depth, 4 * width]; the encoder's map of H/8 x W/8; and the hole
        [B, any, any, 1].

    Returns: a list of pictures [B, h, w, 3] of four sizes, from H/8 to H. With
        `with_attention_maps=True` also the attention map.
    """

    def __init__(self, width=32, depth=5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.begin = ResidualBlock(4 * width, name="begin")
        self.ups = [UpBlock(channels(width, depth - 1 - k), name=f"up_{k}") for k in range(depth)]
        self.attention = ShortLongTermAttention(name="attention")
        self.outputs_of = [Output(name=f"output_{k}") for k in range(SCALES)]
        make_weights(self, 4 * width, 4 * width, 4 * width, 1)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        latent, deepest, middle, hole = inputs
        # The latent is float32 even under mixed precision.
        x = self.begin(tf.cast(latent, self.compute_dtype), training=training)
        x += tf.cast(deepest, x.dtype)
        pictures: List[tf.Tensor] = []
        maps = None
        for k, up in enumerate(self.ups):
            if pictures:  # each size also sees the picture of the previous size
                x = tf.concat([x, tf.cast(pictures[-1], x.dtype)], -1)
            x = up(x, training=training)  # [B, h 2^(k+1), w 2^(k+1), C]
            if k == self.depth - SCALES:
                x = self.attention(
                    [x, middle, hole],
                    training=training,
                    with_attention_maps=with_attention_maps,
                    weights_at=weights_at,
                )
                if with_attention_maps:
                    x, maps = x
            if k >= self.depth - SCALES:
                output = self.outputs_of[k - self.depth + SCALES]
                pictures.append(output(x, training=training))
        return (pictures, maps) if with_attention_maps else pictures

    def get_config(self) -> dict:
        return {"width": self.width, "depth": self.depth}


class PluralisticNetwork(tf.keras.Model):
    """Encoder and generator: completes a visible picture in one of many possible ways.

    Args:
        width, depth: as for `Encoder`.

    Call arguments: `[visible, hole]`: pictures [B, H, W, 3] with 0 in the hole, and [B, H, W, 1].
        latent: [B, H/2^depth, W/2^depth, 4 * width], or None to take it from the prior.
        seed: int32 scalar. With 0 or None the latent is the mean of the prior, else a sample. The
            sample's noise depends on the seed and on the size of a picture, not on its place in the
            batch.

    Returns: pictures float32 [B, H, W, 3] in [-1, 1]. With `with_attention_maps=True` also a list
        with the attention map.

    Raises: SettingsError for a width or depth that is not allowed.
    """

    def __init__(self, width=32, depth=5, **kwargs):
        super().__init__(**kwargs)
        for name, value, lowest in (("width", width, 1), ("depth", depth, SCALES)):
            if not isinstance(value, int) or value < lowest:
                raise SettingsError(f"`{name}` is a whole number, at least {lowest}. Got {value!r}")
        self.width, self.depth = width, depth
        self.encoder = Encoder(width, depth, name="encoder")
        self.generator = Generator(width, depth, name="generator")
        self.built = True  # both networks are built

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        latent: Optional[tf.Tensor] = None,
        seed: Optional[tf.Tensor] = None,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        visible, hole = inputs
        middle, deepest = self.encoder(visible, training=training)
        if latent is None:
            latent = sample(self.encoder.prior(deepest, training=training), seed)
        made = self.generator(
            [latent, deepest, middle, hole],
            training=training,
            with_attention_maps=with_attention_maps,
            weights_at=weights_at,
        )
        if with_attention_maps:
            pictures, maps = made
            return pictures[-1], [maps]
        return made[-1]

    def get_config(self) -> dict:
        return {"width": self.width, "depth": self.depth}


def channels(width: int, level: int) -> int:
    """Channels at a level: they double with each level, up to 4 * width."""
    return width * min(2**level, 4)


def sample(distribution: Normal, seed: Optional[tf.Tensor] = None) -> tf.Tensor:
    """A latent from its distribution: the mean, or a sample; see `PluralisticNetwork`."""
    mean, deviation = distribution
    if seed is None or (isinstance(seed, int) and seed == 0):
        return mean
    seed = tf.cast(seed, tf.int32)
    noise = normal(shape(mean)[1:], tf.stack([seed, _SAMPLE]))  # [h, w, C]
    return mean + deviation * noise * tf.cast(seed != 0, tf.float32)


def _normal(x):
    mean, deviation = tf.split(tf.cast(x, tf.float32), 2, axis=-1)
    return mean, tf.nn.softplus(deviation)
