"""EdgeConnect: Structure Guided Image Inpainting using Edge Prediction, ICCV workshops 2019."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="edge_connect",
    title="EdgeConnect",
    paper=(
        "Nazeri et al., EdgeConnect: Structure Guided Image Inpainting using Edge Prediction, ICCV "
        "workshops 2019"
    ),
    implementation="tfinpaint.systems.edge_connect.system:EdgeConnect",
    settings=(
        Setting(
            "width",
            64,
            4,
            1024,
            "channels of the first layers of the edge network, the inpainting network and the "
            "critics",
        ),
        Setting("blocks", 8, 1, 64, "residual blocks of either network; images are multiples of 4"),
    ),
    terms=(
        Term(
            "edge_adversarial",
            1.0,
            "the edge critic calls the completed edges real",
            smallest=24,
        ),
        Term(
            "feature_matching",
            10.0,
            "L1 between the edge critic's features of completed and of true edges",
            smallest=24,
        ),
        Term(
            "l1",
            1.0,
            "L1 everywhere, divided by the share of missing pixels",
            reconstruction=True,
        ),
        Term(
            "perceptual",
            0.1,
            "VGG-19 features, first convolution of each block",
            features=True,
            smallest=16,  # block 5 has a sixteenth of the size
        ),
        Term(
            "style",
            250.0,
            "Gram matrices of four VGG-19 layers, for pictures blanked outside the hole",
            features=True,
            smallest=16,
        ),
        Term("adversarial", 0.1, "the critic of pictures calls the output real", smallest=24),
    ),
    rates={"generator": 1e-4, "critic": 1e-5, "edges": 1e-4, "edge_critic": 1e-5},
    adam_betas=(0.0, 0.9),
    phases={
        "edges": ("edges", "edge_critic"),
        "inpainting": ("generator", "critic"),
        "edge_inpainting": ("generator", "critic"),
        "joint": ("generator", "critic", "edges", "edge_critic"),
    },
    image_inputs={"edges": "tfinpaint.systems.edge_connect.edge_inputs:edges_of"},
    fill_inputs=("edges",),
    painter="tfinpaint.systems.edge_connect.painter:EdgeConnectPainter",
    main_term="l1",
    eight_bits=False,
    small={"width": 4, "blocks": 1},
    release="tfinpaint.systems.edge_connect.released:RELEASE",
)
