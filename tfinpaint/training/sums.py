"""Adds up gradients in a fixed order, so that a run can be repeated exactly.

TensorFlow's graph optimizer has a pass that saves memory. It turns a sum of three or more tensors
(AddN) into a variable to which each tensor is added as soon as it is ready, so the order depends on
the threads. The pass takes sums that it expects to be in memory when most memory is used, and only
in large graphs. One of them is `musical` with its DenseNet critic: its generator got other
gradients in a quarter of all steps. `tf.config.experimental.enable_op_determinism` does not switch
the pass off, and `tf.config.optimizer.set_experimental_options` has no name for it.
"""

import contextlib
from typing import Iterator

import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.eager import context  # the option has no public name


@contextlib.contextmanager
def sums_in_order() -> Iterator[None]:
    """A context. Functions that are first called in it are optimized without that pass."""
    eager = context.context()
    kept, config = eager._config, tf.compat.v1.ConfigProto()
    if kept is not None:
        config.CopyFrom(kept)
    config.graph_options.rewrite_options.memory_optimization = (
        rewriter_config_pb2.RewriterConfig.NO_MEM_OPT
    )
    _use(eager, config)
    try:
        yield
    finally:
        _use(eager, kept)


def _use(eager, config):
    eager._config = config
    tf.config.optimizer.set_experimental_options({})  # makes TensorFlow read the configuration
