"""The table of the context encoder's released weights.

The authors released torch7 files. This module reads state dicts of the PyTorch version of the same
network, whose layers (convolutions, norms and activations) are numbered in sequence.

The authors' convolutions have biases, which their training code sets to 0 before each step. So a
converted file has what the last step of Adam added, 2e-3 at most. The PyTorch version has no
biases. Biases in a file are imported as constants (`Offset`), which are not trained.
"""

from typing import Any, Dict, Mapping

import numpy as np

from tfinpaint.weights.places import Table, pytorch_table
from tfinpaint.weights.releases import Release

_FIRST_OF_DECODER = 17  # the number of the decoder's first convolution


def generator(net: Any) -> Table:
    """The table of a ContextEncoderNetwork."""
    layers, biases = {}, {}
    for k, (convolution, offset) in enumerate(zip(net.convolutions, net.offsets)):
        number = max(3 * k - 1, 0)  # the first has no norm
        layers[f"main.{number}"] = convolution
        biases[f"main.{number}"] = offset
        if 0 < k < len(net.convolutions) - 1:
            layers[f"main.{number + 1}"] = net.norms[k - 1]
    return {**pytorch_table(layers), **pytorch_table(biases)}


def prepared(path: str, tensors: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """The tensors of a file under the table's names, with biases of 0 where the file has none.

    Later files number the layers of encoder and decoder separately.
    """
    named = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        number, _, kind = rest.partition(".")
        if part == "main_decode" and number.isdecimal():
            number = str(int(number) + _FIRST_OF_DECODER)
        known = part in ("main_encode", "main_decode")
        named[f"main.{number}.{kind}" if known else name] = tensor
    biases = {}
    for name, tensor in named.items():
        number = name.partition(".")[2].partition(".")[0]
        if name.endswith(".weight") and tensor.ndim == 4 and number.isdecimal():
            # Convolutions are [out, in, h, w], transposed ones [in, out, h, w].
            filters = tensor.shape[int(number) >= _FIRST_OF_DECODER]
            biases[f"main.{number}.bias"] = np.zeros(filters, np.float32)
    return {**biases, **named}


RELEASE = Release("PyTorch", {"generator": generator}, prepared=prepared)
