"""What the study trains: every run with its flags, as plain data, in the order of training.

    for run in plan():
        run.name                      # "facades-reconstruction-musical.only_1x1-1"
        run.flags(photos, weights)    # of tfinpaint.train, without --run_dir, --steps and --phases

A run is a design (a system with its size, perhaps with one part taken away), trained on a set of
photographs, with all terms of its loss ("full") or only the reconstruction terms
("reconstruction"), from a seed. COMMON has the flags that all runs share.
"""

import dataclasses
from typing import Dict, List, Tuple

SIDE = 128  # pixels of all squares
BATCH = 8  # squares in a step
SETS = ("facades", "free")
FULL, RECONSTRUCTION = "full", "reconstruction"
SEEDS = (1, 2, 3)

# The holes are boxes, objects and strokes, because only "mixed" trains for both kinds of hole that
# are measured. The moving average is short, because some systems take only a few thousand steps.
COMMON = (
    f"--image_size={SIDE}",
    f"--batch_size={BATCH}",
    "--holes=mixed",
    "--hole_ratio=0.1,0.6",
    "--ema_decay=0.99",
    "--checkpoint_every=100",
    "--log_every=50",
    "--eval_every=0",
    "--sample_every=0",
    "--warn_after=0",
)

# Sizes with which each generator (both networks together, if it has two) has about 2.5 million
# parameters. These flags follow COMMON and so override it.
SIZES: Dict[str, Tuple[str, ...]] = {
    "partial_conv": ("--width=30", "--depth=5"),
    "multistage": ("--width=29", "--depth=5"),
    "musical": ("--width=15", "--critic_weights=random"),
    "contextual_attention": ("--width=28",),
    "gated_conv": ("--width=36",),
    "coherent_semantic": ("--width=15", "--depth=5"),
    # It can fill only the centre, and takes no other holes.
    "context_encoder": ("--width=20", "--bottleneck=400", "--holes=center"),
    "shift_net": ("--width=24", "--depth=5"),
    "edge_connect": ("--width=22", "--blocks=8"),
    "pluralistic": ("--width=21", "--depth=5"),
    "global_local": ("--width=41",),
    "residual": ("--width=22",),
}
# The parameters of these generators. A test counts them.
PARAMETERS: Dict[str, int] = {
    "partial_conv": 2_558_364,
    "multistage": 2_560_001,
    "musical": 2_423_193,
    "contextual_attention": 2_759_238,
    "gated_conv": 2_283_144,
    "coherent_semantic": 2_639_886,
    "context_encoder": 2_595_920,
    "shift_net": 2_420_355,
    "edge_connect": 2_553_742,
    "pluralistic": 2_581_814,
    "global_local": 2_495_535,
    "residual": 2_410_420,
}
AIM, TOLERANCE = 2_500_000, 0.15  # parameters, and the share by which a generator may differ

# The weights of the feature network at hand are three blocks of VGG-16. The consistency term of
# coherent_semantic needs the fourth block, and edge_connect needs VGG-19: both do without.
TERMS: Dict[str, Dict[str, Tuple[str, ...]]] = {
    FULL: {
        "coherent_semantic": ("--weight_consistency=0",),
        "edge_connect": ("--perceptual_weights=none",),
    },
    RECONSTRUCTION: {
        "multistage": ("--weight_adversarial=0",),
        "musical": ("--weight_adversarial=0",),
        "contextual_attention": ("--weight_adversarial=0", "--weight_penalty=0"),
        "gated_conv": ("--weight_adversarial=0",),
        "coherent_semantic": ("--weight_adversarial=0", "--weight_feature_adversarial=0"),
        "context_encoder": ("--weight_adversarial=0",),
        "shift_net": ("--weight_adversarial=0",),
        # Its edge network has no reconstruction term, so it keeps its critic.
        "edge_connect": ("--weight_adversarial=0",),
        # Its divergences are not adversarial, so they stay.
        "pluralistic": ("--weight_adversarial=0", "--weight_adversarial_reconstruction=0"),
        "global_local": ("--weight_adversarial=0",),
    },
}

# Systems whose parts are trained one after another, and the share of the cost of each phase. The
# shares of global_local are those of the steps in its paper. The shares of edge_connect are ours.
PHASES: Dict[Tuple[str, str], Tuple[Tuple[str, float], ...]] = {
    ("edge_connect", FULL): (("edges", 0.3), ("inpainting", 0.5), ("edge_inpainting", 0.2)),
    ("edge_connect", RECONSTRUCTION): (
        ("edges", 0.3),
        ("inpainting", 0.5),
        ("edge_inpainting", 0.2),
    ),
    ("global_local", FULL): (("completion", 0.18), ("critics", 0.02), ("both", 0.8)),
}

