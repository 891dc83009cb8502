"""Multistage attention network for image inpainting, Pattern Recognition 2020."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="multistage",
    title="multistage attention network",
    paper=(
        "Wang et al., Multistage attention network for image inpainting, Pattern Recognition 2020"
    ),
    implementation="tfinpaint.systems.multistage.system:Multistage",
    settings=(
        Setting("width", 64, 4, 1024, "channels of the first layer of generator and critic"),
        Setting("depth", 8, 4, 10, "halvings of the U-Net; images are multiples of 2^depth"),
        Setting(
            "stages",
            2,
            0,
            2,
            "stages of attention (section 3.3): 1 is the first alone, at an eighth of the size",
        ),
    ),
    terms=(
        Term("valid", 1.0, "L1 where the picture is known", "(21)", reconstruction=True),
        Term("hole", 6.0, "L1 in the hole", "(20)", reconstruction=True),
        Term("perceptual", 0.05, "VGG-16 pool1-pool3", "(13)", features=True),
        Term("style", 120.0, "Gram matrices of VGG-16 pool1-pool3", "(14-15)", features=True),
        Term("variation", 0.1, "differences of neighbouring pixels in the hole", "(19)"),
        Term("adversarial", 0.1, "the critic calls the output real", "(16-18)", smallest=24),
    ),
    rates={"generator": 2e-4, "critic": 2e-5},
    fine_tuning_rates={"generator": 5e-5, "critic": 5e-6},
    has_batch_norm=True,
    attention_layers=("stage_1", "stage_2"),
    main_term="hole",
    eight_bits=False,
    small={"width": 4, "depth": 4},
    release="tfinpaint.systems.multistage.released:RELEASE",
    protocols={"multistage": "tfinpaint.systems.multistage.protocol:PROTOCOL"},
)
