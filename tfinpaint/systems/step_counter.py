"""The number of steps that a run has taken, over all phases, as a TensorFlow variable.

Each optimizer counts too, but only the updates of its own part. The counts differ if a part begins
later or learns from every fifth batch, or if a step is skipped.
"""

import tensorflow as tf


class StepCounter:
    """Counts steps from 0.

    Keras does not track objects of this class, so the variable is not saved in checkpoints.
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
        """The number of steps, int64 scalar."""
        return self._variable.read_value()

    def advance(self) -> None:
        """Adds 1. While a graph is traced, the graph gets the addition."""
        self._variable.assign_add(1)

    def set(self, step: int) -> None:
        """Sets the number of steps."""
        self._variable.assign(step)
