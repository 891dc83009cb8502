"""A small system that every test finds in the same state.

Building a system takes longer than most tests. So each is built once and set back before it is
used again: all that a step may change gets the values that it had after `compile`.
"""

import functools

import tensorflow as tf
from small import SMALL

import tfinpaint


class SetBack:
    """One small system.

    Attributes:
        system: in whatever state the last test left it.
    """

    def __init__(self, name, variant):
        tf.keras.utils.set_random_seed(1)
        self.system = tfinpaint.create(name, variant=variant, **SMALL[name])
        self._initial = values(self.system.generator.variables)
        self._settings, self._compiled = None, []

    def compiled(self, **settings):
        """The system as it was after `compile(**settings)`, which is called only where needed."""
        if settings != self._settings or self._is_another():
            self._compile(settings)
        assign(self._compiled)
        return self.system

    def _is_another(self):
        """Whether a test has compiled it in its own way since."""
        return [id(v) for v in state(self.system)] != [id(v) for v, _ in self._compiled]

    def _compile(self, settings):
        assign(self._initial)
        for part in set(self.system.networks) - {"generator"}:  # made anew
            setattr(self.system, part, None)
        tf.keras.utils.set_random_seed(2)
        self.system.compile(**settings)
        self.system.restart_average()
        self._settings, self._compiled = settings, values(state(self.system))


@functools.lru_cache(maxsize=None)
def set_back(name, variant):
    """The one of this name and variant in this process."""
    return SetBack(name, variant)


def state(system):
    """All variables that a step may change."""
    owners = [*system.networks.values(), system.averaged_generator, *system.parts.values()]
    return [v for owner in owners if owner is not None for v in owner.variables]


def values(variables):
    """Each variable with its value."""
    return [(v, v.numpy()) for v in variables]


def assign(pairs):
    """The reverse of `values`."""
    for variable, value in pairs:
        variable.assign(value)
