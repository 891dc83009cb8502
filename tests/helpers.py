"""What the tests of several systems need: batches, counts, and networks that are made quickly."""

import numpy as np
import tensorflow as tf


def smooth(count, side):
    """Pictures of soft transitions, float32 [count, side, side, 3], about -1 to 1."""
    few = np.random.default_rng(0).uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)
    return tf.image.resize(few, (side, side), "bicubic")


def floats(logs):
    """{term: float} of what a step returns."""
    return {name: float(value) for name, value in logs.items()}


def count(network):
    """How many numbers a network learns."""
    return sum(v.shape.num_elements() for v in network.trainable_variables)


def start_with_zeros(monkeypatch):
    """Networks start with zeros: drawing 130 million numbers takes a while."""
    for initializer in (tf.keras.initializers.RandomNormal, tf.keras.initializers.VarianceScaling):
        monkeypatch.setattr(
            initializer,
            "__call__",
            lambda self, shape, dtype=None, **kwargs: tf.zeros(shape, dtype or tf.float32),
        )
