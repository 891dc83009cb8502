"""The papers' claims, as comparisons that the study can make, and the rule for a verdict.

A claim says that one design is better than another. Numbers are those of the papers' tables: dB of
PSNR over the whole picture, whereas the study measures PSNR in the hole. The papers' photographs
are replaced: Paris StreetView by facades, Places2 by free, and CelebA, since there are no faces, by
both.
"""

import dataclasses
from typing import List, Optional, Tuple

import numpy as np

from tools.studies.plan import ABLATIONS, FULL, RECONSTRUCTION, ablation_regime
from tools.studies.results import MORE_IS_BETTER, Result, Results

HOLDS, NO, CONTRADICTED = "holds here", "does not show here", "contradicted here"
NOT_TESTABLE, NOT_RUN = "not testable at this scale", "not run yet"

STROKES = ("10-20 %", "30-40 %", "50-60 %")
PSNR, LPIPS = "psnr_in_hole", "lpips"


@dataclasses.dataclass(frozen=True)
class Claim:
    """The claim that the design `better` beats the design `worse`.

    where:     paper and table.
    words:     what the paper says.
    cases:     (set, block) pairs that test it.
    column:    the figure that decides: PSNR if the paper has numbers, LPIPS if it shows pictures.
    obstacle:  why it cannot be tested here; "" if it can.
    """

    where: str
    words: str
    better: str
    worse: str
    cases: Tuple[Tuple[str, str], ...]
    column: str = PSNR
    obstacle: str = ""

    @property
    def regimes(self) -> Tuple[str, ...]:
        """The regimes in which the two are compared; both regimes for whole systems."""
        both = {design for design in (self.better, self.worse) if design in ABLATIONS}
        return (ablation_regime(both.pop()),) if both else (FULL, RECONSTRUCTION)


def verdict(difference: Optional[Result], column: str, obstacle: str = "") -> str:
    """What a difference (better minus worse) says about a claim.

    The claim holds if the interval and the mean of every seed lie on its side of 0. It is
    contradicted if all of them lie on the other side.
    """
    if obstacle:
        return NOT_TESTABLE
    if difference is None:
        return NOT_RUN
    sign = 1 if MORE_IS_BETTER[column] else -1
    low, high = sorted((sign * difference.mean.low, sign * difference.mean.high))
    seeds = sign * np.array(list(difference.of_seeds.values()))
    if np.isnan(low):
        return NOT_TESTABLE  # too few photographs for an interval
    if low > 0 and (seeds > 0).all():
        return HOLDS
    return CONTRADICTED if high < 0 and (seeds < 0).all() else NO


def tested(
    results: Results, claim: Claim, data: str, regime: str, block: str
) -> Tuple[Optional[Result], str, str]:
    """Tests a claim in one case.

    A design has not learned to fill unless its PSNR is above that of the mean colour of the known
    pixels, with an interval that excludes 0. The figures of such a design say nothing about it. As
    long as that fill has not been measured, the claim counts as not run.

    Returns: the difference, the verdict, and the design that has not learned to fill, or "".
    """
    difference = results.difference(data, regime, claim.better, claim.worse, block, claim.column)
    obstacle = claim.obstacle
    if difference and not obstacle:
        for design in (claim.better, claim.worse):
            above = results.difference(data, regime, design, "mean", block, PSNR)
            if above is None:
                return difference, NOT_RUN, ""
            if above.mean.low <= 0:
                return difference, NOT_TESTABLE, design
    return difference, verdict(difference, claim.column, obstacle), ""


def _on(data: str, *blocks: str) -> Tuple[Tuple[str, str], ...]:
    return tuple((data, block) for block in blocks)


_BOTH = _on("facades", "center", "30-40 %")
_NO_FACES = _on("facades", "center") + _on("free", "center")

