"""A `tf.custom_gradient` for functions of tensors that lets their graphs be garbage-collected.

TensorFlow's own function adds the gradient of each graph to a registry that lives as long as the
process. The gradient refers to the tensors that it closes over, and so keeps the whole graph alive
(github.com/tensorflow/tensorflow/issues/97697). Here each graph keeps its own gradients, and the
registry has only a weak reference to the graph.
"""

import functools
import weakref
from typing import Callable

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry  # it has no public name

_KEPT = "tfinpaint_gradients"  # attribute of a graph: {name: gradient}


def custom_gradient(function: Callable) -> Callable:
    """Decorator like tf.custom_gradient; `function(*tensors)` returns a tensor and its gradient."""
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def run(*tensors):
        result = decorated(*tensors)
        if not tf.executing_eagerly():
            _hand_over(result)
        return result

    return run


def self_adjoint(function: Callable) -> Callable:
    """Decorator of a `function(x, *constants)` that is linear in the tensor x and self-adjoint.

    Its gradient is then the function itself. TensorFlow's gradient would go back through each
    slice.
    """

    @functools.wraps(function)
    def run(x, *constants):
        @custom_gradient
        def apply(x):
            return function(x, *constants), lambda upstream: run(upstream, *constants)

        return apply(x)

    return run


def _hand_over(result):
    """Moves the gradient of `result`, a tensor of a graph, from the registry to the graph."""
    name = result.op.get_attr("_gradient_op_type").decode()
    entry = gradient_registry._registry[name]
    if not hasattr(result.graph, _KEPT):
        setattr(result.graph, _KEPT, {})
    getattr(result.graph, _KEPT)[name] = entry["type"]
    # `op.graph` would not do: a SavedModel's gradients are traced without an operation.
    graph = weakref.ref(result.graph)
    entry["type"] = lambda op, *upstream: getattr(graph(), _KEPT)[name](op, *upstream)
