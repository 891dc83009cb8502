"""What the tests of several systems need: batches, counts, and networks that are made quickly."""

import tensorflow as tf


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
