"""The tables of the two released networks of EdgeConnect (PyTorch).

A spectrally normalised kernel is stored as `weight_orig`, before the division by its largest
singular value, with the vectors `weight_u` and `weight_v` of the power iteration. SpectralConv2D
keeps `weight_orig` and u, and computes v from u. If a file lacks the vectors, u is computed from
the kernel. Files with kernels that are divided already have `weight` instead of `weight_orig`.
"""

from typing import Any, Dict, Mapping

import numpy as np

from tfinpaint.weights.places import Place, Table, pytorch_table
from tfinpaint.weights.releases import Release

_UP = ("decoder.0", "decoder.3")  # transposed: [in, out, h, w]


def _layers(net) -> Dict[str, Any]:
    layers = dict(zip(("encoder.1", "encoder.4", "encoder.7"), net.encoders))
    for k, block in enumerate(net.middle):
        layers[f"middle.{k}.conv_block.1"] = block.dilated
        layers[f"middle.{k}.conv_block.5"] = block.plain
    return {**layers, **dict(zip(_UP, net.decoders)), "decoder.7": net.last}


def edges(net: Any) -> Table:
    """The table of the edge network `net`."""
    layers = _layers(net)
    last = {"decoder.7": layers.pop("decoder.7")}
    return {**spectral_table(layers, _UP), **pytorch_table(last)}


def inpainting(net: Any) -> Table:
    """The table of the inpainting network `net`."""
    return pytorch_table(_layers(net))


def critic(net: Any) -> Table:
    """The table of a critic, for tests: no command imports critics of this system."""
    return spectral_table({f"conv{k}.0": layer for k, layer in enumerate(net.convolutions, 1)})


def spectral_table(layers: Mapping[str, Any], up: tuple = ()) -> Table:
    """The table of spectrally normalised convolutions; those named in `up` are transposed."""
    table = {}
    for name, layer in layers.items():
        order = (2, 3, 0, 1) if name in up else (2, 3, 1, 0)
        table[f"{name}.weight_orig"] = Place(layer.kernel, order)
        table[f"{name}.weight_u"] = Place(layer.filter_vector, (0,))
        if layer.use_bias:
            table[f"{name}.bias"] = Place(layer.bias, (0,))
    return table


def prepared(path: str, tensors: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """The tensors of a file under the tables' names, with tensors added that the file lacks.

    The released critics have their first kernel also under a second name, `features.0.`, which is
    left out.
    """
    found = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.endswith("weight_v") and not name.startswith("features.")
    }
    last = found.get("decoder.7.weight")
    if last is not None and len(last) == 1:  # the edge network, which has one channel
        for name in [name for name in found if name.endswith(".weight")]:
            if not name.startswith("decoder.7"):
                found[f"{name}_orig"] = found.pop(name)
    for name in [name for name in found if name.endswith("weight_orig")]:
        vector = name[: -len("orig")] + "u"
        if vector not in found and found[name].ndim == 4:
            found[vector] = leading(found[name], name.startswith(_UP))
    return found


def leading(kernel: np.ndarray, transposed: bool = False) -> np.ndarray:
    """The singular vector u of a kernel for its largest singular value, of unit length.

    kernel [out, in, h, w], or [in, out, h, w] if `transposed` -> [out].
    """
    matrix = (np.swapaxes(kernel, 0, 1) if transposed else kernel).astype(np.float64)
    matrix = matrix.reshape(len(matrix), -1)
    return np.linalg.eigh(matrix @ matrix.T)[1][:, -1].astype(kernel.dtype)


RELEASE = Release(
    "PyTorch",
    {
        "edge network": lambda net: edges(net.edges),
        "inpainting network": lambda net: inpainting(net.inpainting),
    },
    prepared=prepared,
)
