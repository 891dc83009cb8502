"""The system of the default model: one small network corrects a smooth fill from coarse to fine.

It is this project's own, not that of a paper. Its parts and their sources:
  - The first fill is smooth, computed with a pyramid (smooth_fill.py).
  - One network serves all sizes of a pyramid, and each size adds a correction to the fill of the
    coarser one (Lai et al., Fast and Accurate Image Super-Resolution with Deep Laplacian Pyramid
    Networks, 2018).
  - The blocks at the smallest maps are dilated (Iizuka et al., Globally and Locally Consistent
    Image Completion, 2017).
  - Blocks have no norms and start at 0 (Zhang et al., Fixup Initialization, 2019).
  - The perceptual term is that of partial convolutions (Liu et al., 2018).

Images are in [-1, 1]. Pixels in the hole have no influence.

Adam is at 5e-4 (at 1e-3 training may diverge, since there are no norms). Both variants are the
same. There is no style term: with a network of this size it gives a woven pattern on plain walls.
There is no critic: texture is copied from the photograph itself (painting/detail/).
"""

from typing import Dict, Optional

import tensorflow as tf

from tfinpaint.losses import perceptual, region_log_rms
from tfinpaint.networks import VGGFeatures
from tfinpaint.systems.base import System
from tfinpaint.systems.residual import SPECIFICATION
from tfinpaint.systems.residual.pyramid import ResidualPyramid


class Residual(System):
    """See the top of the file.

    Args:
        width: half the channels of the network's first level.
        depth: blocks at 1/8 of the size.
        sizes: number of sizes that are corrected. Height and width of images are multiples of
            8 * 2^(sizes - 1), 64 by default.
        attention_kind: "known" or "none".
        dilated: whether the blocks at 1/8 of the size are dilated.
        first_fill: what is corrected: the "smooth" fill, or the "mean" colour of the known pixels.
        variant: "paper" or "official": the same.
    """

    specification = SPECIFICATION

    def __init__(
        self,
        width=24,
        depth=6,
        sizes=4,
        attention_kind="known",
        dilated=True,
        first_fill="smooth",
        variant="paper",
        **kwargs,
    ):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth, self.sizes = width, depth, sizes
        self.attention_kind, self.dilated, self.first_fill = attention_kind, dilated, first_fill
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 8 * 2 ** (self.sizes - 1)

    @property
    def attention_layers(self) -> tuple:
        return () if self.attention_kind == "none" else self.specification.attention_layers

    def make_generator(self) -> tf.keras.Model:
        return ResidualPyramid(
            self.width,
            self.depth,
            self.sizes,
            attends=self.attention_kind != "none",
            dilated=self.dilated,
            first_fill=self.first_fill,
        )

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        self.features = (
            VGGFeatures(perceptual_weights) if self.weights_of_terms["perceptual"] else None
        )

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        targets = [images]  # the full size, 1/2, 1/4, 1/8
        for _ in range(self.sizes - 1):
            targets.append(tf.nn.avg_pool2d(targets[-1], 2, 2, "VALID"))
        with tf.GradientTape() as tape:
            # 1/8, 1/4, 1/2, the full size.
            sizes = self.generator([images * (1 - holes), holes], training=True, with_sizes=True)
            *coarse, hole = (
                region_log_rms(fill / 2, target / 2, lacking)
                for (fill, lacking), target in zip(sizes, reversed(targets))
            )
            terms = {"hole": hole, "coarse": tf.add_n(coarse) if coarse else tf.zeros([])}
            if self.features:
                output = tf.clip_by_value(sizes[-1][0], -1.0, 1.0)  # [B, H, W, 3]
                terms["perceptual"] = perceptual(
                    self.features((output + 1) / 2), self.features((images + 1) / 2)
                )
        return self.learn(tape, terms)
