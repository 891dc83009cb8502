"""What is measured, on which holes: this project's own protocol and those of the four papers, each with its own definitions.

Why: the papers' tables cannot be laid beside each other. One measures grey pictures, another colour; their SSIM has windows of 7 or 51
pixels; "L1" is a mean, or a sum over a sum, or relative; one scores the network's own output, the others the composite. A protocol
repeats what its paper and released code do, so that a number may be held against the number that the paper gives, and says what is not
known.

Figures that the papers publish: published.py.
"""

import dataclasses
from typing import Tuple

from tfinpaint.data.evaluation_holes import RATIO_BINS
from tfinpaint.metrics.quality import DEFAULT, Measure


@dataclasses.dataclass(frozen=True)
class Protocol:
    """One way to make a table.

    name, title:   how --protocol and the table's header call it.
    measures:      the columns; the first of them ranks photographs for the pictures to look at.
    holes:         "center" or "strokes" (the fixed sets), unless --holes says another.
    center:        side of the centred hole, in 256ths of the picture's.
    bins:          shares of missing pixels (LO, HI] of the fixed sets, a block of the table each.
    composited:    whether known pixels come from the photograph; otherwise the network's own output is scored everywhere.
    notes:         what a reader has to know beside it.
    """

    name: str
    title: str
    measures: Tuple[Measure, ...]
    holes: str = "strokes"
    center: int = 128
    bins: Tuple[Tuple[float, float], ...] = RATIO_BINS
    composited: bool = True
    notes: Tuple[str, ...] = ()


PROTOCOLS = {protocol.name: protocol for protocol in (
    Protocol(
        "default", "this project's own: the composite in colour, over the whole picture and in the hole",
        (DEFAULT[4], *DEFAULT[:4], *DEFAULT[5:])),
    Protocol(
        "musical", "MUSICAL, IJCAI 2019, Tables 1-3",
        (Measure("psnr", "psnr"), Measure("ssim", "ssim"), Measure("l1", "l1"),
         Measure("psnr_grey", "psnr", colour="grey"), Measure("ssim_grey", "ssim", colour="grey")),
        holes="center",
        notes=("the released script for Paris StreetView measures grey pictures: these are the two columns marked grey",
               "the released test takes a random crop along the longer side; here it is the centre")),
    Protocol(
        "multistage", "multistage attention network, Pattern Recognition 2020, Table 4",
        (Measure("psnr", "psnr", colour="grey_bgr"), Measure("ssim", "ssim", colour="grey_bgr", window="51"),
         Measure("l1", "l1_of_sum", colour="grey_bgr")),
        bins=(RATIO_BINS[1], RATIO_BINS[3], RATIO_BINS[5]),
        notes=("its L1 is EdgeConnect's, no mean absolute error: not comparable with the percentages of the other papers",
               "the released test normalises with the statistics of each batch of six; here the running statistics are used")),
    Protocol(
        "coherent_semantic", "coherent semantic attention, ICCV 2019, Tables 1 (centred hole) and 2 (--holes=strokes)",
        (Measure("psnr", "psnr"), Measure("ssim", "ssim", window="gauss11"), Measure("l1", "l1"), Measure("l2", "l2")),
        holes="center", center=120, bins=RATIO_BINS[1:5], composited=False,
        notes=("the released notebook scores the network's own output, known pixels too",
               "which SSIM the paper means is not known; the Gaussian window of Wang et al. 2004 is taken here")),
    Protocol(
        "deepfill", "contextual attention (DeepFill v1), CVPR 2018",
        (Measure("psnr", "psnr"), Measure("l1", "l1_relative"), Measure("l2", "l2_relative"), Measure("variation", "variation")),
        holes="center",
        notes=("relative errors as its author describes them; the paper does not define its total variation, here it is that of the result",
               "the figures that the paper publishes are not at hand here")),
)}
