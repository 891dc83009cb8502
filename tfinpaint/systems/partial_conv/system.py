"""Partial convolutions, a baseline without attention.

Source: Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions, ECCV 2018. The
system is one U-Net of partial convolutions (section 3.2 and the supplement), trained with the terms
of section 3.3. Internally images are in [0, 1], and holes are blanked with 0.

Adam is at 2e-4, and at 5e-5 in the fine-tuning phase, in which the encoder's batch norm keeps its
running statistics. Both variants are the same.

Deviations: every convolution has a bias, which starts at 0, as in the multistage network
(32,865,236 parameters). The variation term counts pairs of neighbours of which at least one is
missing; the paper counts all pairs in the hole and one pixel around it.
"""

from typing import Any, Dict, List, Optional

import tensorflow as tf

from tfinpaint.losses import masked_l1, perceptual_and_style, total_variation
from tfinpaint.networks import PartialConvUNet, VGGFeatures
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.partial_conv import SPECIFICATION


class PartialConv(System):
    """See the top of the file.

    Args:
        width: channels of the generator's first layer (paper: 64).
        depth: halvings of the U-Net (paper: 8); height and width of images are multiples of
            2^depth.
        variant: "paper" or "official": the same.
    """

    specification = SPECIFICATION
    # The authors' loss divides images by ImageNet's standard deviation, on average 0.226.
    feature_contrast = 1 / 0.226

    def __init__(self, width=64, depth=8, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth = width, depth
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 2**self.depth

    def make_generator(self) -> tf.keras.Model:
        return PartialConvUNet(self.width, self.depth, attention=())

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        weights = self.weights_of_terms
        self.generator.frozen_norms = self.freeze_batch_norm
        features = weights["perceptual"] or weights["style"]
        self.features = (
            VGGFeatures(perceptual_weights, contrast=self.feature_contrast) if features else None
        )

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        known = blanked((images + 1) / 2, holes)  # [B, H, W, 3] in [0, 1]
        return 2 * generator([known, holes], training=training) - 1

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        targets = self.features(truth) if self.features else None
        with tf.GradientTape() as tape:
            output = self.generator([truth * (1 - holes), holes], training=True)  # [B, H, W, 3]
            terms = self.terms(output, truth, holes, targets)
        return self.learn(tape, terms)

    def terms(
        self,
        output: tf.Tensor,
        truth: tf.Tensor,
        holes: tf.Tensor,
        targets: Any,
    ) -> Dict[str, tf.Tensor]:
        """The terms, {name: scalar}, without their weights.

        Args:
            output, truth: [B, H, W, 3] in [0, 1].
            holes: [B, H, W, 1], 1 where missing.
            targets: VGG features of the truth.
        """
        composite = output * holes + truth * (1 - holes)
        terms = {
            "valid": masked_l1(output, truth, 1 - holes),
            "hole": masked_l1(output, truth, holes),
        }
        if self.features:
            terms.update(
                perceptual_and_style(self.features, self.judged(output, composite), targets)
            )
        terms["variation"] = self.variation(composite, holes)
        return terms

    def judged(self, output: tf.Tensor, composite: tf.Tensor) -> List[tf.Tensor]:
        """The images [B, H, W, 3] for the feature network: a list, whose terms are added up."""
        return [output, composite]

    def variation(self, composite: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """The variation term: differences of neighbours of which at least one is missing."""
        return total_variation(composite, holes)
