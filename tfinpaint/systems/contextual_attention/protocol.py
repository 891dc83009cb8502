"""The evaluation protocol of DeepFill v1: `evaluate --protocol=deepfill`."""

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
        "relative errors are as the author describes them; the paper does not define its total "
        "variation, which is that of the result here",
        "the figures that the paper publishes are not included here",
    ),
)
