"""The terms of the system of partial convolutions, against NumPy."""

import numpy as np
import pytest
from helpers import floats, smooth
from naive_terms import feature_terms
from set_back import set_back

from tfinpaint.data.holes import holes as make_holes
from tfinpaint.settings import HoleSettings

SIZE = 32


@pytest.fixture
def batch():
    return smooth(3, SIZE), make_holes(0, 0, 3, SIZE, HoleSettings())


def small(variant="paper"):
    """Compiled, with random VGG weights, in the same state every time."""
    return set_back("partial_conv", variant).compiled(perceptual_weights="random")


@pytest.mark.parametrize("variant", ["paper", pytest.param("official", marks=pytest.mark.slow)])
def test_terms_against_numpy(variant, batch):
    """Section 3.3. The feature network judges the output and the composite."""
    system = small(variant)
    images, holes = (np.asarray(x, np.float64) for x in batch)
    truth = (images + 1) / 2
    known = np.float32(truth * (1 - holes))
    output = np.asarray(system.generator([known, batch[1]], training=True), np.float64)
    composite = output * holes + truth * (1 - holes)
    # The authors' code divides by ImageNet's standard deviation.
    network, contrast = system.features._network, 1 / 0.226
    perceptual, style = feature_terms(network, [output, composite], truth, contrast)
    logs = floats(small(variant).step(*batch))

    error = np.abs(output - truth)
    assert logs["valid"] == pytest.approx((error * (1 - holes)).mean(), rel=1e-5)
    assert logs["hole"] == pytest.approx(6 * (error * holes).mean(), rel=1e-5)
    assert logs["perceptual"] == pytest.approx(0.05 * perceptual, rel=1e-4)
    assert logs["style"] == pytest.approx(120 * style, rel=1e-3)
    # Pairs of the composite of which at least one is missing.
    down = np.abs(np.diff(composite, axis=1)) * np.maximum(holes[:, 1:], holes[:, :-1])
    right = np.abs(np.diff(composite, axis=2)) * np.maximum(holes[:, :, 1:], holes[:, :, :-1])
    assert logs["variation"] == pytest.approx(0.1 * (down.mean() + right.mean()), rel=1e-5)
    terms = ("valid", "hole", "perceptual", "style", "variation")
    assert logs["loss"] == pytest.approx(sum(logs[name] for name in terms), rel=1e-5)
    assert set(logs) == {"loss", *terms}
