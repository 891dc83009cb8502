"""Tells a layer what the graph being traced is for.

TensorFlow runs the Python code of a layer once for each graph. The purpose of the graph decides
which operations the layer may use:

    compiled()       the graph is for XLA or a converter: tensor sizes may not depend on the hole
    converting()     it is for a converter, such as TFLite's
    weights_only()   its output is not used: the network is called so that its variables exist
    on_gpu()         it will run on a GPU

The second and the third are set by the caller, for the current thread, with the contexts
`static_sizes()` and `making_weights()`.
"""

import contextlib
import threading
from typing import ContextManager

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # there is no public function for this


def compiled() -> bool:
    """Whether tensor sizes in this trace may not depend on the hole: for XLA or for a converter.

    The answer holds for this trace only. A tf.function that was first traced outside of compiled
    code is not retraced when compiled code calls it, and then fails to compile. So call the
    undecorated Python function from compiled code.
    """
    if converting():
        return True
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def converting() -> bool:
    """Whether this trace is for a converter: inside `with static_sizes():`."""
    return _state.converting


def weights_only() -> bool:
    """Whether this trace only creates variables: inside `with making_weights():`.

    A layer that has no weights, and whose output has the shape of its features, may then return its
    features. The attention layers do so, since tracing them takes most of the time.
    """
    return _state.weights_only


def on_gpu() -> bool:
    """Whether TensorFlow has a GPU, on which the graph will then run."""
    return bool(tf.config.list_logical_devices("GPU"))


def static_sizes() -> ContextManager[None]:
    """A context whose traces are for a converter: no tensor size in them depends on the hole."""
    return _set("converting")


def making_weights() -> ContextManager[None]:
    """A context for calls that create variables.

    The outputs of such calls have the right shape and type, and arbitrary values.
    """
    return _set("weights_only")


class _State(threading.local):
    converting = False
    weights_only = False


_state = _State()


@contextlib.contextmanager
def _set(name):
    before = getattr(_state, name)
    setattr(_state, name, True)
    try:
        yield
    finally:
        setattr(_state, name, before)
