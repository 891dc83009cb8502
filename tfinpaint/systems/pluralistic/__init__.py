"""Pluralistic completion: Pluralistic Image Completion, CVPR 2019."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="pluralistic",
    title="pluralistic completion",
    paper="Zheng, Cham and Cai, Pluralistic Image Completion, CVPR 2019",
    implementation="tfinpaint.systems.pluralistic.system:Pluralistic",
    settings=(
        Setting("width", 32, 4, 1024, "channels of the first blocks of encoder and critics"),
        Setting("depth", 5, 4, 8, "halvings of the encoder; images are multiples of 2^depth"),
    ),
    terms=(
        Term(
            "posterior",
            80.0,
            "KL divergence of the posterior and N(0, s^2), where s grows with the missing share",
        ),
        Term("prior", 80.0, "KL divergence of the prior and the posterior"),
        Term(
            "reconstruction",
            20.0,
            "L1 of the reconstructed pictures at four sizes, everywhere",
            reconstruction=True,
        ),
        Term(
            "valid",
            20.0,
            "L1 of the generated pictures at four sizes, where pixels are known",
            reconstruction=True,
        ),
        Term("adversarial", 1.0, "least squares: the critic calls the generated picture real"),
        Term(
            "adversarial_reconstruction",
            1.0,
            "squared difference of the critic's scores of reconstructed picture and original",
        ),
    ),
    rates={"generator": 1e-4, "critic": 1e-4},
    adam_betas=(0.0, 0.999),
    attention_layers=("short_long",),
    fill_inputs=("seed", "latent"),
    painter="tfinpaint.systems.pluralistic.painter:PluralisticPainter",
    main_term="reconstruction",
    small={"width": 4, "depth": 4},
    release="tfinpaint.systems.pluralistic.released:RELEASE",
)
