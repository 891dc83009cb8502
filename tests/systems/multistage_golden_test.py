"""The multistage generator against the outputs of the authors' released network, weight for weight."""

import json

import numpy as np
import pytest
from shared import SHARED, made_weight, needs_shared

import tfinpaint


def official_weights(generator):
    """Official name -> variable of the generator."""
    names = {}

    def convolution(name, layer):
        names[f"{name}.weight"], names[f"{name}.bias"] = layer.kernel, layer.bias

    def norm(name, layer):
        names.update({f"{name}.weight": layer.gamma, f"{name}.bias": layer.beta,
                      f"{name}.running_mean": layer.moving_mean, f"{name}.running_var": layer.moving_variance})

    for k, layer in generator.encoders.items():
        convolution(f"enc_{k}.conv", layer)
    for k, layer in generator.decoders.items():
        convolution(f"dec_{k}.conv", layer)
    for k, layer in generator.encoder_norms.items():
        norm(f"enc_{k}.bn", layer)
    for k, layer in generator.decoder_norms.items():
        norm(f"dec_{k}.bn", layer)
    for n, level in enumerate(generator.attention, 1):
        block = generator.attentions[str(level)]
        convolution(f"CA_{n}.SqueezeExc.blocks.0", block.squeeze_excite.squeeze)
        convolution(f"CA_{n}.SqueezeExc.blocks.2", block.squeeze_excite.excite)
        convolution(f"CA_{n}.combiner", block.merge)
    return names


def to_keras(value):
    """OIHW -> HWIO, (out, in) -> (in, out)."""
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


@needs_shared
def test_official_generator_reproduces_the_released_network():
    shapes = json.loads((SHARED / "golden/networks/net_manet_weights.json").read_text())
    expected = np.load(SHARED / "golden/networks/net_manet.npz")
    system = tfinpaint.create("multistage", variant="official")
    variables = official_weights(system.generator)
    assert set(variables) == {name for name in shapes if not name.endswith("num_batches_tracked")}
    assert len(variables) == len(system.generator.variables)
    for name, variable in variables.items():
        variable.assign(to_keras(made_weight(name, shapes[name])))

    output = system.generate(2 * expected["image"] - 1, expected["hole"])
    np.testing.assert_allclose((np.asarray(output) + 1) / 2, expected["output"], atol=1e-3)


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_parameter_counts(variant):
    system = tfinpaint.create("multistage", variant=variant)
    system.compile(perceptual_weights="none")
    assert sum(v.shape.num_elements() for v in system.generator.trainable_variables) == 33_686_356
    assert sum(v.shape.num_elements() for v in system.critic.trainable_variables) == 2_763_776
    assert system.critic.compute_output_shape((1, 256, 256, 3)) == (1, 30, 30, 1)
