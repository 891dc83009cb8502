"""Image Inpainting for Irregular Holes Using Partial Convolutions, ECCV 2018."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="partial_conv",
    title="partial convolutions",
    paper="Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions, ECCV 2018",
    implementation="tfinpaint.systems.partial_conv.system:PartialConv",
    settings=(
        Setting("width", 64, 4, 1024, "channels of the generator's first layer"),
        Setting("depth", 8, 4, 10, "halvings of the U-Net; images are multiples of 2^depth"),
    ),
    terms=(
        Term("valid", 1.0, "L1 where the picture is known", reconstruction=True),
        Term("hole", 6.0, "L1 in the hole", reconstruction=True),
        Term(
            "perceptual",
            0.05,
            "VGG-16 pool1-pool3, of the output and of the composite",
            features=True,
        ),
        Term(
            "style",
            120.0,
            "Gram matrices of VGG-16 pool1-pool3, of the output and of the composite",
            features=True,
        ),
        Term(
            "variation",
            0.1,
            "differences of neighbouring pixels of the composite, of which at least one is missing",
        ),
    ),
    rates={"generator": 2e-4},
    fine_tuning_rates={"generator": 5e-5},
    has_batch_norm=True,
    main_term="hole",
    eight_bits=False,
    small={"width": 4, "depth": 4},
)
