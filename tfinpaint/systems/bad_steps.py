"""A training step that changes nothing if any loss or updated variable is not finite.

A loss or a gradient can be NaN or infinite, for example if a norm sees a photograph of one colour,
or if float16 overflows. Such a step damages weights, moving averages and statistics for good.
`unless_bad` restores all variables that the step has changed. It does not restore the loss scale of
mixed precision, which has to fall: otherwise the same step would fail again.
"""

from typing import Callable, Dict, Sequence

import tensorflow as tf

SKIPPED = "skipped"  # the key that `unless_bad` adds to the logs of a step


def unless_bad(
    step: Callable[[], Dict[str, tf.Tensor]], variables: Sequence[tf.Variable]
) -> Dict[str, tf.Tensor]:
    """Takes a step, and restores `variables` if a log or a variable is not finite after it.

    Args:
        step: a function that takes the step and returns its logs, {name: scalar}.
        variables: all variables that the step may change. A gradient that is not finite is noticed
            because it makes some of them not finite.

    Returns: the logs, with SKIPPED added: 1 if the step was undone, else 0.
    """
    before = [tf.identity(variable.read_value()) for variable in variables]
    logs = step()
    values = [*logs.values(), *(v.read_value() for v in variables if v.dtype.is_floating)]
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(value)) for value in values])

    def undo():
        for variable, value in zip(variables, before):
            variable.assign(value)
        return tf.constant(1.0)

    return {**logs, SKIPPED: tf.cond(finite, lambda: tf.constant(0.0), undo)}