CLAIMS: List[Claim] = [
    # MUSICAL
    Claim(
        "MUSICAL, table 1 (Paris, centre)",
        "MUSICAL beats Shift-Net by 0.57 dB",
        "musical",
        "shift_net",
        _on("facades", "center"),
    ),
    Claim(
        "MUSICAL, table 1 (Paris, centre)",
        "MUSICAL beats the globally and locally consistent network by 1.41 dB",
        "musical",
        "global_local",
        _on("facades", "center"),
    ),
    Claim(
        "MUSICAL, table 1 (Paris, centre)",
        "MUSICAL beats the context encoder by 1.55 dB",
        "musical",
        "context_encoder",
        _on("facades", "center"),
    ),
    Claim(
        "MUSICAL, table 2 (Places, centre)",
        "MUSICAL beats Shift-Net by 0.70 dB",
        "musical",
        "shift_net",
        _on("free", "center"),
    ),
    Claim(
        "MUSICAL, table 2 (Places, centre)",
        "the context encoder beats MUSICAL by 0.46 dB",
        "context_encoder",
        "musical",
        _on("free", "center"),
    ),
    Claim(
        "MUSICAL, figure 6, experiment 2",
        "patches of two sizes beat those of 3x3 alone (pictures, no numbers)",
        "musical",
        "musical.only_3x3",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "MUSICAL, figure 6, experiment 1",
        "the adversarial term makes fills sharper (pictures, no numbers)",
        "musical",
        "musical.no_adversarial",
        _BOTH,
        LPIPS,
    ),
    # multistage
    Claim(
        "Multistage, table 4 (Paris)",
        "multistage beats partial convolutions by 1.33, 0.40 and 0.20 dB",
        "multistage",
        "partial_conv",
        _on("facades", *STROKES),
    ),
    Claim(
        "Multistage, table 4 (Paris)",
        "multistage beats EdgeConnect by 0.39, 0.46 and 0.38 dB",
        "multistage",
        "edge_connect",
        _on("facades", *STROKES),
    ),
    Claim(
        "Multistage, table 4 (Paris)",
        "multistage beats Pluralistic by 2.32, 2.11 and 2.56 dB",
        "multistage",
        "pluralistic",
        _on("facades", *STROKES),
    ),
    Claim(
        "Multistage, table 4 (Places2)",
        "multistage beats partial convolutions by 0.26, 0.27 and 0.21 dB",
        "multistage",
        "partial_conv",
        _on("free", *STROKES),
    ),
    Claim(
        "Multistage, table 4 (Places2)",
        "multistage beats EdgeConnect by 0.43, 0.33 and 0.23 dB",
        "multistage",
        "edge_connect",
        _on("free", *STROKES),
    ),
    Claim(
        "Multistage, table 4 (Places2)",
        "multistage beats Pluralistic by 1.30, 1.31 and 1.52 dB",
        "multistage",
        "pluralistic",
        _on("free", *STROKES),
    ),
    Claim(
        "Multistage, section 5.3.1",
        "the second stage adds detail to the first (maps, no numbers): two stages beat one",
        "multistage",
        "multistage.one_stage",
        _on("facades", *STROKES),
    ),
    Claim(
        "Multistage, figure 10 (f)",
        "perceptual and style terms make fills more plausible (pictures, no numbers)",
        "multistage",
        "multistage.no_features",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "Multistage, figure 10 (c)",
        "the adversarial term makes fills more realistic (pictures, no numbers)",
        "multistage",
        "multistage.no_adversarial",
        _BOTH,
        LPIPS,
    ),
    # coherent semantic attention
    Claim(
        "CSA, table 1 (CelebA, centre)",
        "CSA beats Shift-Net by 0.16 dB",
        "coherent_semantic",
        "shift_net",
        _NO_FACES,
    ),
    Claim(
        "CSA, table 1 (CelebA, centre)",
        "CSA beats contextual attention by 2.61 dB",
        "coherent_semantic",
        "contextual_attention",
        _NO_FACES,
    ),
    Claim(
        "CSA, table 2 (CelebA)",
        "CSA beats partial convolutions by 3.56 (10-20 %) and 1.86 dB (30-40 %)",
        "coherent_semantic",
        "partial_conv",
        _on("facades", *STROKES[:2]) + _on("free", *STROKES[:2]),
    ),
    Claim(
        "CSA, table 2 (CelebA)",
        "CSA beats gated convolutions by 3.02 (10-20 %) and 0.84 dB (30-40 %)",
        "coherent_semantic",
        "gated_conv",
        _on("facades", *STROKES[:2]) + _on("free", *STROKES[:2]),
    ),
    Claim(
        "CSA, table 2 (CelebA)",
        "gated convolutions beat partial ones by 0.54 (10-20 %) and 1.02 dB (30-40 %)",
        "gated_conv",
        "partial_conv",
        _on("facades", *STROKES[:2]) + _on("free", *STROKES[:2]),
    ),
    Claim(
        "CSA, figure 8",
        "the layer beats a convolution in its place (pictures, no numbers)",
        "coherent_semantic",
        "coherent_semantic.convolution",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "CSA, figure 8",
        "the layer beats contextual attention in its place (pictures, no numbers)",
        "coherent_semantic",
        "coherent_semantic.contextual",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "CSA, figure 11",
        "the feature critic makes fine detail (pictures, no numbers)",
        "coherent_semantic",
        "coherent_semantic.no_feature_critic",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "CSA, figure 10",
        "the consistency term mends the middle of the hole (pictures, no numbers)",
        "coherent_semantic.consistency",
        "coherent_semantic",
        _on("facades", "center"),
        LPIPS,
        "conv4_3 of VGG-16, at which the term looks, is not in the weights that were at hand: it "
        "is random",
    ),
    # DeepFill
    Claim(
        "DeepFill v1",
        "contextual attention makes fills better than the same network without it",
        "contextual_attention",
        "contextual_attention.no_attention",
        _BOTH,
        LPIPS,
    ),
    Claim(
        "DeepFill v1",
        "the spatial discount of the L1 loss makes large holes better",
        "contextual_attention",
        "contextual_attention.no_discount",
        _on("facades", "center", "50-60 %"),
        LPIPS,
    ),
]
