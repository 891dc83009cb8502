"""Maps the tensors of DeepFill's released checkpoints, v1 and v2, to the variables of DeepFill.

The released networks were trained on images with channels in the order blue, green, red. Colour
channels are reversed here, so that the network works on red, green, blue.
"""

import re
from typing import Any

import numpy as np

from tfinpaint.weights.places import Place, Table
from tfinpaint.weights.releases import Release

# Names of an optimizer's variables.
_OTHERS = re.compile(r"/Adam(_\d+)?$|(^|/)beta[12]_power(_\d+)?$")


def generator(net: Any) -> Table:
    """The table of `DeepFill`, v1 or v2 with attention. Layers are numbered as in the release."""
    layers = {}
    for stage, first, row in (
        ("conv", 1, net.coarse),
        ("xconv", 1, net.refine),
        ("pmconv", 1, net.attend),
        ("pmconv", 9, net.after),
        ("allconv", 11, net.merge),
    ):
        for number, layer in enumerate(row, first):
            name = f"{stage}{number}"
            if np.max(layer.strides) > 1:
                name += "_downsample"
            elif np.max(layer.dilation_rate) > 1:
                name += "_atrous"
            elif number in (13, 15):
                name += f"_upsample/{name}_upsample_conv"
            layers[name] = layer
    layers.update(conv17=net.coarse_output, allconv17=net.refined_output)

    table = {}
    for name, layer in layers.items():
        # Layers whose inputs are colours, and layers whose outputs are.
        seen, made = name in ("conv1", "xconv1", "pmconv1"), name in ("conv17", "allconv17")
        table[f"inpaint_net/{name}/kernel"] = Place(
            layer.kernel, (0, 1, 2, 3), (2,) if seen else (3,) if made else ()
        )
        table[f"inpaint_net/{name}/bias"] = Place(layer.bias, (0,), (0,) if made else ())
    return table


def is_of_generator(name: str) -> bool:
    """Whether a tensor of a DeepFill checkpoint belongs to the generator.

    The others belong to critics and optimizers.
    """
    return name.startswith("inpaint_net/") and not _OTHERS.search(name)


RELEASE = Release("TensorFlow 1", {"generator": generator}, is_of_generator)
