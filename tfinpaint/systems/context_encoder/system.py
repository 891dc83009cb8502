"""The context encoder: Context Encoders: Feature Learning by Inpainting, CVPR 2016.

An encoder turns an image of 128 x 128 pixels, whose centre is missing, into 4,000 numbers. A
decoder makes the centre of 64 x 64 pixels from them. The terms are the squared error and an
adversarial term against a critic of the centre.

The predicted centre is larger than the hole: a rim of 4 pixels on each side is known, and the
network sees it. The squared error has ten times the weight on the rim, so that the fill continues
the known part. Images are in [-1, 1]. The hole has one colour, as released.

The critic learns first, from the sum of the cross-entropies of real and fake, then the generator,
from the same forward pass. Adam's beta1 is 0.5; its rates are 2e-4 for the critic and ten times as
much for the generator. Both variants are the same: where the paper and the released code for the
centre square differ, this system follows the code.

Deviations: the bottleneck is a convolution over the whole map, as released, not a fully connected
layer for each channel. For the generator's adversarial gradient, the released code combines the
critic's weights after its step with activations from before it; here the critic computes its scores
once more after its step. Batch norm needs a batch of at least two pictures in training, since the
bottleneck has a single position. The released code sets the biases of its convolutions to 0 in
every step, so the convolutions have none here; biases in an imported file are kept (released.py).
"""

from typing import Any, Dict, Optional

import numpy as np
import tensorflow as tf

from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.context_encoder import SPECIFICATION
from tfinpaint.systems.context_encoder.networks import CentreCritic, ContextEncoderNetwork

# Red, green, blue: ImageNet's usual mean colour with channels exchanged. The released weights were
# trained with it.
_HOLE_COLOR = [2 * value / 255 - 1 for value in (117.0, 104.0, 123.0)]
_RIM = 32  # the image's side over the width of the rim
_ON_RIM = 10.0  # weight of the squared error on the rim; it is 1 in the hole


class ContextEncoder(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of generator and critic (paper: 64).
        bottleneck: channels of the bottleneck (paper: 4000).
        depth: halvings of the encoder (paper: 5). Images are squares of 4 * 2^depth pixels a side,
            S below.
        variant: "paper" or "official": the same.
    """

    specification = SPECIFICATION

    def __init__(self, width=64, bottleneck=4000, depth=5, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.bottleneck, self.depth = width, bottleneck, depth
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def fixed_size(self) -> int:
        """S, the only height and width that images may have, in pixels."""
        return 4 * 2**self.depth

    @property
    def stride(self) -> int:
        return self.fixed_size

    @property
    def fixed_hole(self) -> np.ndarray:
        """uint8 [S, S], 1 = hole: the square that is missing in training."""
        hole = np.zeros((self.fixed_size, self.fixed_size), np.uint8)
        inside = slice(self.fixed_size // 4 + self.rim, 3 * self.fixed_size // 4 - self.rim)
        hole[inside, inside] = 1
        return hole

    @property
    def rim(self) -> int:
        """Pixels by which the predicted centre extends beyond the hole on each side."""
        return max(self.fixed_size // _RIM, 1)

    def make_generator(self) -> tf.keras.Model:
        return ContextEncoderNetwork(self.width, self.bottleneck, self.depth)

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        self.generator.frozen_norms = self.freeze_batch_norm
        if not self.weights_of_terms["adversarial"]:
            self.critic = None
        elif self.critic is None:
            self.critic = CentreCritic(self.width, self.depth - 1)

    # ----------------------------------------------------------------------------------------------
    # filling

    def blanked(self, images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """Images [B, S, S, 3] with holes [B, S, S, 1] of the released colour."""
        return blanked(images, holes, _HOLE_COLOR)

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """The blanked image with its centre replaced by the predicted one, [B, S, S, 3].

        The prediction also replaces known pixels of the centre.
        """
        blanked = self.blanked(images, holes)
        return self.with_centre(blanked, generator(blanked, training=training))

    def generate(self, images: tf.Tensor, holes: tf.Tensor, **inputs: tf.Tensor) -> tf.Tensor:
        """The predicted centre alone, float32 [B, S/2, S/2, 3] on the [-1, 1] scale.

        Args:
            images: float32 [B, S, S, 3] in [-1, 1]. Pixels in the hole have no influence.
            holes: float32 [B, S, S, 1], 1 where missing. In training it was `fixed_hole`, a centred
                square of side 7/16 S.

        Raises: ValueError as `checked` does.
        """
        images, holes = self.checked(images, holes)
        return self.generator(self.blanked(images, holes))

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        images, holes = self.checked(*inputs)
        return self.generator(self.blanked(images, holes), training=training)

    def centre(self, images: tf.Tensor) -> tf.Tensor:
        """[B, S, S, C] -> the centre, [B, S/2, S/2, C]."""
        first, side = self.fixed_size // 4, self.fixed_size // 2
        return images[:, first : first + side, first : first + side]

    def with_centre(self, images: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
        """Images [B, S, S, C] with their centre replaced by `centre` [B, S/2, S/2, C]."""
        rim = self.fixed_size // 4
        padding = [[0, 0], [rim, rim], [rim, rim], [0, 0]]
        inside = tf.pad(tf.ones_like(centre[:1, ..., :1]), padding)  # [1, S, S, 1]
        return images * (1 - inside) + tf.pad(centre, padding)

    # ----------------------------------------------------------------------------------------------
    # training

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        """See the base class.

        holes: [B, S, S, 1]. Pixels outside of `fixed_hole` count as known, so that the network sees
            the rim of the centre.
        """
        missing = holes * self.fixed_hole[np.newaxis, ..., np.newaxis]  # [B, S, S, 1]
        truth = self.centre(images)  # [B, S/2, S/2, 3]
        logs = {}
        with tf.GradientTape() as tape:
            output = self.generator(self.blanked(images, missing), training=True)

            # 1. The critic.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(lambda: self.loss_of_critic(truth, output))

            # 2. The generator.
            weight = _ON_RIM + (1 - _ON_RIM) * self.centre(missing)  # [B, S/2, S/2, 1]
            terms = {"reconstruction": tf.reduce_mean(weight * tf.square(output - truth))}
            if self.critic:
                terms["adversarial"] = generator_cross_entropy(self.critic(output, training=True))
        return {**self.learn(tape, terms), **logs}

    def loss_of_critic(self, truth: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        """The sum of the cross-entropies of real and fake, a scalar.

        The critic sees them in separate calls, so that batch norm normalises each by its own
        statistics.
        """
        real = self.critic(truth, training=True)
        return 2 * critic_cross_entropy(real, self.critic(output, training=True))
