"""The small version of every system, as the system's specification defines it."""

from tfinpaint.systems.specification import all_systems

SMALL = {name: dict(system.small) for name, system in all_systems().items()}
TERMS_LEFT_OUT = {name: dict(system.small_terms) for name, system in all_systems().items()}
# Side of the smallest squares that a small version can be trained on, if 32 pixels are too few.
SIZES = {"pluralistic": 48, "residual": 64}


def flags(name):
    """The flags that make a system small."""
    return (
        *([f"--image_size={SIZES[name]}"] if name in SIZES else []),
        *(f"--{setting}={value}" for setting, value in SMALL[name].items()),
        *(f"--weight_{term}={weight:g}" for term, weight in TERMS_LEFT_OUT[name].items()),
    )
