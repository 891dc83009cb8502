"""Checks of the arguments that layers are made and called with."""

import math
import numbers
from typing import Any, Sequence

import tensorflow as tf


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


def check_features_and_hole(features: tf.Tensor, hole: tf.Tensor) -> None:
    """Raises ValueError for features other than [B, H, W, C], or a hole other than [B, h, w, 1].

    Sizes that the graph does not know are not checked.
    """
    if not features.shape.is_compatible_with([None] * 4):
        raise ValueError(f"`features` is [B, H, W, C]. Got {features.shape.as_list()}")
    batch = features.shape.with_rank(4)[0]
    if not hole.shape.is_compatible_with([batch, None, None, 1]):
        raise ValueError(
            f"`hole` is [B, any, any, 1], with the B of `features`, {batch}. "
            f"Got {hole.shape.as_list()}"
        )


def check_parts_of_valid(features: Sequence[tf.Tensor], valid: Sequence[tf.Tensor]) -> None:
    """Raises ValueError if `valid` does not fit `features`, part by part; see PartialConv2D."""
    if len(features) != len(valid):
        raise ValueError(
            f"`features` and `valid` have as many parts. Got {len(features)} and {len(valid)}"
        )
    for part, known in zip(features, valid):
        if not part.shape.is_compatible_with([None] * 4):
            raise ValueError(f"`features` is [B, H, W, C]. Got {part.shape.as_list()}")
        *place, channels = part.shape.with_rank(4)
        if not any(known.shape.is_compatible_with([*place, c]) for c in (1, channels)):
            raise ValueError(
                f"`valid` is {[*place, 1]} or {[*place, channels]}, as `features`. "
                f"Got {known.shape.as_list()}"
            )


def fixed(arguments: dict, **values: Any) -> dict:
    """`arguments` with each of `values` added: arguments of a layer that allow one value only.

    Raises: ValueError if `arguments` has another value for one of them.
    """
    for name, value in values.items():
        given = arguments.get(name, value)
        if given not in (value, (value, value), [value, value]):
            raise ValueError(f"`{name}` is {value!r} here. Got {given!r}")
    return {**arguments, **values}
