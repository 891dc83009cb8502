"""Rows about training data: holes per second, and photographs per second of the pipeline."""

import itertools
import time
from functools import partial

import numpy as np

from tfinpaint.settings import HoleSettings, PhotoSettings
from tools.benchmarks.measuring import Row, repeat
from tools.benchmarks.opencv_holes import draw_strokes


def holes_rows(bench):
    """The rows of the group `holes`."""
    import tensorflow as tf

    from tfinpaint.data.holes import holes

    batch = 64
    for kind in ("center", "box", "objects", "strokes", "mixed"):
        made = tf.function(
            lambda step, kind=kind: holes(0, step, batch, 256, HoleSettings(kind=kind))
        )
        call = partial(_at_next_step, made, itertools.count())
        if kind == "strokes":
            seconds, other = bench.time(
                call,
                partial(repeat, batch, draw_strokes, np.random.default_rng(0), 256, HoleSettings()),
            )
            yield Row(
                "strokes, a hole",
                seconds / batch,
                beside="OpenCV",
                ratio=other / seconds,
                note=f"{batch / seconds:,.0f} per second",
            )
        else:
            seconds = bench.time(call)
            yield Row(f"{kind}, a hole", seconds / batch, note=f"{batch / seconds:,.0f} per second")


def pipeline_rows(bench):
    """The rows of the group `pipeline`."""
    from tfinpaint.data.batches import training_batches

    batch, drained, measured = 16, 24, 64
    data = iter(training_batches(PhotoSettings("samples:"), HoleSettings(), batch, 0))
    bench.time()
    repeat(drained, next, data)  # empties the buffers of the pipeline
    start = time.perf_counter()
    repeat(measured, next, data)
    seconds = (time.perf_counter() - start) / measured / batch
    yield Row("pipeline, strokes, per image", seconds, note=f"{1 / seconds:.0f} images per second")


def _at_next_step(function, steps):
    import tensorflow as tf

    return function(tf.constant(next(steps)))
