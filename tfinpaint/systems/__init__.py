"""The systems. Each has its own folder, to be read beside its paper.

The `__init__` of a folder has the specification of its system (specification.py). Importing this
package does not import TensorFlow.
"""

from typing import TYPE_CHECKING, Any

from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import VARIANTS, Specification, all_systems

if TYPE_CHECKING:  # base.py imports TensorFlow
    from tfinpaint.systems.base import System


def create(system: str, variant: str = "paper", **settings: Any) -> "System":
    """Makes an untrained system, a tfinpaint.systems.base.System.

    It has only its generator. `compile` makes critics and feature networks. Nothing is downloaded
    here.

    Args:
        system: the system's name, one of tfinpaint.SYSTEMS.
        variant: "paper" (as the paper says) or "official" (as the authors' released code does).
        **settings: arguments of the system's class, such as `width` and `depth`. Numbers may be
            NumPy's.

    Raises: SettingsError for an unknown name, variant or setting, or a value that is not allowed.
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
    settings = {name: _plain(value) for name, value in settings.items()}
    for setting in specification.settings:
        value = settings.get(setting.name, setting.default)
        if not (value is setting.default is None or setting.allows(value)):
            raise SettingsError(
                f"`{setting.name}` is {setting.allowed} for {system}. Got {value!r}"
            )
    return specification.load()(variant=variant, **settings)


def _plain(value):
    """A number of NumPy as one of Python, which JSON can hold; anything else unchanged."""
    import numpy as np  # late: flags read this package, and do without

    return value.item() if isinstance(value, np.generic) else value


def specification_of(system: str) -> Specification:
    """The specification of a system. Raises: SettingsError for an unknown name."""
    if system not in all_systems():
        raise SettingsError(f"`system` is one of {', '.join(all_systems())}. Got {system!r}")
    return all_systems()[system]


def all_settings(system: str, **settings: Any) -> dict:
    """All settings of the system, {name: value}: `settings`, and the defaults for the others.

    Raises: SettingsError for an unknown system.
    """
    return {**specification_of(system).defaults, **settings}


__all__ = ["all_settings", "create", "specification_of"]
