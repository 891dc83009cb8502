"""The published systems, a folder each, to be read beside its paper. What each says about itself is
in its folder's `__init__` (specification.py); importing this imports no TensorFlow."""

from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import VARIANTS, all_systems


def create(system, variant="paper", **settings):
    """An untrained system, a tfinpaint.systems.base.System: its generator only. Critics and feature
    networks come with `compile`; nothing is downloaded here.

    Args:
        system: its name, one of tfinpaint.SYSTEMS.
        variant: "paper" (as the text says) or "official" (as the authors' released code does).
        **settings: the system's own, such as `width` and `depth`; see its class.

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
        value = settings.get(setting.name)
        if value is not None and not setting.allows(value):
            raise SettingsError(
                f"`{setting.name}` is {setting.allowed} for {system}. Got {value!r}"
            )
    return specification.load()(variant=variant, **settings)


def specification_of(system):
    """What the system says about itself. Raises SettingsError for an unknown name."""
    if system not in all_systems():
        raise SettingsError(f"`system` is one of {', '.join(all_systems())}. Got {system!r}")
    return all_systems()[system]


def all_settings(system, **settings) -> dict:
    """The system's settings with the paper's values where `settings` has none. Raises SettingsError
    for an unknown name."""
    return {**specification_of(system).defaults, **settings}


__all__ = ["all_settings", "create", "specification_of"]
