"""The golden networks of pluralistic completion as the state dicts that PyTorch stores."""

import json

import numpy as np
import pytest
from shared import SHARED, made_weight


def state(part):
    """The tensors of "encoder", "generator" or "discriminator".

    They are kernels before their division, u and v of the power iteration, and every convolution
    twice.
    """
    listed = json.loads((SHARED / "golden/networks/net_pic_weights.json").read_text())
    tensors = {
        name: made_weight(name, shape)
        for name, shape in listed[part].items()
        if not name.endswith(("weight_u", "weight_v"))
    }
    for name in [name for name in tensors if name.endswith("weight_bar")]:
        rows = np.reshape(tensors[name], (len(tensors[name]), -1)).astype(np.float64)
        u, s, v = np.linalg.svd(rows, full_matrices=False)
        tensors[name.replace("_bar", "_u")] = np.float32(u[:, 0])
        tensors[name.replace("_bar", "_v")] = np.float32(v[0])
        assert s[0] == pytest.approx(listed["sigma"][part][name], rel=1e-6)
    return {**tensors, **{alias: tensors[name] for alias, name in listed["aliases"][part].items()}}
