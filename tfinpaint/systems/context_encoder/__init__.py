"""The context encoder: Context Encoders: Feature Learning by Inpainting, CVPR 2016."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="context_encoder",
    title="context encoder",
    paper="Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016",
    implementation="tfinpaint.systems.context_encoder.system:ContextEncoder",
    settings=(
        Setting("width", 64, 4, 1024, "channels of the first layers of generator and critic"),
        Setting("bottleneck", 4000, 1, 65536, "channels of the encoder's output"),
        Setting(
            "depth",
            5,
            3,
            8,
            "halvings of the encoder; images have 4 * 2^depth pixels a side, 128 for 5",
        ),
    ),
    terms=(
        Term(
            "reconstruction",
            0.999,
            "squared error of the centre, with ten times the weight on its known rim",
            reconstruction=True,
        ),
        Term("adversarial", 0.001, "the critic calls the centre real"),
    ),
    rates={"generator": 2e-3, "critic": 2e-4},
    adam_betas=(0.5, 0.999),
    has_batch_norm=True,
    hole_kinds=("center",),
    painter="tfinpaint.systems.context_encoder.painter:CentrePainter",
    main_term="reconstruction",
    small={"width": 4, "bottleneck": 16, "depth": 4},
    release="tfinpaint.systems.context_encoder.released:RELEASE",
)