# {design: (what differs from its system, in words, its flags)}. Designs without a part of a network
# are trained with the reconstruction terms alone. That allows two to six times as many steps as all
# terms (and lets the generator of contextual_attention learn from every batch, not every fifth).
PARTS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "multistage.no_attention": ("no attention", ("--stages=0",)),
    "multistage.one_stage": ("one stage of attention", ("--stages=1",)),
    "musical.no_attention": ("no attention", ("--attention_kind=none",)),
    "musical.only_1x1": ("patches of 1x1 alone", ("--attention_kind=1",)),
    "musical.only_3x3": ("patches of 3x3 alone", ("--attention_kind=3",)),
    "musical.no_squeeze_excite": ("no squeeze-excite", ("--nosqueeze_excite",)),
    # Down to 1x1, as in the U-Net from which the paper starts.
    "musical.strided_bottom": (
        "halvings instead of the dilated bottom",
        ("--bottom=strided", "--depth=7"),
    ),
    "coherent_semantic.convolution": (
        "a 3x3 convolution in place of the layer",
        ("--attention_kind=convolution",),
    ),
    "coherent_semantic.contextual": (
        "contextual attention in place of the layer",
        ("--attention_kind=contextual",),
    ),
    "coherent_semantic.shift": (
        "the shift operation in place of the layer",
        ("--attention_kind=shift",),
    ),
    "coherent_semantic.no_layer": (
        "nothing in place of the layer",
        ("--attention_kind=none",),
    ),
    "contextual_attention.no_attention": (
        "no branch with attention",
        ("--attention_kind=none",),
    ),
    "contextual_attention.no_discount": ("no spatial discount", ("--discount=1",)),
    "residual.mean_first_fill": (
        "the mean colour in place of the smooth fill",
        ("--first_fill=mean",),
    ),
    "residual.one_size": ("the whole size alone is corrected", ("--sizes=1",)),
    "residual.no_attention": ("no attention", ("--attention_kind=none",)),
    "residual.undilated": ("no dilated blocks", ("--nodilated",)),
}
# In the same form: designs without a term of the loss, which are trained with all other terms.
LOSSES: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "multistage.no_style": ("no style term", ("--weight_style=0",)),
    "multistage.no_perceptual": ("no perceptual term", ("--weight_perceptual=0",)),
    "multistage.no_features": (
        "no perceptual and no style term",
        ("--weight_perceptual=0", "--weight_style=0"),
    ),
    "multistage.no_adversarial": ("no adversarial term", ("--weight_adversarial=0",)),
    "musical.no_adversarial": ("no adversarial term", ("--weight_adversarial=0",)),
    "coherent_semantic.no_feature_critic": (
        "no feature critic",
        ("--weight_feature_adversarial=0",),
    ),
    "residual.no_coarse": ("the whole size alone is judged", ("--weight_coarse=0",)),
    "residual.no_perceptual": ("no perceptual term", ("--weight_perceptual=0",)),
    # There are weights for three blocks of VGG-16. The fourth, which this term uses, is random.
    "coherent_semantic.consistency": (
        "with the consistency term",
        ("--weight_consistency=0.01",),
    ),
}
ABLATIONS = {**PARTS, **LOSSES}

# The most interesting systems come first: after an early stop, there are the four proposals and
# their baselines.
ORDER = (
    "multistage",
    "partial_conv",
    "musical",
    "shift_net",
    "coherent_semantic",
    "contextual_attention",
    "gated_conv",
    "residual",
    "edge_connect",
    "pluralistic",
    "global_local",
    "context_encoder",
)
OURS = "residual"  # the one system that is not a paper's
SEEDED = ORDER[:7]  # the four proposals, and the nearest baselines that their papers compare with


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the study.

    data:    "facades" or "free".
    regime:  "full" or "reconstruction".
    design:  a system, or a key of ABLATIONS.
    seed:    of weights, order, crops and holes.
    """

    data: str
    regime: str
    design: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data}-{self.regime}-{self.design}-{self.seed}"

    @property
    def system(self) -> str:
        return system_of(self.design)

    @property
    def phases(self) -> Tuple[Tuple[str, float], ...]:
        """(name, share of the cost) of its phases; empty if all parts learn together."""
        return PHASES.get((self.system, self.regime), ())

    def flags(self, photos: str, perceptual_weights: str = "") -> List[str]:
        """The flags of tfinpaint.train, without --run_dir, --steps and --phases.

        photos:              the folder of the sets.
        perceptual_weights:  file of VGG-16; "": no perceptual terms.
        """
        features = "none" if self.regime == RECONSTRUCTION else perceptual_weights or "none"
        return [
            f"--system={self.system}",
            f"--train_data=folder:{photos}/{self.data}/train",
            f"--seed={self.seed}",
            f"--perceptual_weights={features}",
            *COMMON,
            *SIZES[self.system],
            *TERMS[self.regime].get(self.system, ()),
            *(ABLATIONS[self.design][1] if self.design in ABLATIONS else ()),
        ]


def system_of(design: str) -> str:
    """The system of a design."""
    return design.partition(".")[0]


def ablation_regime(design: str) -> str:
    """The regime in which an ablation and its system are compared."""
    return RECONSTRUCTION if design in PARTS else FULL


def plan() -> List[Run]:
    """All runs, in the order of training."""
    first, others = SEEDS[0], SEEDS[1:]
    runs = [
        *(Run("facades", RECONSTRUCTION, design, first) for design in ORDER),
        *(Run("facades", FULL, design, first) for design in ORDER),
        *(Run("facades", ablation_regime(design), design, first) for design in ABLATIONS),
        *(Run("free", FULL, design, first) for design in ORDER),
        *(Run("free", RECONSTRUCTION, design, first) for design in ORDER),
        *(Run("facades", FULL, design, seed) for seed in others for design in SEEDED),
        *(Run("facades", RECONSTRUCTION, design, seed) for seed in others for design in SEEDED),
        *(Run("free", FULL, design, seed) for seed in others for design in SEEDED),
    ]
    return list(dict.fromkeys(runs))
