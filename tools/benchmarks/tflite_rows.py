"""The benchmark's rows about TFLite files: bytes on disk, closeness to TensorFlow's fills, and time
compared with TensorFlow's, with as many threads.

Closeness is the PSNR in dB between the composites of both, for the photograph with the lowest. The
photographs are scikit-image's, 256 px, with strokes over 10 to 60 %. `residual` has the weights of
the default model, because with random weights it adds nothing to its smooth fill. The weights of
the others are random, as everywhere in the benchmark.
"""

import statistics
import time

import numpy as np

from tfinpaint import SYSTEMS, command
from tfinpaint.systems.specification import all_systems
from tools.benchmarks.measuring import Row, in_its_own_process

QUANTIZE = ("none", "float16", "dynamic", "int8")
_SIZE, _PHOTOGRAPHS, _THREADS = 256, 8, 2


def tflite_rows(bench):
    """The rows of the group `tflite`."""
    for name in SYSTEMS:
        for quantize in QUANTIZE:
            if quantize == "int8" and not all_systems()[name].eight_bits:
                continue
            seconds, other, size, decibels = in_its_own_process(
                measure, name, quantize, bench.repeats
            )
            bench.time()
            note = (
                f"{size / 1e6:.1f} MB, {decibels:.1f} dB, "
                f"{seconds / other:.2f} times TensorFlow's time"
            )
            yield Row(
                f"{name}, tflite, {quantize}",
                seconds,
                beside="TensorFlow",
                ratio=other / seconds,
                note=note,
            )


def measure(name, quantize, repeats):
    """Seconds of a fill by TFLite and by TensorFlow, bytes of the file, and closeness in dB.

    name: that of a system. quantize: one of QUANTIZE. Seconds are medians of `repeats` calls, in
    turns.
    """
    import tensorflow as tf

    from tfinpaint import create, load
    from tfinpaint.export import tflite
    from tfinpaint.painting.painter import Painter
    from tfinpaint.photo import THRESHOLD

    tf.config.threading.set_intra_op_parallelism_threads(_THREADS)
    tf.keras.utils.set_random_seed(0)
    painter = load() if name == "residual" else Painter.of(create(name), _SIZE)
    pairs = _pairs()
    with command.native_stderr_silenced():
        content = tflite.convert(painter, quantize, (_SIZE, _SIZE), pairs)
        file = tflite.TFLitePainter(content, _THREADS)
    fill = tf.function(
        lambda photo, mask: painter.fill_whole(tf.cast(photo, tf.float32), mask > THRESHOLD)
    )

    def by_tensorflow(photo, mask):
        return fill(tf.constant(photo), tf.constant(mask[..., np.newaxis])).numpy()

    decibels = min(_psnr(file.fill(*pair), by_tensorflow(*pair)) for pair in pairs)
    times = {file.fill: [], by_tensorflow: []}
    for _ in range(repeats):
        for function, taken in times.items():
            start = time.perf_counter()
            function(*pairs[0])
            taken.append(time.perf_counter() - start)
    return *(statistics.median(taken) for taken in times.values()), len(content), decibels


def _pairs():
    from tfinpaint.data.batches import evaluation_squares
    from tfinpaint.data.evaluation_holes import evaluation_holes

    photos = evaluation_squares("samples:", _SIZE, _PHOTOGRAPHS)
    return [
        (photo, 255 * hole[..., 0])
        for photo, hole in zip(photos, evaluation_holes((0.1, 0.6), len(photos), _SIZE))
    ]


def _psnr(one, other):
    """The PSNR in dB; at most 100, which is that of equal pictures."""
    return 10 * np.log10(
        255**2 / max(np.mean((one.astype(np.float64) - other) ** 2), 255**2 * 1e-10)
    )
