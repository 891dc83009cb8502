"""Calls Python functions in a tf.data pipeline without hanging the program when it ends.

A pipeline reads ahead in its own threads. If the interpreter shuts down (the end of a script,
Ctrl-C) while such a thread is about to call Python, that thread never returns, and destroying the
pipeline waits for it forever. So all calls go through a gate, which closes before the interpreter
shuts down. From then on a call returns zeros at once. The program waits briefly, until the buffers
are full and no thread calls any more.
"""

import atexit
import threading
import time
from typing import Callable, Optional, Sequence

import numpy as np
import tensorflow as tf

# seconds: the gate waits until there was no call for the first, and at most for the second
_QUIET, _LONGEST = 0.1, 5.0


class _Gate:
    def __init__(self):
        self._lock = threading.Lock()
        self._running = 0
        self._last = 0.0
        self.closed = False

    def __enter__(self):
        with self._lock:
            self._running += 1

    def __exit__(self, *_):
        with self._lock:
            self._running -= 1
            self._last = time.monotonic()

    def close(self) -> None:
        self.closed = True
        deadline = time.monotonic() + _LONGEST
        while time.monotonic() < deadline and (
            self._running or time.monotonic() - self._last < _QUIET
        ):
            time.sleep(0.01)


_GATE = _Gate()
atexit.register(_GATE.close)


def python_call(
    function: Callable, inputs: Sequence[tf.Tensor], dtype: tf.DType, shape: Sequence[Optional[int]]
) -> tf.Tensor:
    """`tf.numpy_function` with one output of a known shape, for use in a pipeline.

    Args:
        function: takes NumPy arrays, returns a NumPy array of `dtype` and `shape`.
        inputs: the tensors that are passed to it.
        dtype, shape: the type and static shape of its output; sides may be None.

    Returns:
        The output, a tensor of `dtype` and `shape`.
    """

    def guarded(*arrays):
        with _GATE:
            if _GATE.closed:
                return np.zeros([side or 1 for side in shape], dtype.as_numpy_dtype)
            return function(*arrays)

    return tf.ensure_shape(tf.numpy_function(guarded, inputs, dtype), shape)
