"""The published systems, one file each, to be read beside its paper."""

from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System
from tfinpaint.systems.coherent_semantic import CoherentSemantic
from tfinpaint.systems.contextual_attention import ContextualAttentionSystem
from tfinpaint.systems.gated_conv import GatedConv
from tfinpaint.systems.multistage import Multistage
from tfinpaint.systems.musical import Musical
from tfinpaint.systems.partial_conv import PartialConv
from tfinpaint.systems.residual import Residual

_SYSTEMS = {system.system_name: system
            for system in (ContextualAttentionSystem, Musical, Multistage, CoherentSemantic, PartialConv, GatedConv, Residual)}


def create(name, variant="paper", **settings) -> System:
    """An untrained system: its generator only. Critics and feature networks come with `compile`; nothing is downloaded here.

    Args:
        name: one of tfinpaint.SYSTEMS.
        variant: "paper" (as the text says) or "official" (as the authors' released code does).
        **settings: the system's own, such as `width` and `depth`; see its class.

    Raises: SettingsError for an unknown name, variant or setting.
    """
    if name not in _SYSTEMS:
        raise SettingsError(f"--system is one of {', '.join(_SYSTEMS)}. Got {name!r}")
    if variant not in ("paper", "official"):
        raise SettingsError(f"--variant is paper or official. Got {variant!r}")
    system = _SYSTEMS[name]
    unknown = sorted(set(settings) - set(system.settings))
    if unknown:
        raise SettingsError(f"--system={name} has no setting {', '.join(unknown)}; it has {', '.join(system.settings)}")
    return system(variant=variant, **settings)


def all_settings(name, **settings) -> dict:
    """The system's settings with the paper's values where `settings` has none. Raises SettingsError for an unknown name."""
    if name not in _SYSTEMS:
        raise SettingsError(f"--system is one of {', '.join(_SYSTEMS)}. Got {name!r}")
    return {**_SYSTEMS[name].settings, **settings}


__all__ = ["System", "all_settings", "create"]
