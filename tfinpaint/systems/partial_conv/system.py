"""Partial convolutions: Image Inpainting for Irregular Holes Using Partial Convolutions, ECCV 2018. A baseline without attention.

The U-Net of the multistage network (which took it from here) without its attention: section 3.2 and the supplement. Images in [0, 1]
inside, holes blanked with 0. The terms of section 3.3:

Adam 2e-4; 5e-5 in the fine-tuning phase, in which the encoder's batch norm keeps its running statistics. Both variants are the same.

Deviations: every convolution has a bias, as in the multistage network (32,865,236 parameters), which starts at 0. Variation counts pairs
of neighbours of which one is missing, not all pairs of the rim.
"""

from tfinpaint.networks import PartialConvUNet
from tfinpaint.systems.multistage.system import Multistage
from tfinpaint.systems.partial_conv import SPECIFICATION


class PartialConv(Multistage):
    """See the top of the file: the multistage system but for its attention and its critic. Arguments are `Multistage`'s."""

    specification = SPECIFICATION
    feature_contrast = 1 / 0.226  # its authors' loss divides by ImageNet's deviation, 0.226 on average

    def make_generator(self):
        return PartialConvUNet(self.width, self.depth, attention=())

    @property
    def judges_composite(self):
        return True

    @property
    def blanks_variation(self):
        return False
