"""The table of the released MUSICAL network (PyTorch).

Names of tensors follow the nesting of the released network: in U-Nets of the pix2pix family, each
block is a list of layers that contains the next inner block.
"""

from typing import Any

from tfinpaint.weights.places import Table, fusion_names, pytorch_table
from tfinpaint.weights.releases import Release


def generator(net: Any) -> Table:
    """The table of a MusicalUNet with 8 blocks."""

    def block(k):  # {index in the list of block k: layer}, and the index of the next block
        down, norm, dilated = (
            layers.get(str(k)) for layers in (net.encoders, net.encoder_norms, net.dilated)
        )
        up, up_norm = net.decoders[str(k)], net.decoder_norms[str(k)]
        if k < 5:
            return {1: down, 2: norm, 5: up, 6: up_norm}, 3
        if k < 8:
            return {1: down, 2: norm, 4: dilated, 7: up, 8: up_norm}, 5
        return {1: down, 3: dilated, 5: up, 6: up_norm}, None

    layers = {"model.model.0": net.encoders["1"], "model.model.3": net.decoders["1"]}
    name = "model.model.1"
    for k in range(2, 9):
        if k == 3:
            attention = f"{name}.contextual_attention"
            layers.update(
                {
                    **fusion_names(attention, net.attention.squeeze_excite),
                    f"{attention}.combiner": net.attention.merge,
                    f"{name}.combine_layer": net.combine,
                }
            )
        here, further_in = block(k)
        layers.update({f"{name}.model.{place}": layer for place, layer in here.items()})
        name = f"{name}.model.{further_in}"
    return pytorch_table(layers)


RELEASE = Release("PyTorch", {"generator": generator})
