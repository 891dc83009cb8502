"""Checks the arguments of a system's `compile` before any network is made."""

import math
import numbers
from typing import Any, Dict, Mapping, Optional

from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import Specification


def check(
    specification: Specification,
    freeze_batch_norm: str,
    critic_weights: Optional[str],
    critic_learning_rate: Optional[float],
) -> None:
    """Raises SettingsError or ValueError for a value that the system does not allow.

    Arguments are those of `compile`.
    """
    if freeze_batch_norm not in ("none", "encoder", "all"):
        raise ValueError(f"`freeze_batch_norm` is none, encoder or all. Got {freeze_batch_norm!r}")
    if freeze_batch_norm != "none" and not specification.has_batch_norm:
        raise SettingsError(
            f"`freeze_batch_norm={freeze_batch_norm!r}`: {specification.name} has no batch norm; "
            "none is allowed"
        )
    if critic_weights is not None and not specification.takes_critic_weights:
        raise SettingsError(
            f"`critic_weights={critic_weights!r}`: a critic of {specification.name} begins from "
            "random weights; leave it"
        )
    if critic_learning_rate is not None and "critic" not in specification.rates:
        raise SettingsError(
            f"`critic_learning_rate={critic_learning_rate:g}`: {specification.name} has no critic; "
            "leave it"
        )


def check_numbers(ema_decay: Any, image_size: Any, **values: Any) -> None:
    """Raises SettingsError for a number that is not finite, or is below 0.

    Args:
        ema_decay: also at most 1.
        image_size: a whole number, at least 1.
        **values: other arguments of `compile`. None is allowed.
    """
    if not isinstance(image_size, numbers.Integral) or image_size < 1:
        raise SettingsError(f"`image_size` is a whole number, at least 1. Got {image_size!r}")
    for name, value in {"ema_decay": ema_decay, **values}.items():
        if value is not None and not _is_finite_from_0(value):
            raise SettingsError(f"`{name}` is at least 0 and finite. Got {value!r}")
    if ema_decay > 1:
        raise SettingsError(f"`ema_decay` is from 0 to 1. Got {ema_decay!r}")


def _is_finite_from_0(value):
    return isinstance(value, numbers.Real) and 0 <= value < math.inf


def weights_of_terms(
    specification: Specification,
    variant: str,
    given: Mapping[str, float],
    perceptual_weights: str,
    image_size: int,
) -> Dict[str, float]:
    """{term: weight} for all terms: the given weight, or else the variant's.

    With perceptual_weights="none", terms that need the feature network have the weight 0. A given
    weight that would have no effect is refused, unless it is the variant's own: flagfiles list the
    weights of their papers, and `perceptual_weights="none"` after such a file is allowed.

    Raises: SettingsError for an unknown term, for a weight that is not finite or is below 0, for a
        weight of a term whose features are switched off, or for a term whose critic or feature
        network needs a larger `image_size`.
    """
    of_variant = specification.weights(variant)
    unknown = sorted(set(given) - set(of_variant))
    if unknown:
        raise SettingsError(
            f"`loss_weights[{unknown[0]!r}]`: {specification.name} has no such term; its terms are "
            f"{', '.join(of_variant)}"
        )
    for name, value in given.items():
        if not _is_finite_from_0(value):
            raise SettingsError(f"`loss_weights[{name!r}]` is at least 0 and finite. Got {value!r}")
    weights = {**of_variant, **given}
    if perceptual_weights == "none":
        for name in specification.feature_terms:
            if weights[name] not in (0, of_variant[name]):
                raise SettingsError(
                    f"`loss_weights[{name!r}]={weights[name]:g}` needs `perceptual_weights`, which "
                    "is 'none'"
                )
        weights.update({name: 0.0 for name in specification.feature_terms})
    for term in specification.terms:
        if weights[term.name] and image_size < term.smallest:
            raise SettingsError(
                f"`image_size` is at least {term.smallest} for the network that judges it "
                f"(`loss_weights[{term.name!r}]=0` does without it). Got {image_size}"
            )
    return weights
