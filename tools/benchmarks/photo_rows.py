"""Rows about whole photographs: `fill` with one large hole, without detail and with it."""

from functools import partial

import numpy as np

from tools.benchmarks.measuring import Bench, Row, in_its_own_process, peak_memory


def photo_rows(bench):
    """The rows of the group `photo`."""
    from tfinpaint import create
    from tfinpaint.painting.painter import Painter

    painter = Painter(create("multistage"), 256)
    for height, width in ((3000, 4000), (6000, 4000)):
        fill = partial(painter.fill, *_large_photograph(height, width), detail="off")
        yield Row(f"fill, {height * width / 1e6:.0f} megapixels, one object", bench.time(fill))


def _large_photograph(height, width):
    """A photograph of noise, and a mask with a square hole of 0.6 megapixels, 5 % of 12."""
    mask = np.zeros((height, width), np.uint8)
    mask[1000:1775, 1000:1775] = 255
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), mask


def detail_rows(bench):
    """The rows of the group `detail`."""
    yield in_its_own_process(
        _detail_row, bench.repeats, "detail, 300x240 in 900x900", _window_restored
    )
    yield in_its_own_process(
        _detail_row,
        bench.repeats,
        "fill with detail, 12 megapixels, one object",
        _photograph_restored,
    )


def _detail_row(repeats, name, make):
    bench = Bench(repeats)
    peak_memory()  # resets the peak, so that the memory of t0 does not count
    call = make()
    seconds = bench.time(call)
    return Row(name, seconds, memory=peak_memory(), t0=bench.t0)


def _window_restored():
    import cv2
    import tensorflow as tf

    from tfinpaint.painting import detail

    hole = np.zeros((900, 900), np.uint8)
    cv2.ellipse(hole, (450, 450), (150, 120), 0, 0, 360, 1, -1)
    picture, hole = (
        np.random.default_rng(0).uniform(0, 255, (900, 900, 3)).astype(np.float32),
        hole[..., np.newaxis] > 0,
    )
    restore = tf.function(
        detail.restore,
        input_signature=[
            tf.TensorSpec([None, None, 3]),
            *[tf.TensorSpec([None, None, 1], tf.bool)] * 2,
        ],
    )
    return partial(restore, *map(tf.constant, (picture, hole, hole)))


def _photograph_restored():
    from tfinpaint import create
    from tfinpaint.painting.painter import Painter

    return partial(Painter(create("multistage"), 256).fill, *_large_photograph(3000, 4000))
