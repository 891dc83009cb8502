"""What is being traced, and for what.

TensorFlow runs the Python code of a layer once for each graph. What the graph is for decides what
may go into it. Layers ask here:

    compiled()       the graph is for XLA or a converter: its sizes cannot depend on the hole
    converting()     it is for a converter, such as TFLite's
    weights_only()   nobody needs the output: the network is called so that its variables exist
    on_gpu()         it will run on a GPU

Only the caller knows the second and the third. The caller says so with

    with static_sizes():        with making_weights():
        ...                         ...

which hold for the current thread.
"""

import contextlib
import threading
from typing import ContextManager

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # there is no public function for this


def compiled() -> bool:
    """Whether this trace needs sizes that do not depend on the hole: for XLA or for a converter.

    The answer holds for the trace. A tf.function that was traced outside of compiled code is not
    traced again when compiled code calls it, and then does not compile. So hand compiled code the
    Python function.
    """
    if converting():
        return True
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def converting() -> bool:
    """Whether this trace is for a converter: inside `with static_sizes():`."""
    return _state.converting


def weights_only() -> bool:
    """Whether only variables are wanted: inside `with making_weights():`.

    A layer that has no weights, and whose output has the shape of its features, may then return
    its features. The attention layers do: they take most of the time.
    """
    return _state.weights_only


def on_gpu() -> bool:
    """Whether TensorFlow has a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def static_sizes() -> ContextManager[None]:
    """A context: what is traced inside is for a converter. No sizes in it depend on the hole."""
    return _set("converting")


def making_weights() -> ContextManager[None]:
    """A context: calls inside return tensors of the right shape and type, with arbitrary values."""
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
