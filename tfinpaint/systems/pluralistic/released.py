"""The tables of the released networks of pluralistic completion (PyTorch).

A convolution's kernel is stored as `weight_bar`, before the division by its largest singular value,
with `weight_u` and `weight_v`, the vectors of the power iteration. The released program takes one
more step of the iteration before it uses a kernel. Here this step is taken once, on import, and its
sigma is kept. Most tensors are stored under two names: a block has its convolutions as attributes,
and again in a list.
"""

import re
from typing import Any, Dict, Mapping, Tuple

import numpy as np

from tfinpaint.weights.places import Place, Table
from tfinpaint.weights.releases import Release

_SECOND_NAME = re.compile(r"\.(model|shortcut)\.\d+\.module\.")
_KERNEL, _U, _V, _SIGMA = "weight_bar", "weight_u", "weight_v", "weight_sigma"
_NEVER_USED = re.compile(r"^attn2\.(alpha$|model\.)")  # in a critic


def prepared(path: str, tensors: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """The tensors without their second names, and with `weight_sigma` in place of `weight_v`.

    If a kernel has no `weight_u`, it is computed from the kernel: the vector to which the power
    iteration converges.
    """
    once: Dict[str, Any] = {
        name: tensor
        for name, tensor in tensors.items()
        if not _SECOND_NAME.search(name) and not _NEVER_USED.search(name)
    }
    for name in [name for name in once if name.endswith(_KERNEL)]:
        layer = name[: -len(_KERNEL)]
        once.pop(layer + _V, None)
        rows = np.reshape(once[name], (len(once[name]), -1)).astype(np.float64)
        u = once.get(layer + _U)
        if u is None:
            u = np.linalg.svd(rows, full_matrices=False)[0][:, 0]
        if u.shape != rows.shape[:1]:
            continue  # `places.fill` reports wrong shapes
        v = _unit(rows.T @ u.astype(np.float64))
        u = _unit(rows @ v)
        once[layer + _U], once[layer + _SIGMA] = np.float32(u), np.array(u @ rows @ v, np.float32)
    return once


def _unit(x):
    return x / (np.linalg.norm(x) + 1e-12)


def _convolution(name: str, layer: Any) -> Table:
    return {
        f"{name}.module.{_KERNEL}": Place(layer.kernel, (2, 3, 1, 0)),
        f"{name}.module.bias": Place(layer.bias, (0,)),
        f"{name}.module.{_U}": Place(layer.u, (0,)),
        f"{name}.module.{_SIGMA}": Place(layer.sigma, ()),
    }


def _block(name: str, block: Any) -> Table:
    table = {}
    for theirs, ours in (("conv1", "conv_1"), ("conv2", "conv_2"), ("bypass", "bypass")):
        if hasattr(block, ours):
            table.update(_convolution(f"{name}.{theirs}", getattr(block, ours)))
    for place, ours in ((0, "norm_1"), (3, "norm_2")):
        if hasattr(block, ours):
            norm = getattr(block, ours)
            table[f"{name}.model.{place}.weight"] = Place(norm.gamma, (0,))
            table[f"{name}.model.{place}.bias"] = Place(norm.beta, (0,))
    return table


def _attention(name: str, layer: Any) -> Table:
    return {
        f"{name}.gamma": Place(layer.gamma, (0,)),
        f"{name}.query_conv.weight": Place(layer.query.kernel, (2, 3, 1, 0)),
        f"{name}.query_conv.bias": Place(layer.query.bias, (0,)),
    }


def _blocks(blocks: Mapping[str, Any]) -> Table:
    return {k: v for name, block in blocks.items() for k, v in _block(name, block).items()}


def _halving(net: Any) -> Dict[str, Any]:
    return {"block0": net.first, **{f"encoder{k}": block for k, block in enumerate(net.blocks)}}


def encoder(net: Any) -> Table:
    """The table of an `Encoder`."""
    inferring = {f"infer_prior{k}": block for k, block in enumerate(net.infer)}
    distributions = {"prior": net.prior_block, "posterior": net.posterior_block}
    return _blocks({**_halving(net), **inferring, **distributions})


def generator(net: Any) -> Table:
    """The table of a `Generator`."""
    ups = {f"decoder{k}": block for k, block in enumerate(net.ups)}
    outputs = {f"out{k}": block for k, block in enumerate(net.outputs_of, 1)}
    blocks = {"generator": net.begin, **ups, **outputs, "attn1.model": net.attention.join}
    alpha = {"attn1.alpha": Place(net.attention.alpha, (0,))}
    return {**_blocks(blocks), **_attention("attn1", net.attention), **alpha}


def critic(net: Any) -> Table:
    """The table of a `PluralisticCritic`."""
    blocks = _blocks({**_halving(net), "block1": net.last})
    return {**blocks, **_attention("attn2", net.attention), **_convolution("conv", net.score)}


def with_critic(system: Any) -> Tuple[Any, Table, tuple]:
    """A critic of generated pictures only, its table, and the weights: the other critic's is 0."""
    weights = (("adversarial_reconstruction", 0.0),)
    critics = system.make_critics({**system.default_loss_weights, **dict(weights)})
    return critics, critic(critics.generated), weights


RELEASE = Release(
    "PyTorch",
    {
        "encoder": lambda net: encoder(net.encoder),
        "generator": lambda net: generator(net.generator),
    },
    prepared=prepared,
    critic=with_critic,
)
