"""Counts the floating-point operations of a TensorFlow function: those of its convolutions and
matrix products, two per multiply-add.

Operations that are cheap beside these (norms, activations, softmax, sums over neighbours) do not
count. The function runs once, eagerly, so that loops, and sizes that depend on the hole, are
counted as they occur. Forward and backward operations count, and what is computed twice counts
twice.
"""

import math

import tensorflow as tf
from tensorflow.python.framework import op_callbacks

_PRODUCTS = {"MatMul": "transpose_a", "BatchMatMulV2": "adj_x"}


def count(function, *arguments) -> float:
    """The number of operations of one call.

    `function` is a Python function or a tf.function. It is called, so it may change variables.
    """
    total = 0.0

    def record(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        nonlocal total
        name = op_type.decode() if isinstance(op_type, bytes) else op_type
        total += _operations(name, inputs, dict(zip(attrs[::2], attrs[1::2])), outputs)

    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    op_callbacks.add_op_callback(record)
    try:
        function(*arguments)
    finally:
        op_callbacks.remove_op_callback(record)
        tf.config.run_functions_eagerly(eagerly)
    return total


def _operations(op_type, inputs, attrs, outputs):
    # Every output of the forward convolution is counted with its whole window. Both backward passes
    # then take as many products as the forward pass.
    if op_type == "Conv2D":
        return 2.0 * math.prod([*outputs[0].shape, *inputs[1].shape[:3]])
    if op_type == "Conv2DBackpropInput":  # sizes, filters, gradient of the output
        return 2.0 * math.prod([*inputs[2].shape, *inputs[1].shape[:3]])
    if op_type == "Conv2DBackpropFilter":  # input, sizes, gradient of the output
        return 2.0 * math.prod([*inputs[2].shape, *outputs[0].shape[:3]])
    if op_type in _PRODUCTS:
        inner = inputs[0].shape[-2 if attrs[_PRODUCTS[op_type]] else -1]
        return 2.0 * math.prod([*outputs[0].shape, inner])
    if op_type == "Einsum":
        equation = attrs["equation"]
        terms = (
            (equation.decode() if isinstance(equation, bytes) else equation)
            .split("->")[0]
            .split(",")
        )
        return 2.0 * math.prod(
            {
                letter: side
                for term, x in zip(terms, inputs)
                for letter, side in zip(term, x.shape)
            }.values()
        )
    return 0.0
