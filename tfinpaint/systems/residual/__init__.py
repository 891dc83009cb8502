"""The system of the default model, this project's own.

One small network corrects a smooth fill from coarse to fine.
"""

from tfinpaint.systems.specification import Choice, Setting, Specification, Term

SPECIFICATION = Specification(
    name="residual",
    title="residual pyramid",
    paper=None,
    implementation="tfinpaint.systems.residual.system:Residual",
    settings=(
        Setting("width", 24, 4, 1024, "half the channels of the network's first level"),
        Setting("depth", 6, 2, 64, "blocks at an eighth of the size"),
        Setting(
            "sizes",
            4,
            1,
            7,
            "number of sizes at which the fill is corrected, each half of the one before; images "
            "are multiples of 8 * 2^(sizes - 1)",
        ),
        Choice(
            "attention_kind",
            "known",
            ("known", "none"),
            "attention to the known cells at an eighth of the size, or none",
        ),
        Choice(
            "dilated",
            True,
            (True, False),
            "whether the blocks at an eighth of the size are dilated",
        ),
        Choice(
            "first_fill",
            "smooth",
            ("smooth", "mean"),
            "what the network corrects: the smooth fill, or the mean colour of the known pixels",
        ),
    ),
    terms=(
        Term(
            "hole",
            0.1,
            "logarithm of the root mean square error in the hole at full size, for each picture",
            reconstruction=True,
        ),
        Term(
            "coarse",
            0.1,
            "the term hole at the smaller sizes, added up",
            reconstruction=True,
        ),
        Term("perceptual", 0.06, "L1 of VGG-16 features of the output", features=True),
    ),
    rates={"generator": 5e-4},
    attention_layers=("known",),
    keeps_known=True,
    main_term="hole",
    small={"width": 4, "depth": 2},
)
