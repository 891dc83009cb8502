"""Coherent semantic attention: Coherent Semantic Attention for Image Inpainting, ICCV 2019."""

from tfinpaint.systems.specification import Choice, Setting, Specification, Term

SPECIFICATION = Specification(
    name="coherent_semantic",
    title="coherent semantic attention",
    paper="Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019",
    implementation="tfinpaint.systems.coherent_semantic.system:CoherentSemantic",
    settings=(
        Setting(
            "width",
            64,
            4,
            1024,
            "channels of the first layers of the generator's two networks and of the critics",
        ),
        Setting("depth", 8, 4, 10, "halvings of both networks; images are multiples of 2^depth"),
        Choice(
            "attention_kind",
            "coherent",
            ("coherent", "contextual", "shift", "convolution", "none"),
            "the layer in the refinement's encoder: coherent semantic attention, equations (1-3); "
            "or in its place contextual attention, a 3x3 convolution (both section 4.3, Figure 8), "
            "the shift operation, or none",
        ),
    ),
    terms=(
        Term(
            "rough",
            1.0,
            "L1 of the rough output, everywhere",
            "(7)",
            official=100.0,
            reconstruction=True,
        ),
        Term(
            "refinement",
            1.0,
            "L1 of the refined output, everywhere",
            "(7)",
            official=100.0,
            reconstruction=True,
        ),
        Term(
            "consistency",
            0.01,
            "features after the attention, and the decoder's at the same place, like those of "
            "VGG-16 conv4_3",
            "(4)",
            official=1.0,
            features=True,
        ),
        Term(
            "adversarial",
            0.002,
            "relativistic average least squares on 70x70 patches",
            "(5)",
            official=0.2,
            smallest=24,
        ),
        Term(
            "feature_adversarial",
            0.002,
            "relativistic average least squares on VGG-16 pool3 features",
            "(5)",
            official=0.2,
            features=True,
            smallest=64,
        ),
    ),
    rates={"generator": 2e-4, "critic": 2e-4},
    adam_betas=(0.5, 0.999),
    attention_layers=("coherent",),
    main_term="refinement",
    small={"width": 4, "depth": 4},
    release="tfinpaint.systems.coherent_semantic.released:RELEASE",
    protocols={"coherent_semantic": "tfinpaint.systems.coherent_semantic.protocol:PROTOCOL"},
)
