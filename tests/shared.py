"""The folder of golden vectors, photographs and weights that some tests read.

Where it lies, and the skip that says when it is missing.
"""

import pathlib
import zlib

import numpy as np
import pytest

SHARED = pathlib.Path(__file__).resolve().parents[1] / ".." / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason="../shared, with golden vectors, photographs and weights, is not here",
)


def made_weight(name, shape):
    """The weight of a golden network with an official name (float32): seeded by the name, scaled by
    its kind."""
    z = (
        np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF)
        .standard_normal(shape)
        .astype(np.float32)
    )
    if len(shape) >= 2:
        return z * np.float32(np.sqrt(2 / (max(shape[0], shape[1]) * np.prod(shape[2:]))))
    if name.endswith("running_var"):
        return 1 + 0.1 * np.abs(z)
    return 0.1 * z if name.endswith(("running_mean", "bias")) else 1 + 0.1 * z
