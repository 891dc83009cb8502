"""Shift-Net: Image Inpainting via Deep Feature Rearrangement, ECCV 2018.

A U-Net fills the hole. In its decoder the shift layer adds to each missing cell the known encoder
features that are most like the decoder's there. The guidance loss makes the decoder's features in
the hole resemble the encoder's of the original. The other terms are L1 and an adversarial one
against a patch critic. Images are in [-1, 1].

How the variants differ
                      paper                             official
    image             three channels, the hole has one  the hole is 0; a fourth channel is 1 where
                      colour                            the picture is known
    feature hole      any pixel missing                 the top-left pixel missing
    guidance          in the hole                       see guidance.py
    further terms     none                              discounted L1 in the hole, VGG-16 features
                                                        and their Gram matrices
    critic            batch norm                        instance norm and spectral norm
    critic and VGG    the whole output                  a window around each hole if all holes are
    see                                                 squares, else the whole output
    weights           the paper's, L1 = 1               the same ratios, L1 = 100
`paper` follows the authors' first code where the text leaves a choice; `official` follows the code
of the released weights. In both the critic learns first, then the generator, from the same forward
pass without compositing. Both have Adam at 2e-4, with beta1 0.5. The batch is 1.

Deviations: the window has 15/32 of the picture's side, 120 of 256 pixels, the size of the hole that
the authors train with. Squares of other sizes are in its middle. It is used if all holes of a batch
are squares. L1 in the hole is a mean over the hole of each picture with a square hole; the released
code takes it over the window. The released total variation has weight 0 and is left out. The loss
that the released program prints leaves out the guidance loss; "loss" here has it. The features of
the original are computed by the encoder alone, since they do not depend on the decoder. VGG-16 has
Keras' weights (docs/systems.md).
"""

from typing import Any, Callable, Dict, List, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers import replicas
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.shift_layer import reduce_hole
from tfinpaint.losses import (
    critic_cross_entropy,
    generator_cross_entropy,
    region_l1,
    spatial_discount,
)
from tfinpaint.losses.perceptual import gram
from tfinpaint.networks import VGGFeatures
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.shift_net import SPECIFICATION
from tfinpaint.systems.shift_net.critic import ShiftCritic
from tfinpaint.systems.shift_net.guidance import guidance
from tfinpaint.systems.shift_net.squares import are_square, windows
from tfinpaint.systems.shift_net.unet import ShiftUNet

# Red, green, blue: ImageNet's usual mean colour with channels exchanged. The authors' first code
# fills holes with it, like the released code of the context encoder.
_HOLE_COLOR = [2 * value / 255 - 1 for value in (117.0, 104.0, 123.0)]
_GAMMA = 0.9
_SMALLEST_WINDOW = 24  # pixels, the least size for the critic


class ShiftNet(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of the generator and the critic (paper: 64).
        depth: halvings (paper: 8); height and width of images are multiples of 2^depth.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION

    def __init__(self, width=64, depth=8, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth = width, depth
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 2**self.depth

    def make_generator(self) -> tf.keras.Model:
        return ShiftUNet(self.width, self.depth, self.variant)

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        weights = self.weights_of_terms
        wanted = weights["content"] or weights["style"]
        self.features: Any = VGGFeatures(perceptual_weights, contrast=2.0) if wanted else None
        if not weights["adversarial"]:
            self.critic = None
        elif self.critic is None:
            self.critic = ShiftCritic(self.width, self.variant)

    def blanked(self, images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """Images [B, H, W, 3] with one colour in their holes [B, H, W, 1]; 0 in `official`."""
        return blanked(images, holes, 0.0 if self.variant == "official" else _HOLE_COLOR)

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        return generator([self.blanked(images, holes), holes], training=training)

    def attention_maps(
        self, images: tf.Tensor, holes: tf.Tensor, weights_at: Optional[tf.Tensor] = None
    ) -> Tuple[tf.Tensor, list]:
        images, holes = self.checked(images, holes)
        return self.averaged(
            [self.blanked(images, holes), holes], with_attention_maps=True, weights_at=weights_at
        )

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        target = self.generator.encoded(images, holes)  # [B, H/8, W/8, C], of the original
        logs = {}
        with tf.GradientTape() as tape:
            output, decoder = self.generator(
                [self.blanked(images, holes), holes], training=True, with_features=True
            )

            # 1. The critic.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(
                        lambda: self.judge(self.loss_of_critic, holes, images, output)
                    )

            # 2. The generator.
            height, width = shape(decoder)[1:3]
            hole = reduce_hole(holes, height, width, self.variant)  # [B, H/8, W/8, 1]
            terms = {
                "l1": tf.reduce_mean(tf.abs(output - images)),
                "guidance": guidance(decoder, target, hole, self.variant),
            }
            if self.weights_of_terms["hole"]:
                terms["hole"] = discounted_l1(output, images, holes)
            if self.critic:
                terms["adversarial"] = self.judge(self.adversarial, holes, output)
            if self.features:
                terms["content"], terms["style"] = self.judge(
                    self.content_and_style, holes, images, output
                )
        return {**self.learn(tape, terms), **logs}

    def judge(self, function: Callable[..., Any], holes: tf.Tensor, *pictures: tf.Tensor) -> Any:
        """Calls `function` on the pictures [B, H, W, 3], or on their windows; see the top."""
        if self.variant == "paper":
            return function(*pictures)
        height, width = shape(pictures[0])[1:3]
        side = max(15 * min(height, width) // 32, min(_SMALLEST_WINDOW, height, width))
        others = tf.logical_not(are_square(holes))
        others = replicas.mean(tf.reduce_mean(tf.cast(others, tf.float32)))
        return tf.cond(
            tf.equal(others, 0.0),  # a mean of zeros is exactly 0, even with XLA
            lambda: function(*[windows(picture, holes, side) for picture in pictures]),
            lambda: function(*pictures),
        )

    def loss_of_critic(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """The critic's loss, a scalar."""
        fake = tf.stop_gradient(fake)
        return critic_cross_entropy(
            self.critic(real, training=True), self.critic(fake, training=True)
        )

    def adversarial(self, fake: tf.Tensor) -> tf.Tensor:
        """The generator's adversarial term, a scalar."""
        return generator_cross_entropy(self.critic(fake, training=True))

    def content_and_style(self, real: tf.Tensor, fake: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
        """Mean squared differences of VGG features and of their Gram matrices, summed over maps."""
        targets = [tf.stop_gradient(x) for x in self.features((real + 1) / 2)]
        features = self.features((fake + 1) / 2)
        style = _squares([gram(x) for x in features], [gram(x) for x in targets])
        return _squares(features, targets), style


def discounted_l1(output: tf.Tensor, images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
    """The mean of |output - images| * 0.9^distance over each square hole, a scalar.

    The distance is that of `spatial_discount`. Pictures with other holes count as 0.

    output, images: [B, H, W, 3].   holes: [B, H, W, 1].
    """
    square = tf.cast(are_square(holes), holes.dtype)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    # Other holes have no weight, so their distances need not be computed.
    discount = spatial_discount(holes, _GAMMA, distance=tf.zeros_like(holes))
    return region_l1(output, images, square * holes, discount)


def _squares(features: List[tf.Tensor], targets: List[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_mean(tf.square(f - t)) for f, t in zip(features, targets)])
