"""The tables of the two released networks of coherent semantic attention (PyTorch).

Names of tensors follow the nesting of the released networks: in U-Nets of the pix2pix family, each
block is a list of layers that contains the next inner block.
"""

from tfinpaint.weights.places import Table, pytorch_table
from tfinpaint.weights.releases import Release


def _rough(net) -> Table:
    layers = {"model.model.0": net.encoders["1"], "model.model.3": net.decoders["1"]}
    name = "model.model.1"
    for k in map(str, range(2, net.depth + 1)):
        layers[f"{name}.model.1"] = net.encoders[k]
        if int(k) < net.depth:
            layers.update(
                {
                    f"{name}.model.2": net.encoder_norms[k],
                    f"{name}.model.5": net.decoders[k],
                    f"{name}.model.6": net.decoder_norms[k],
                }
            )
        else:
            layers.update(
                {f"{name}.model.3": net.decoders[k], f"{name}.model.4": net.decoder_norms[k]}
            )
        name += ".model.3"
    return pytorch_table(layers)


def _refinement(net) -> Table:
    # Imported here, because it imports TensorFlow.
    from tfinpaint.systems.coherent_semantic.unets import ATTENTION

    layers = {"model.model.0": net.first, "model.model.3": net.last}
    name = "model.model.1"
    for number in range(1, net.depth + 1):
        place, k = f"{name}.model", str(number)
        layers[f"{place}.1"] = net.dilated[k]
        if int(k) == net.depth:
            layers.update({f"{place}.3": net.ups[k], f"{place}.4": net.up_norms[k]})
            break
        # This block also has the attention, and layers that store features for the consistency
        # loss. They shift the indices.
        down, up = (2, 3) if int(k) == ATTENTION else (0, 0)
        layers.update(
            {
                f"{place}.2": net.dilated_norms[k],
                f"{place}.4": net.encoders[k],
                f"{place}.{5 + down}": net.encoder_norms[k],
                f"{place}.{8 + up}": net.decoders[k],
                f"{place}.{9 + up}": net.decoder_norms[k],
                f"{place}.{11 + up}": net.ups[k],
                f"{place}.{12 + up}": net.up_norms[k],
            }
        )
        name = f"{place}.{6 + down}"
    return pytorch_table(layers)


RELEASE = Release(
    "PyTorch",
    {
        "rough network": lambda net: _rough(net.rough),
        "refinement network": lambda net: _refinement(net.refine),
    },
)
