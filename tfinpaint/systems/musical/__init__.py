"""MUSICAL: multi-scale image contextual attention learning, IJCAI 2019."""

from tfinpaint.systems.specification import Choice, Setting, Specification, Term

SPECIFICATION = Specification(
    name="musical",
    title="MUSICAL",
    paper=(
        "Wang et al., MUSICAL: Multi-Scale Image Contextual Attention Learning for Inpainting, "
        "IJCAI 2019"
    ),
    implementation="tfinpaint.systems.musical.system:Musical",
    settings=(
        Setting("width", 64, 4, 1024, "channels of the generator's first layer"),
        Setting("depth", 8, 5, 10, "blocks of the U-Net; the first four halve the size"),
        Choice(
            "attention_kind",
            "both",
            ("both", "1", "3", "none"),
            "patches of the attention, equations (1-3): 1x1 and 3x3, only one of these (3 is "
            "Experiment 2, Figure 6), or no attention",
        ),
        Choice(
            "squeeze_excite",
            True,
            (True, False),
            "squeeze-excite weighs the channels after the attention, equation (3)",
        ),
        Choice(
            "bottom",
            "dilated",
            ("dilated", "strided"),
            "blocks from the fifth on: dilated ones keep the size (section 3.1); strided ones "
            "halve it, and images are then multiples of 2^depth",
        ),
    ),
    terms=(
        Term("l1", 100.0, "L1 of the output, everywhere", "(7)", reconstruction=True),
        Term("hole", 0.0, "L1 in the hole", official=6.0, reconstruction=True),
        Term("perceptual", 0.07, "VGG-16 pool1-pool3", "(4)", features=True),
        Term("style", 250.0, "Gram matrices of VGG-16 pool1-pool3", "(5-6)", features=True),
        Term("variation", 0.001, "differences of neighbouring pixels of the output", "(7)"),
        Term(
            "adversarial",
            0.3,
            "the critic calls the output real; on CelebA the paper has the weight 0",
            "(7)",
            official=0.06,
            smallest=96,
        ),
    ),
    rates={"generator": 2e-4, "critic": 2e-4},
    adam_betas=(0.5, 0.999),
    takes_critic_weights=True,
    attention_layers=("patches_1x1", "patches_3x3"),
    main_term="hole",
    small={"width": 4},
    small_terms={"adversarial": 0.0},  # its critic needs 96 pixels
    release="tfinpaint.systems.musical.released:RELEASE",
    protocols={"musical": "tfinpaint.systems.musical.protocol:PROTOCOL"},
)
