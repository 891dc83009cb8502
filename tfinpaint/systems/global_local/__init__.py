"""Globally and locally consistent image completion, SIGGRAPH 2017."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="global_local",
    title="globally and locally consistent completion",
    paper="Iizuka et al., Globally and Locally Consistent Image Completion, SIGGRAPH 2017",
    implementation="tfinpaint.systems.global_local.system:GlobalLocal",
    settings=(
        Setting(
            "width", 64, 4, 1024, "channels of the first layers of completion network and critics"
        ),
    ),
    terms=(
        Term(
            "hole",
            1.0,
            "squared error in the hole, averaged over the whole picture",
            "(2)",
            official=0.5,
            reconstruction=True,
        ),
        Term(
            "adversarial",
            4e-4,
            "the global and the local critic together call the completed picture real",
            "(3-4)",
            official=2e-4,
        ),
    ),
    rates={"generator": 1.0, "critic": 1.0},
    optimizer="adadelta",
    has_batch_norm=True,
    phases={
        "completion": ("generator",),
        "critics": ("critic",),
        "both": ("generator", "critic"),
    },
    main_term="hole",
    small={"width": 4},
    release="tfinpaint.systems.global_local.released:RELEASE",
)
