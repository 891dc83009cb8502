"""How rows are measured: in turns with t0, in a process of their own, with the highest memory."""

import ctypes
import gc
import multiprocessing
import resource
import statistics
import time
from functools import partial
from typing import NamedTuple, Optional

import numpy as np

_SIDE = 4096  # side of the matrices of t0


class Row(NamedTuple):
    """One line of the table.

    seconds: for one call, or for a part of it (such as one image of a batch), as `name` says.
    operations: floating-point operations in that time.
    """

    name: str
    seconds: float
    operations: Optional[float] = None
    beside: Optional[str] = None  # what it is compared with, measured in turns
    ratio: Optional[float] = None  # the time of `beside` divided by this row's
    note: str = ""
    memory: Optional[int] = None  # bytes: the highest since the row before, or of its own process
    t0: Optional[float] = None  # seconds, measured in turns with this row


class Machine(NamedTuple):
    """t0 in seconds; operations per second of matrix products and of convolutions."""

    t0: float
    product_rate: float
    convolution_rate: float


class Bench:
    """Times functions: medians of `repeats` calls, after two calls to warm up.

    Calls take turns with the matrix product of t0, whose median time is kept in `t0`, in seconds.
    """

    def __init__(self, repeats):
        import tensorflow as tf

        self.repeats = repeats
        self.t0 = None
        a, b = (tf.random.normal([_SIDE, _SIDE]) for _ in range(2))
        self._product = partial(tf.function(lambda a, b: tf.matmul(a, b)[0, 0]), a, b)

    def time(self, *functions):
        """The median seconds until the result of each function is computed, measured in turns.

        Returns: a number for one function, a list for several. Without any, only t0 is measured.
        """
        functions = [*functions, self._product]
        for function in 2 * functions:
            wait(function())
        times = [[] for _ in functions]
        for _ in range(self.repeats):
            for function, taken in zip(functions, times):
                start = time.perf_counter()
                wait(function())
                taken.append(time.perf_counter() - start)
        *medians, self.t0 = [statistics.median(taken) for taken in times]
        return medians[0] if len(medians) == 1 else medians

    def machine(self) -> Machine:
        """Measures the machine."""
        import tensorflow as tf

        x, k = tf.random.normal([4, 64, 64, 256]), tf.random.normal([3, 3, 256, 256])
        t1 = self.time(
            partial(tf.function(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME")[0, 0, 0, 0]), x, k)
        )
        return Machine(self.t0, 2 * _SIDE**3 / self.t0, 2 * 4 * 64 * 64 * 9 * 256 * 256 / t1)


def in_its_own_process(function, *arguments):
    """Calls a function in a new process, so that its memory does not include that of other rows."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def photographs(batch, size):
    """Noise in [-1, 1], [B, S, S, 3]."""
    import tensorflow as tf

    return tf.random.stateless_uniform([batch, size, size, 3], [0, 1], -1.0, 1.0)


def center(batch, size, share=0.25):
    """Holes [B, S, S, 1]: a centred square over about this share of the image."""
    import tensorflow as tf

    side = round(size * share**0.5)
    first = (size - side) // 2
    hole = np.zeros((batch, size, size, 1), np.float32)
    hole[:, first : first + side, first : first + side] = 1
    return tf.constant(hole)


def both_ways(call, features, hole, layer=None):
    """Two functions without arguments: `call` forward, and `call` with its gradient.

    The gradient is for the features and the layer's weights.
    """
    import tensorflow as tf

    forward = tf.function(call)

    @tf.function
    def backward(features, hole):
        with tf.GradientTape() as tape:
            tape.watch(features)
            total = tf.reduce_sum(call(features, hole) ** 2)
        return tape.gradient(total, [features, *(layer.trainable_variables if layer else [])])

    return partial(forward, features, hole), partial(backward, features, hole)


def repeat(times, function, *arguments):
    """The results of so many calls."""
    return [wait(function(*arguments)) for _ in range(times)]


def wait(result):
    """Waits until the devices have computed the result of a function."""
    import tensorflow as tf

    tf.test.experimental.sync_devices()
    return result


def peak_memory():
    """The highest resident memory of this process since the last call, bytes.

    If Linux does not allow the peak to be reset, it is the highest since the process started.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    try:
        with open("/proc/self/status", encoding="ascii") as f:
            peak = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))
        with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
    except OSError:
        pass
    return peak


def free():
    """Frees the memory that a row has used, so that it does not count for the next row."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        pass
