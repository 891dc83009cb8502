"""The number of steps that a run has taken, in whatever phase, as a variable of the graph.

Optimizers have such numbers too. But each counts what its own part has learned from: a part that
begins later or learns from every fifth batch, or a step that is passed over, sets them apart.
"""

import tensorflow as tf


class StepCounter:
    """Counts from 0.

    It is no object of Keras, so a model that has one does not put its variable into checkpoints.
    """

    def __init__(self) -> None:
        self._variable = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name="run_step",
        )

    @property
    def now(self) -> tf.Tensor:
        """The number, int64 []."""
        return self._variable.read_value()

    def advance(self) -> None:
        """Adds 1. In a graph it is a part of the graph."""
        self._variable.assign_add(1)

    def set(self, step: int) -> None:
        """Goes on from `step`."""
        self._variable.assign(step)
