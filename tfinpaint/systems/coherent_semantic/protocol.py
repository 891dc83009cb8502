"""The evaluation protocol of coherent semantic attention, and its published figures.

`evaluate --protocol=coherent_semantic` uses it.
"""

from tfinpaint.data.evaluation_holes import RATIO_BINS
from tfinpaint.metrics.protocols import Protocol, Table, by_bin
from tfinpaint.metrics.quality import Measure

_PUBLISHED = {
    "center": [
        Table(
            "Table 1",
            "CelebA, 500 photographs",
            ("L1 %", "L2 %", "SSIM", "PSNR"),
            [
                ("contextual attention", "center", 2.64, 0.47, 0.882, 23.93),
                ("Shift-Net", "center", 1.97, 0.28, 0.926, 26.38),
                ("coherent semantic", "center", 1.83, 0.27, 0.931, 26.54),
            ],
        )
    ],
    "strokes": [
        Table(
            "Table 2",
            "CelebA, 500 photographs",
            ("L1 %", "L2 %", "PSNR", "SSIM"),
            by_bin(
                ("10-20 %", "20-30 %", "30-40 %", "40-50 %"),
                {
                    "partial convolution": [
                        (1.00, 1.46, 2.97, 4.01),
                        (0.12, 0.19, 0.58, 0.76),
                        (31.13, 29.10, 23.46, 22.11),
                        (0.970, 0.956, 0.897, 0.839),
                    ],
                    "gated convolution": [
                        (1.00, 1.40, 2.62, 3.26),
                        (0.08, 0.12, 0.44, 0.50),
                        (31.67, 29.83, 24.48, 23.36),
                        (0.977, 0.964, 0.910, 0.860),
                    ],
                    "coherent semantic": [
                        (0.72, 0.94, 2.18, 2.85),
                        (0.04, 0.07, 0.37, 0.44),
                        (34.69, 32.58, 25.32, 24.14),
                        (0.989, 0.982, 0.926, 0.883),
                    ],
                },
            ),
        )
    ],
}

PROTOCOL = Protocol(
    "coherent_semantic",
    "coherent semantic attention, ICCV 2019, Tables 1 (centred hole) and 2 (--holes=strokes)",
    (
        Measure("psnr", "psnr"),
        Measure("ssim", "ssim", window="gauss11"),
        Measure("l1", "l1"),
        Measure("l2", "l2"),
    ),
    holes="center",
    center=120,
    bins=RATIO_BINS[1:5],
    composited=False,
    notes=(
        "the released notebook scores the network's output, without compositing",
        "the paper does not say how it computes SSIM; here it has the Gaussian window of Wang et "
        "al. 2004",
    ),
    published=_PUBLISHED,
)
