"""Loss terms, one function each.

All are means, so that their scale depends neither on the batch nor on the image size.
`spatial_discount` and `distance_to_known` are not terms: they compute weights of pixels in a term.
"""

from tfinpaint.losses.adversarial import (
    critic_cross_entropy,
    critic_hinge,
    critic_least_squares,
    critic_relativistic,
    critic_wasserstein,
    generator_cross_entropy,
    generator_hinge,
    generator_least_squares,
    generator_relativistic,
    generator_wasserstein,
)
from tfinpaint.losses.consistency import consistency
from tfinpaint.losses.discount import distance_to_known, spatial_discount
from tfinpaint.losses.gradient_penalty import gradient_penalty
from tfinpaint.losses.perceptual import perceptual, perceptual_and_style, style
from tfinpaint.losses.reconstruction import masked_l1, region_l1, region_log_rms
from tfinpaint.losses.variation import total_variation

__all__ = [
    "consistency",
    "critic_cross_entropy",
    "critic_hinge",
    "critic_least_squares",
    "critic_relativistic",
    "critic_wasserstein",
    "distance_to_known",
    "generator_cross_entropy",
    "generator_hinge",
    "generator_least_squares",
    "generator_relativistic",
    "generator_wasserstein",
    "gradient_penalty",
    "masked_l1",
    "perceptual",
    "perceptual_and_style",
    "region_l1",
    "region_log_rms",
    "spatial_discount",
    "style",
    "total_variation",
]
