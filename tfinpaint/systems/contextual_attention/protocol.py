"""How DeepFill v1's table is made: `evaluate --protocol=deepfill`."""

from tfinpaint.metrics.protocols import Protocol
from tfinpaint.metrics.quality import Measure

PROTOCOL = Protocol(
    "deepfill",
    "contextual attention (DeepFill v1), CVPR 2018",
    (
        Measure("psnr", "psnr"),
        Measure("l1", "l1_relative"),
        Measure("l2", "l2_relative"),
        Measure("variation", "variation"),
    ),
    holes="center",
    notes=(
        "relative errors as its author describes them; the paper does not define its total "
        "variation, here it is that of the result",
        "the figures that the paper publishes are not at hand here",
    ),
)
