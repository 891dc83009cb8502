"""The multistage generator against outputs of the authors' released network, weight for weight."""

import json

import numpy as np
import pytest
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint.weights import places, releases, state_dicts


@pytest.mark.golden("multistage")
@needs_shared
def test_official_generator_reproduces_the_released_network():
    shapes = json.loads((SHARED / "golden/networks/net_manet_weights.json").read_text())
    expected = np.load(SHARED / "golden/networks/net_manet.npz")
    system = tfinpaint.create("multistage", variant="official")
    (table,) = releases.tables_of(system)
    assert len(table) == len(system.generator.variables)
    weights = state_dicts.plain_names(
        {name: made_weight(name, shape) for name, shape in shapes.items()}
    )
    places.fill(table, weights, "the golden weights do not fit")

    output = system.generate(2 * expected["image"] - 1, expected["hole"])
    np.testing.assert_allclose((np.asarray(output) + 1) / 2, expected["output"], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "official"])
def test_parameter_counts(variant):
    system = tfinpaint.create("multistage", variant=variant)
    system.compile(perceptual_weights="none")
    assert sum(v.shape.num_elements() for v in system.generator.trainable_variables) == 33_686_356
    assert sum(v.shape.num_elements() for v in system.critic.trainable_variables) == 2_763_776
    assert system.critic.compute_output_shape((1, 256, 256, 3)) == (1, 30, 30, 1)
