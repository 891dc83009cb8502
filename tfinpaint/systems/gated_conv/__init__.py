"""DeepFill v2: Free-Form Image Inpainting with Gated Convolution, ICCV 2019."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="gated_conv",
    title="DeepFill v2",
    paper="Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019",
    implementation="tfinpaint.systems.gated_conv.system:GatedConv",
    settings=(
        Setting(
            "width",
            48,
            4,
            1024,
            "channels of the generator's first layers, half of them gates; the critic's first "
            "layer has 4/3 as many",
        ),
    ),
    terms=(
        Term("coarse", 1.0, "L1 of the coarse output, everywhere", reconstruction=True),
        Term("refinement", 1.0, "L1 of the refined output, everywhere", reconstruction=True),
        Term("adversarial", 1.0, "hinge loss of the critic"),
    ),
    rates={"generator": 1e-4, "critic": 1e-4},
    adam_betas=(0.5, 0.999),
    attention_layers=("contextual",),
    attention_is_flow=True,
    main_term="refinement",
    small={"width": 8},
    release="tfinpaint.networks.deepfill_release:RELEASE",
)
