"""The table of the released multistage network (PyTorch)."""

from typing import Any

from tfinpaint.weights.places import Table, fusion_names, pytorch_table
from tfinpaint.weights.releases import Release


def generator(net: Any) -> Table:
    """The table of a PartialConvUNet with attention."""
    layers = {}
    for side, convolutions, norms in (
        ("enc", net.encoders, net.encoder_norms),
        ("dec", net.decoders, net.decoder_norms),
    ):
        layers.update({f"{side}_{k}.conv": layer for k, layer in convolutions.items()})
        layers.update({f"{side}_{k}.bn": layer for k, layer in norms.items()})
    for n, k in enumerate(net.attention, 1):
        layers.update(
            {
                **fusion_names(f"CA_{n}", net.attentions[str(k)].squeeze_excite),
                f"CA_{n}.combiner": net.attentions[str(k)].merge,
            }
        )
    return pytorch_table(layers)


RELEASE = Release("PyTorch", {"generator": generator})
