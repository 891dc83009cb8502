"""A process that makes, compiles and trains one system after another frees the memory they took."""

import ctypes
import gc
import pathlib
import weakref

import numpy as np
import pytest
import tensorflow as tf
from small import SMALL, TERMS_LEFT_OUT
from tensorflow.python.framework.func_graph import FuncGraph

import tfinpaint

slow = pytest.mark.slow
MOST = 15  # MB for each system; a graph of the smallest takes 25, and of most over 100


def train(name):
    """Two compiled steps of a small system, and a fill. -> weak references to it and to its
    graphs."""
    system = tfinpaint.create(name, **SMALL[name])
    system.compile(perceptual_weights="none", loss_weights=TERMS_LEFT_OUT[name], image_size=64)
    holes = np.zeros((2, 64, 64, 1), np.float32)
    holes[:, 20:40, 16:48] = 1
    batch = tf.zeros([2, 64, 64, 3]), tf.constant(holes)
    functions = [tf.function(f) for f in (system.step, system.generate)]
    functions[0](*batch)
    functions[0](*batch)
    functions[1](*batch)
    graphs = [f.get_concrete_function(*batch).graph for f in functions]
    return [weakref.ref(x) for x in (system, *graphs)]


@slow
@pytest.mark.parametrize("name", SMALL)
def test_nothing_holds_a_system_that_has_trained(name):
    left = train(name)
    gc.collect()
    assert [r().name for r in left if r() is not None] == []


@pytest.mark.slow
def test_custom_gradients_of_a_graph_go_with_it():
    from tfinpaint.layers.patches import extract

    def graphs():
        gc.collect()
        return sum(isinstance(x, FuncGraph) for x in gc.get_objects())

    def slope():
        @tf.function
        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(extract(x, 3) ** 2)
            return tape.gradient(y, x)

        return run(tf.ones([1, 4, 4, 1]))

    first, before = slope(), graphs()
    np.testing.assert_array_equal(slope(), first)  # the second graph's own gradient
    np.testing.assert_array_equal(
        first[0, :, :, 0], [[8, 12, 12, 8], [12, 18, 18, 12], [12, 18, 18, 12], [8, 12, 12, 8]]
    )
    assert graphs() == before


@slow
@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="resident memory is read from /proc"
)
def test_twelve_systems_in_a_row():
    def resident():
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    names = ["residual", "gated_conv", "partial_conv"]
    for name in names:
        train(name)  # TensorFlow keeps something for each kind of operation
    before = resident()
    for k in range(12):
        train(names[k % 3])
    assert (resident() - before) / 12 < MOST
