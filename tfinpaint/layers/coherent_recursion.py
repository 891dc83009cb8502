"""The recursion of coherent semantic attention, equation (3), over the missing cells.

    o_1 = k_1,  o_i = a_i o_(i-1) + (1 - a_i) k_i,  a_i = Dad_i / (Dad_i + Dmax_i)

coherent_semantic_attention.py explains the symbols. All tensors are time-major, [N, B, ...]: the
first axis counts the visits, so index i is the i-th missing cell of each picture.
"""

from typing import NamedTuple

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.patches import unit
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.tracing import converting


class Visits(NamedTuple):
    """What the recursion reads at each visit."""

    unit: tf.Tensor  # [N, B, C], the missing cell m_i divided by its norm
    key: tf.Tensor  # [N, B, C], the known cell k_i that is most like it
    dmax: tf.Tensor  # [N, B, 1], Dmax_i, their similarity (1)


def generate(visits: Visits, steps: tf.Tensor, variant: str) -> tf.Tensor:
    """The generated cells o_i of the first `steps` visits, 0 for the rest: [N, B, C].

    Both the forward and the backward loop carry only one cell from step to step.
    """

    def step(unit_query, key, dmax, previous):
        share = shares(unit_query, previous, dmax, variant)
        return share * previous + (1 - share) * key

    @custom_gradient
    def run(*visits):
        outputs = _forward(step, visits, steps)
        return outputs, lambda upstream: _backward(step, visits, outputs, upstream, steps)

    return run(*visits)


def shares(unit_query: tf.Tensor, previous: tf.Tensor, dmax: tf.Tensor, variant: str) -> tf.Tensor:
    """The weights a_i of the previous cell in (3), [..., 1].

    Args:
        unit_query: m_i divided by its norm, [..., C].
        previous: o_(i-1), [..., C].
        dmax: Dmax_i, [..., 1].
        variant: "paper" or "official".
    """
    if variant == "official":
        dad = tf.reduce_sum(unit_query * previous, -1, keepdims=True)
        return tf.stop_gradient(tf.math.divide_no_nan(dad, dad + dmax))
    dad = tf.nn.relu(tf.reduce_sum(unit_query * unit(previous), -1, keepdims=True))  # (2)
    return tf.math.divide_no_nan(dad, dad + tf.nn.relu(dmax))


def time_major(x: tf.Tensor) -> tf.Tensor:
    """[B, N, ...] <-> [N, B, ...]."""
    return tf.transpose(x, [1, 0, 2])


def _forward(step, visits, steps):
    key = visits[1]
    # TFLite's int8 calibration crashes if a loop reads floats and passes them on unchanged. It does
    # not crash on the same bits as int32.
    read = [tf.bitcast(x, tf.int32) if converting() else x for x in visits]

    def forward(t, previous, outputs):
        visit = (tf.bitcast(x[t], tf.float32) if converting() else x[t] for x in read)
        output = step(*visit, previous)
        return t + 1, output, outputs.write(t, output)

    outputs = tf.TensorArray(key.dtype, shape(key)[0], element_shape=key.shape[1:])
    state = (1, key[0], outputs.write(0, key[0]))
    return tf.while_loop(lambda t, *_: t < steps, forward, state)[2].stack()


def _backward(step, visits, outputs, upstream, steps):
    """The gradients with respect to `visits`, computed step by step from the last one."""

    def backward(t, carried, arrays):
        given = [*(x[t] for x in visits), outputs[t - 1]]
        with tf.GradientTape() as tape:
            tape.watch(given)
            output = step(*given)
        *slopes, carried = tape.gradient(
            output, given, upstream[t] + carried, tf.UnconnectedGradients.ZERO
        )
        return t - 1, carried, [array.write(t, slope) for array, slope in zip(arrays, slopes)]

    unit_query, key, dmax = visits
    arrays = [tf.TensorArray(x.dtype, shape(x)[0], element_shape=x.shape[1:]) for x in visits]
    last = tf.maximum(steps, 1) - 1
    state = (last, tf.zeros_like(key[0]), arrays)
    _, carried, arrays = tf.while_loop(lambda t, *_: t > 0, backward, state)
    # o_1 = k_1, so the gradient of the first visit goes to its key alone.
    firsts = (tf.zeros_like(unit_query[0]), upstream[0] + carried, tf.zeros_like(dmax[0]))
    return [array.write(0, first).stack() for array, first in zip(arrays, firsts)]
