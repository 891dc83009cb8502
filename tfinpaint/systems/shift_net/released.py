"""The table of Shift-Net's released generator (PyTorch).

Names of tensors follow the nesting of the released network, in which each block is a list of layers
that contains the next inner block. The list of the third block also has the guidance and the shift
layer.
"""

from tfinpaint.weights.places import Table, pytorch_table
from tfinpaint.weights.releases import Release


def _generator(net) -> Table:
    # Imported here, because it imports TensorFlow.
    from tfinpaint.systems.shift_net.unet import SHIFT

    layers = {"model.model.0": net.encoders["1"], "model.model.3": net.decoders["1"]}
    name = "model.model.1"
    for level in range(2, net.depth + 1):
        place, k = f"{name}.model", str(level)
        layers[f"{place}.1"] = net.encoders[k]
        if level == net.depth:
            layers.update({f"{place}.3": net.decoders[k], f"{place}.4": net.decoder_norms[k]})
            break
        up = 7 if level == SHIFT else 5
        layers.update(
            {
                f"{place}.2": net.encoder_norms[k],
                f"{place}.{up}": net.decoders[k],
                f"{place}.{up + 1}": net.decoder_norms[k],
            }
        )
        name = f"{place}.3"
    return pytorch_table(layers)


def _is_weight(name: str) -> bool:
    """Whether a tensor is imported. Old files have unused running statistics of instance norms."""
    return not name.endswith(("running_mean", "running_var"))


RELEASE = Release("PyTorch", {"generator": _generator}, counts=_is_weight)
