"""Loss terms, one function each. All are means, so that their scale depends neither on the batch nor on the image size."""

from tfinpaint.losses.adversarial import critic_cross_entropy, generator_cross_entropy
from tfinpaint.losses.perceptual import perceptual, style
from tfinpaint.losses.reconstruction import masked_l1
from tfinpaint.losses.variation import total_variation

__all__ = ["critic_cross_entropy", "generator_cross_entropy", "masked_l1", "perceptual", "style", "total_variation"]
