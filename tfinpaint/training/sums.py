"""Sums of gradients in one order, so that a run is the same every time.

TensorFlow's graph optimizer has a pass that saves memory: it turns a sum of three or more tensors
(AddN) into a variable that each is added to when it is ready, in whatever order the threads come
to. It takes the sums that it expects to be held at the peak of the memory, which only a large graph
has: that of `musical` with its DenseNet critic, whose generator then got other gradients in a
quarter of all steps. `tf.config.experimental.enable_op_determinism` does not stop it, and
`tf.config.optimizer.set_experimental_options` has no name for it.
"""

import contextlib
from typing import Iterator

import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.eager import context  # the option has no public name


@contextlib.contextmanager
def sums_in_order() -> Iterator[None]:
    """Functions that are first called in this block are optimized without that pass."""
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
    tf.config.optimizer.set_experimental_options({})  # takes up the new configuration
