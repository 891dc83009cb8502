"""Checks of the arguments that layers are made with."""

import math
import numbers
from typing import Any


def check_whole(**values: int) -> None:
    """Raises ValueError if a value is not a whole number, or is below 1."""
    for name, value in values.items():
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"`{name}` is a whole number, at least 1. Got {value!r}")


def check_odd(**values: int) -> None:
    """Raises ValueError if a value is not an odd whole number, or is below 1."""
    check_whole(**values)
    for name, value in values.items():
        if value % 2 != 1:
            raise ValueError(f"`{name}` is odd and at least 1. Got {value!r}")


def check_finite(**values: float) -> None:
    """Raises ValueError if a value is not a finite number."""
    for name, value in values.items():
        if not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError(f"`{name}` is a finite number. Got {value!r}")


def check_positive(**values: float) -> None:
    """Raises ValueError if a value is not a finite number, or is not above 0."""
    check_finite(**values)
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"`{name}` is above 0. Got {value!r}")


def check_variant(variant: str) -> None:
    """Raises ValueError if `variant` is neither "paper" nor "official"."""
    if variant not in ("paper", "official"):
        raise ValueError(f"`variant` is paper or official. Got {variant!r}")


def fixed(arguments: dict, **values: Any) -> dict:
    """`arguments` with each of `values` added: arguments of a layer that allow one value only.

    Raises: ValueError if `arguments` has another value for one of them.
    """
    for name, value in values.items():
        given = arguments.get(name, value)
        if given not in (value, (value, value), [value, value]):
            raise ValueError(f"`{name}` is {value!r} here. Got {given!r}")
    return {**arguments, **values}
