"""A training step that changes nothing unless all that it computes is finite.

A loss, or a gradient with a finite loss, can be NaN or infinite: a photograph of one colour in a
norm, say, or float16 that overflows. The step then damages weights, moving averages and statistics
for good. `unless_bad` puts back all variables that the step has changed. The loss scale of mixed
precision is no part of them: it has to fall, or the same step would fail again.
"""

from typing import Callable, Dict, Sequence

import tensorflow as tf

# the name of what `unless_bad` adds to what a step returns
SKIPPED = "skipped"


def unless_bad(
    step: Callable[[], Dict[str, tf.Tensor]], variables: Sequence[tf.Variable]
) -> Dict[str, tf.Tensor]:
    """Takes a step and puts `variables` back to what they were if anything is not finite.

    Args:
        step: the step, which returns {name: scalar}.
        variables: all that the step may change, so that a gradient that is not finite shows in
            them.

    Returns: what the step returns, and SKIPPED: 1 if it was undone, else 0.
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
