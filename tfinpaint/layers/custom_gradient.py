"""`tf.custom_gradient` for functions of tensors, whose graphs can be collected.

TensorFlow's own enters each gradient of a graph into a table that lives as long as the process. The
gradient holds the tensors that it closes over, and with them the whole graph
(github.com/tensorflow/tensorflow/issues/97697). Here each graph keeps its own gradients, and the
table only says where they are.
"""

import functools
import weakref
from typing import Callable

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry  # it has no public name

_KEPT = "tfinpaint_gradients"  # attribute of a graph: {name: gradient}


def custom_gradient(function: Callable) -> Callable:
    """Decorator: `function(*tensors)` returns a tensor and its gradient function."""
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def run(*tensors):
        result = decorated(*tensors)
        if not tf.executing_eagerly():
            _hand_over(result)
        return result

    return run


def self_adjoint(function: Callable) -> Callable:
    """Decorator: `function(x, *constants)` is linear in the tensor x and its own adjoint.

    So its gradient is the function itself. TensorFlow's own would go back through each slice.
    """

    @functools.wraps(function)
    def run(x, *constants):
        @custom_gradient
        def apply(x):
            return function(x, *constants), lambda upstream: run(upstream, *constants)

        return apply(x)

    return run


def _hand_over(result):
    """Moves the gradient of `result`, a tensor of a graph, from the table to the graph."""
    name = result.op.get_attr("_gradient_op_type").decode()
    entry = gradient_registry._registry[name]
    if not hasattr(result.graph, _KEPT):
        setattr(result.graph, _KEPT, {})
    getattr(result.graph, _KEPT)[name] = entry["type"]
    # Not `op.graph`: when a SavedModel is written, gradients are traced without an operation.
    graph = weakref.ref(result.graph)
    entry["type"] = lambda op, *upstream: getattr(graph(), _KEPT)[name](op, *upstream)
