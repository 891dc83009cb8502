"""The systems, each in a folder of its own, to be read beside its paper.

What a system says about itself is in the `__init__` of its folder (specification.py). Importing
this package does not import TensorFlow.
"""

from typing import TYPE_CHECKING, Any

from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import VARIANTS, Specification, all_systems

if TYPE_CHECKING:  # it imports TensorFlow
    from tfinpaint.systems.base import System


def create(system: str, variant: str = "paper", **settings: Any) -> "System":
    """An untrained system, a tfinpaint.systems.base.System.

    It has its generator only. Critics and feature networks are made by `compile`. Nothing is
    downloaded here.

    Args:
        system: its name, one of tfinpaint.SYSTEMS.
        variant: "paper" (as the text says) or "official" (as the authors' released code does).
        **settings: the system's own, such as `width` and `depth`: see its class.

    Raises: SettingsError for an unknown name, variant or setting.
    """
    specification = specification_of(system)
    if variant not in VARIANTS:
        raise SettingsError(f"`variant` is paper or official. Got {variant!r}")
    unknown = sorted(set(settings) - set(specification.defaults))
    if unknown:
        raise SettingsError(
            f"`system={system!r}` has no setting {', '.join(unknown)}; it has "
            f"{', '.join(specification.defaults)}"
        )
    for setting in specification.settings:
        value = settings.get(setting.name, setting.default)
        if not (value is setting.default is None or setting.allows(value)):
            raise SettingsError(
                f"`{setting.name}` is {setting.allowed} for {system}. Got {value!r}"
            )
    return specification.load()(variant=variant, **settings)


def specification_of(system: str) -> Specification:
    """What the system says about itself. Raises SettingsError for an unknown name."""
    if system not in all_systems():
        raise SettingsError(f"`system` is one of {', '.join(all_systems())}. Got {system!r}")
    return all_systems()[system]


def all_settings(system: str, **settings: Any) -> dict:
    """All settings of the system: those in `settings`, and the paper's values for the others.

    Raises: SettingsError for an unknown system.
    """
    return {**specification_of(system).defaults, **settings}


__all__ = ["all_settings", "create", "specification_of"]
