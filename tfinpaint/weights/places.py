"""Tables that map the tensors of a network trained elsewhere to the variables of a network here.

    table = {official name: Place(variable, order of axes)}
    fill(table, {official name: array}, "...")  # checks names and shapes, then assigns

Layouts
    TensorFlow 1   the same as Keras'.
    PyTorch        convolutions [out, in, h, w], transposed ones [in, out, h, w], dense layers
                   [out, in]. Keras has [h, w, in, out], [h, w, out, in] and [in, out]: the axes of
                   both kinds of convolution are reordered in the same way.
"""

import dataclasses
from typing import Any, Dict, Mapping, Tuple

import numpy as np

from tfinpaint.settings import SettingsError

_PYTORCH_ORDER = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
_PYTORCH_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """The variable that one tensor belongs to, and how its axes are reordered.

    variable: the variable.
    order:    for each axis of the variable, the axis of the tensor, as in np.transpose.
    colours:  axes of the variable whose first three entries are blue, green, red in the tensor and
              red, green, blue here.
    """

    variable: Any
    order: Tuple[int, ...]
    colours: Tuple[int, ...] = ()

    @property
    def shape(self) -> Tuple[int, ...]:
        """The shape of the tensor."""
        ours = self.variable.shape.as_list()
        return tuple(ours[self.order.index(axis)] for axis in range(len(ours)))

    def ours(self, tensor: np.ndarray) -> np.ndarray:
        """The tensor in the variable's layout, float32."""
        value = np.transpose(tensor, self.order).astype(np.float32)
        for axis in self.colours:
            value = np.take(value, [2, 1, 0, *range(3, value.shape[axis])], axis)
        return value


Table = Dict[str, Place]


def pytorch_table(layers: Mapping[str, Any]) -> Table:
    """The table of a PyTorch state dict.

    layers: {official name: Keras layer}. Returns {official name of each tensor of the layers:
    Place}.
    """
    table = {}
    for name, layer in layers.items():
        for ours, theirs in _PYTORCH_NAMES.items():
            variable = getattr(layer, ours, None)
            if variable is not None:
                table[f"{name}.{theirs}"] = Place(variable, _PYTORCH_ORDER[len(variable.shape)])
    return table


def fusion_names(name: str, squeeze_excite: Any) -> Dict[str, Any]:
    """{released name: Dense layer} of the squeeze-excite layer in the attention `name`."""
    return {
        f"{name}.SqueezeExc.blocks.0": squeeze_excite.squeeze,
        f"{name}.SqueezeExc.blocks.2": squeeze_excite.excite,
    }


def fill(table: Table, tensors: Mapping[str, np.ndarray], begin: str) -> None:
    """Assigns every variable of the table its tensor.

    Args:
        table: the table.
        tensors: {official name: array}.
        begin: the beginning of error messages.

    Raises: SettingsError if names, shapes and kinds of numbers are not exactly those of the table.
        No variable has changed then.
    """
    missing = [name for name in table if name not in tensors]
    left = [name for name in tensors if name not in table]
    both = [(name, tensors[name], place.shape) for name, place in table.items() if name in tensors]
    reshaped = [
        f"{name} {list(tensor.shape)} instead of {list(shape)}"
        for name, tensor, shape in both
        if tensor.shape != shape
    ]
    retyped = [f"{name} {tensor.dtype}" for name, tensor, _ in both if tensor.dtype.kind != "f"]
    faults = [
        f"{len(names)} {what} ({_some(names)})"
        for names, what in (
            (missing, "missing"),
            (left, "left over"),
            (reshaped, "of another shape"),
            (retyped, "not of floating point"),
        )
        if names
    ]
    if faults:
        raise SettingsError(f"{begin}, of its {len(table)} tensors: {'; '.join(faults)}")
    for name, place in table.items():
        place.variable.assign(place.ours(tensors[name]))


def _some(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
