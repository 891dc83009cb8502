"""Where the tensors of the checkpoints that the papers' authors released belong in our generators (`official` variant, paper's width).

    release = release_of("multistage")              # its format, and what each of its files holds
    tables = tables_of(system)                      # for each file {official name: Place}
    places.fill(tables[0], {official name: array}, "...")

DeepFill v1 and v2 (TensorFlow 1) were trained on blue, green, red: channels that are colours are turned round, so that ours work on red,
green, blue. The others are PyTorch's.

Names follow how the released networks nest: in U-Nets of pix2pix' family each block is a list that holds the next one further in.
"""

import dataclasses
import re
from typing import Any, Callable, List, Mapping

import numpy as np

from tfinpaint.settings import SettingsError
from tfinpaint.weights.places import Place, Table, pytorch_table

_OTHERS = re.compile(r"/Adam(_\d+)?$|(^|/)beta[12]_power(_\d+)?$")  # what an optimizer keeps beside the weights


@dataclasses.dataclass(frozen=True)
class Release:
    """format: "TensorFlow 1" or "PyTorch". files: what each file holds, in order, and the generator's table for it."""

    format: str
    files: Mapping[str, Callable[[Any], Table]]


def release_of(system_name: str) -> Release:
    """What the authors of a system released. Raises SettingsError, naming --system, where there is nothing to import."""
    if system_name not in _RELEASES:
        raise SettingsError(f"--system={system_name} has no released weights that can be imported; {', '.join(_RELEASES)} have")
    return _RELEASES[system_name]


def tables_of(system) -> List[Table]:
    """For each file of its release, official name -> Place in the generator of a system of the `official` variant."""
    tables = [table(system.generator) for table in release_of(system.system_name).files.values()]
    placed = [id(place.variable) for table in tables for place in table.values()]
    if sorted(placed) != sorted(id(variable) for variable in system.generator.variables):
        raise AssertionError(f"the tables of {system.system_name} and its generator have grown apart")
    return tables


def is_of_generator(name: str) -> bool:
    """Whether a tensor of a DeepFill checkpoint belongs to the generator; others are critics' and optimizers'."""
    return name.startswith("inpaint_net/") and not _OTHERS.search(name)


# ----------------------------------------------------------------------------------------------------------- TensorFlow 1


def _deepfill(net) -> Table:
    """Of networks.DeepFill, v1 and v2, which counts its layers as the release does."""
    layers = {}
    for stage, first, row in (("conv", 1, net.coarse), ("xconv", 1, net.refine), ("pmconv", 1, net.attend), ("pmconv", 9, net.after),
                              ("allconv", 11, net.merge)):
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
        seen, made = name in ("conv1", "xconv1", "pmconv1"), name in ("conv17", "allconv17")  # colours
        table[f"inpaint_net/{name}/kernel"] = Place(layer.kernel, (0, 1, 2, 3), (2,) if seen else (3,) if made else ())
        table[f"inpaint_net/{name}/bias"] = Place(layer.bias, (0,), (0,) if made else ())
    return table


# ---------------------------------------------------------------------------------------------------------------- PyTorch


def _fusion(name, squeeze_excite):
    return {f"{name}.SqueezeExc.blocks.0": squeeze_excite.squeeze, f"{name}.SqueezeExc.blocks.2": squeeze_excite.excite}


def _multistage(net) -> Table:
    layers = {}
    for side, convolutions, norms in (("enc", net.encoders, net.encoder_norms), ("dec", net.decoders, net.decoder_norms)):
        layers.update({f"{side}_{k}.conv": layer for k, layer in convolutions.items()})
        layers.update({f"{side}_{k}.bn": layer for k, layer in norms.items()})
    for n, k in enumerate(net.attention, 1):
        layers.update({**_fusion(f"CA_{n}", net.attentions[str(k)].squeeze_excite), f"CA_{n}.combiner": net.attentions[str(k)].merge})
    return pytorch_table(layers)


def _musical(net) -> Table:
    def block(k):  # place in its list -> layer; and the place of the next block
        down, norm, dilated = (layers.get(str(k)) for layers in (net.encoders, net.encoder_norms, net.dilated))
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
            layers.update({**_fusion(attention, net.attention.squeeze_excite), f"{attention}.combiner": net.attention.merge,
                           f"{name}.combine_layer": net.combine})
        here, further_in = block(k)
        layers.update({f"{name}.model.{place}": layer for place, layer in here.items()})
        name = f"{name}.model.{further_in}"
    return pytorch_table(layers)


def _rough(net) -> Table:
    layers = {"model.model.0": net.encoders["1"], "model.model.3": net.decoders["1"]}
    name = "model.model.1"
    for k in map(str, range(2, net.depth + 1)):
        layers[f"{name}.model.1"] = net.encoders[k]
        if int(k) < net.depth:
            layers.update({f"{name}.model.2": net.encoder_norms[k], f"{name}.model.5": net.decoders[k],
                           f"{name}.model.6": net.decoder_norms[k]})
        else:
            layers.update({f"{name}.model.3": net.decoders[k], f"{name}.model.4": net.decoder_norms[k]})
        name += ".model.3"
    return pytorch_table(layers)


def _refinement(net) -> Table:
    from tfinpaint.networks.coherent_semantic_unets import ATTENTION  # TensorFlow: not before it is needed

    layers = {"model.model.0": net.first, "model.model.3": net.last}
    name = "model.model.1"
    for k in range(1, net.depth + 1):
        place, k = f"{name}.model", str(k)
        layers[f"{place}.1"] = net.dilated[k]
        if int(k) == net.depth:
            layers.update({f"{place}.3": net.ups[k], f"{place}.4": net.up_norms[k]})
            break
        # Attention and what looks at its features for the consistency loss stand in the list too.
        down, up = (2, 3) if int(k) == ATTENTION else (0, 0)
        layers.update({
            f"{place}.2": net.dilated_norms[k], f"{place}.4": net.encoders[k], f"{place}.{5 + down}": net.encoder_norms[k],
            f"{place}.{8 + up}": net.decoders[k], f"{place}.{9 + up}": net.decoder_norms[k],
            f"{place}.{11 + up}": net.ups[k], f"{place}.{12 + up}": net.up_norms[k]})
        name = f"{place}.{6 + down}"
    return pytorch_table(layers)


_RELEASES = {
    "contextual_attention": Release("TensorFlow 1", {"generator": _deepfill}),
    "gated_conv": Release("TensorFlow 1", {"generator": _deepfill}),
    "multistage": Release("PyTorch", {"generator": _multistage}),
    "musical": Release("PyTorch", {"generator": _musical}),
    "coherent_semantic": Release("PyTorch", {"rough network": lambda net: _rough(net.rough),
                                             "refinement network": lambda net: _refinement(net.refine)}),
}
