"""Shift-Net: Image Inpainting via Deep Feature Rearrangement, ECCV 2018."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="shift_net",
    title="Shift-Net",
    paper=("Yan et al., Shift-Net: Image Inpainting via Deep Feature Rearrangement, ECCV 2018"),
    implementation="tfinpaint.systems.shift_net.system:ShiftNet",
    settings=(
        Setting(
            "width", 64, 4, 1024, "channels of the first layers of the generator and the critic"
        ),
        Setting("depth", 8, 4, 10, "halvings; images are multiples of 2^depth"),
    ),
    terms=(
        Term("l1", 1.0, "L1 of the output, everywhere", official=100.0, reconstruction=True),
        Term(
            "guidance",
            0.01,
            "squared difference of decoder features in the hole, before the shift layer, and the "
            "encoder's of the original",
            official=1.0,
        ),
        Term(
            "adversarial",
            0.002,
            "the critic calls the output real",
            official=0.2,
            smallest=24,
        ),
        Term(
            "hole",
            0.0,
            "L1 in square holes, discounted by 0.9^distance to the edge",
            official=400.0,
            reconstruction=True,
        ),
        Term("content", 0.0, "VGG-16 pool1-pool3", official=1.0, features=True),
        Term(
            "style",
            0.0,
            "Gram matrices of VGG-16 pool1-pool3",
            official=10.0,
            features=True,
        ),
    ),
    rates={"generator": 2e-4, "critic": 2e-4},
    adam_betas=(0.5, 0.999),
    attention_layers=("shift",),
    attention_is_flow=True,
    main_term="l1",
    small={"width": 4, "depth": 4},
    release="tfinpaint.systems.shift_net.released:RELEASE",
)
