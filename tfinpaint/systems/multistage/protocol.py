"""The evaluation protocol of the multistage network, and its published figures.

`evaluate --protocol=multistage` uses it.
"""

from tfinpaint.data.evaluation_holes import RATIO_BINS
from tfinpaint.metrics.protocols import Protocol, Table, by_bin
from tfinpaint.metrics.quality import Measure

_BINS = ("10-20 %", "30-40 %", "50-60 %")

_PUBLISHED = {
    "strokes": [
        Table(
            "Table 4",
            "Paris StreetView, 100 photographs",
            ("SSIM", "PSNR", "L1"),
            by_bin(
                _BINS,
                {
                    "Pluralistic": [
                        (0.9071, 0.7881, 0.6393),
                        (28.76, 23.70, 19.61),
                        (0.01115, 0.02921, 0.05866),
                    ],
                    "partial convolution": [
                        (0.8937, 0.8042, 0.6814),
                        (29.75, 25.41, 21.97),
                        (0.01819, 0.02924, 0.04652),
                    ],
                    "EdgeConnect": [
                        (0.9330, 0.8351, 0.7111),
                        (30.69, 25.35, 21.79),
                        (0.00862, 0.02284, 0.04284),
                    ],
                    "multistage": [
                        (0.9327, 0.8355, 0.7061),
                        (31.08, 25.81, 22.17),
                        (0.00890, 0.02212, 0.04102),
                    ],
                },
            ),
        ),
        Table(
            "Table 4",
            "CelebA, 2,000 photographs",
            ("SSIM", "PSNR", "L1"),
            by_bin(
                _BINS,
                {
                    "Pluralistic": [
                        (0.9380, 0.8437, 0.7085),
                        (30.65, 24.76, 19.55),
                        (0.00812, 0.02282, 0.05264),
                    ],
                    "partial convolution": [
                        (0.9261, 0.8533, 0.7431),
                        (31.43, 26.41, 21.83),
                        (0.01310, 0.02277, 0.04209),
                    ],
                    "EdgeConnect": [
                        (0.9469, 0.8605, 0.7335),
                        (31.17, 25.38, 20.23),
                        (0.00732, 0.02049, 0.04827),
                    ],
                    "multistage": [
                        (0.9529, 0.8744, 0.7599),
                        (32.42, 26.67, 21.95),
                        (0.00630, 0.01743, 0.03774),
                    ],
                },
            ),
        ),
        Table(
            "Table 4",
            "Places2, 700 photographs",
            ("SSIM", "PSNR", "L1"),
            by_bin(
                _BINS,
                {
                    "Pluralistic": [
                        (0.8916, 0.7521, 0.6027),
                        (27.54, 22.65, 18.89),
                        (0.01299, 0.03284, 0.06266),
                    ],
                    "partial convolution": [
                        (0.9085, 0.7783, 0.6267),
                        (28.58, 23.69, 20.20),
                        (0.01237, 0.02986, 0.05435),
                    ],
                    "EdgeConnect": [
                        (0.9081, 0.7796, 0.6352),
                        (28.41, 23.63, 20.18),
                        (0.01250, 0.02999, 0.05465),
                    ],
                    "multistage": [
                        (0.9101, 0.7852, 0.6359),
                        (28.84, 23.96, 20.41),
                        (0.01245, 0.02863, 0.05232),
                    ],
                },
            ),
        ),
    ]
}

PROTOCOL = Protocol(
    "multistage",
    "multistage attention network, Pattern Recognition 2020, Table 4",
    (
        Measure("psnr", "psnr", colour="grey_bgr"),
        Measure("ssim", "ssim", colour="grey_bgr", window="51"),
        Measure("l1", "l1_of_sum", colour="grey_bgr"),
    ),
    bins=(RATIO_BINS[1], RATIO_BINS[3], RATIO_BINS[5]),
    notes=(
        "its L1 is EdgeConnect's, which is not a mean absolute error and cannot be compared with "
        "the percentages of the other papers",
        "the released test normalises with the statistics of each batch of six; here the running "
        "statistics are used",
    ),
    published=_PUBLISHED,
)
