"""DeepFill v1: Generative Image Inpainting with Contextual Attention, CVPR 2018."""

from tfinpaint.systems.specification import Choice, Setting, Specification, Term

SPECIFICATION = Specification(
    name="contextual_attention",
    title="DeepFill v1",
    paper="Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018",
    implementation="tfinpaint.systems.contextual_attention.system:DeepFillV1",
    settings=(
        Setting(
            "width",
            32,
            4,
            1024,
            "channels of the generator's first layers; the critics have twice as many",
        ),
        Setting(
            "discount",
            None,
            0,
            1,
            "gamma of the spatial discount: a missing pixel has the weight gamma^distance; 1 "
            "switches the discount off. Default: 0.99, with --variant=official 0.9",
            above_low=True,
        ),
        Choice(
            "attention_kind",
            "contextual",
            ("contextual", "none"),
            "the refinement's branch with contextual attention, or none: the paper's baseline",
        ),
    ),
    terms=(
        Term(
            "hole",
            1.2,
            "L1 in the hole, discounted by gamma^distance to known pixels: 1.2 x coarse + refined",
            reconstruction=True,
        ),
        Term(
            "valid",
            1.2,
            "L1 where the picture is known: 1.2 x coarse + refined",
            reconstruction=True,
        ),
        Term("adversarial", 0.001, "the critics' scores of the composite", "(1)"),
        Term("penalty", 10.0, "gradient penalty in the critics' loss, in the hole", "(3)"),
    ),
    rates={"generator": 1e-4, "critic": 1e-4},
    adam_betas=(0.5, 0.9),
    attention_layers=("contextual",),
    attention_is_flow=True,
    extra_inputs={"distances": "tfinpaint.data.extra_inputs:distances"},
    main_term="hole",
    small={"width": 8},
    release="tfinpaint.networks.deepfill_release:RELEASE",
    protocols={"deepfill": "tfinpaint.systems.contextual_attention.protocol:PROTOCOL"},
)
