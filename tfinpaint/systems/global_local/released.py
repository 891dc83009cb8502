"""The table of the completion network's weights, which two kinds of state dicts have (PyTorch).

    names                              whose weights                      variant
    0.weight, 1.running_var, ...       the authors', converted from       paper
                                       torch7's list of modules
    conv1.weight, bn1.running_var,     the port's                         official
    ..., deconv13.weight, ...

The mean pixel is stored separately: in the authors' file as `mean`, in the port's config.json as
`mpv`. If neither is found, it is that of the authors' Places2 network.
"""

import json
import os
import re
from typing import Any, Dict, Mapping

import numpy as np

from tfinpaint.settings import SettingsError
from tfinpaint.weights.places import Place, Table, pytorch_table
from tfinpaint.weights.releases import Release

_MEAN = "mean_pixel"
_MEAN_NAMES = (_MEAN, "mean", "mpv", "datamean")  # names of the mean pixel in known files
_ENLARGING = (13, 15)
_LAYERS = 17


def generator(net: Any) -> Table:
    """The table of a CompletionNetwork, with the port's names."""
    layers = {_named(k): layer for k, layer in enumerate([*net.convolutions, net.last], 1)}
    layers.update({f"bn{k}": layer for k, layer in enumerate(net.norms, 1)})
    return {**pytorch_table(layers), _MEAN: Place(net.mean_pixel, (0,))}


def variant_of(tensors: Mapping[str, np.ndarray]) -> str:
    """The variant that a state dict belongs to, "paper" or "official", by its names."""
    return "paper" if any(re.match(r"\d+\.", name) for name in tensors) else "official"


def prepared(path: str, tensors: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """The tensors of a state dict under the table's names, with the mean pixel.

    path: the path of the file with the tensors.

    Raises: SettingsError for a mean pixel that is not three numbers from 0 to 1.
    """
    names = {}  # each layer but the last has three modules: convolution, norm, ReLU
    for k in range(1, _LAYERS + 1):
        names.update({str(3 * (k - 1)): _named(k), str(3 * (k - 1) + 1): f"bn{k}"})
    found = {}
    for name, tensor in tensors.items():
        module, _, kind = name.partition(".")
        found[f"{names[module]}.{kind}" if module in names else name] = tensor
    means = [found.pop(name) for name in _MEAN_NAMES if name in found]
    given = means[0] if means else _mean_beside(path)
    try:
        mean = np.asarray(given, np.float32).reshape(-1)
    except (TypeError, ValueError):  # no numbers
        mean = np.zeros(0, np.float32)
    if mean.shape != (3,) or not ((mean >= 0) & (mean <= 1)).all():
        raise SettingsError(
            f"`weights={path!r}`: its mean pixel is three numbers from 0 to 1, red, green, blue. "
            f"Got {mean.tolist() if mean.size else given!r}"
        )
    return {**found, _MEAN: mean}


def _named(k):
    return f"deconv{k}" if k in _ENLARGING else f"conv{k}"


def _mean_beside(path):
    """The mean pixel of the port's config.json in the same folder, else that of Places2."""
    # Imported here, because it imports TensorFlow.
    from tfinpaint.systems.global_local.completion_network import PLACES2_MEAN

    config = os.path.join(os.path.dirname(path), "config.json")
    try:
        with open(config, encoding="utf-8") as f:
            return json.load(f).get("mpv") or PLACES2_MEAN
    except (OSError, ValueError, AttributeError):  # no such file, or a file with other content
        return PLACES2_MEAN


RELEASE = Release("PyTorch", {"generator": generator}, prepared=prepared, variant_of=variant_of)
