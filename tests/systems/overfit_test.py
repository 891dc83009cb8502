"""A small version of each system learns 8 photographs and their holes by heart.

A broken gradient, loss or update would prevent it. All terms are on, with random VGG features,
except MUSICAL's critic, which needs 96 pixels. About 1 to 4 minutes each on 2 cores.
"""

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint.data.batches import evaluation_squares
from tfinpaint.data.holes import holes as make_holes
from tfinpaint.settings import HoleSettings


@pytest.mark.slow
@pytest.mark.parametrize("name, size, settings, steps, rate, critic_rate", [
    # Steps of the generator; it takes five times as many batches.
    ("contextual_attention", 32, {"width": 16}, 500, 2e-3, 2e-4),
    ("musical", 32, {"width": 16}, 500, 2e-3, None),
    ("multistage", 32, {"width": 16, "depth": 4}, 1000, 3e-3, 3e-4),
    # The feature critic needs 64 pixels.
    ("coherent_semantic", 64, {"width": 16, "depth": 4}, 500, 2e-3, 2e-4),
    ("partial_conv", 32, {"width": 16, "depth": 4}, 1000, 3e-3, None),
    ("gated_conv", 32, {"width": 16}, 1600, 2e-3, 2e-4),
    ("global_local", 32, {"width": 16}, 1500, 2e-3, 2e-4),
    ("residual", 32, {"width": 16, "depth": 4}, 1000, 2e-3, None),
    ("context_encoder", 64, {"width": 16, "depth": 4, "bottleneck": 256}, 1000, 2e-3, 2e-4),
    ("shift_net", 32, {"width": 16, "depth": 4}, 1000, 2e-3, 2e-4),
    ("pluralistic", 48, {"width": 16, "depth": 4}, 2200, 2e-3, 2e-4),
    ("edge_connect", 32, {"width": 16, "blocks": 2}, 600, 2e-3, 2e-4),
])  # fmt: skip
def test_eight_photographs_by_heart(name, size, settings, steps, rate, critic_rate):
    images = tf.constant(evaluation_squares("samples:", size, 8) / 127.5 - 1, tf.float32)
    center = name == "context_encoder"
    kind = HoleSettings("center") if center else HoleSettings(ratio=(0.2, 0.3))
    holes = make_holes(0, 0, 8, size, kind)
    assert images.shape == (8, size, size, 3)
    tf.keras.utils.set_random_seed(1)
    system = tfinpaint.create(name, **settings)
    # The rate decays so that training settles in the end.
    decaying = tf.keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.02)
    system.compile(
        optimizer=tf.keras.optimizers.Adam(decaying, *system.specification.adam_betas),
        perceptual_weights="random",
        image_size=size,
        critic_learning_rate=critic_rate,
        loss_weights={"adversarial": 0.0} if name == "musical" else None,
    )

    def psnr_in_hole():
        """For each photograph, averaged, in dB."""
        missing = np.asarray(holes)
        if center:  # the network sees a rim of it
            missing = missing * system.fixed_hole[..., np.newaxis]
        output = np.clip(system.raw(system.generator, images, missing), -1, 1)
        squares = ((output - np.asarray(images)) / 2) ** 2 * missing
        return -10 * np.log10(squares.sum((1, 2, 3)) / (3 * np.sum(missing, (1, 2, 3)))).mean()

    before = psnr_in_hole()
    step = tf.function(system.step, autograph=False)
    while int(system.optimizer.iterations) < steps:
        step(images, holes)
    after = psnr_in_hole()
    print(f"{name}: {before:.1f} dB, after {steps} steps {after:.1f} dB")
    assert before < 15 and after > 30
