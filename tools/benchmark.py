"""Measures what the project costs on this machine, in units of the machine itself.

    python -m tools.benchmark --output=benchmark.json
    python -m tools.benchmark --rows=generate,attention

Times differ between machines, and with what else runs on them; ratios within one run vary less. So
the machine is measured first: t0, the time of a float32 product of two 4096 x 4096 matrices, and
the rates of matrix products and of convolutions. Each row then has

    its median time, after warming up, measured in turns with t0 and with what it is compared with;
    the operations of its convolutions and matrix products, and their rate as a share of the
    machine's (the higher one of matrix products and convolutions);
    its time in t0;
    the highest memory that the process reached.

Groups of rows, for --rows
    generate    each system's generator as `tfinpaint.load(RUN).generate` calls it: one photograph,
                centre hole
    train       each system's training step with all its losses: per image, batch 4
    memory      highest resident memory of a process that trains the multistage network, batch 6
    attention   each attention layer, forward and with gradients, compared with the released
                formulation (tools/released_formulations.py)
    layers      partial convolution, compared with a plain one
    holes       holes per second of each kind, compared with the same strokes drawn with OpenCV
    pipeline    photographs per second of the input pipeline
    photo       `fill` without detail of a photograph of 12 megapixels, and of one twice as large
                with the same hole
    windows     `fill` of a photograph of 12 megapixels whose hole is strokes, a hatch, a mesh,
                specks or letters, compared with one square of the same area: processor time, number
                of windows (window_rows.py)
    detail      texture for a hole of 300 x 240 in a window of 900 x 900; `fill` with detail of a
                photograph of 12 megapixels
    command     `inpaint` started from the shell: one photograph, compared with `import tensorflow`;
                a folder of 100, compared with the time of the network alone (command_rows.py)
    tflite      each system as a TFLite file, compared with TensorFlow, 256 px: time, bytes, PSNR
                between the fills (tflite_rows.py)
"""

import ctypes
import gc
import itertools
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from typing import NamedTuple, Optional

if not __package__:  # run as python tools/benchmark.py, where only tools/ is on the module path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np
from absl import flags

from tfinpaint import SYSTEMS, atomic, command, settings
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError
from tfinpaint.systems.specification import all_systems
from tools import command_rows, tflite_rows, window_rows

settings.define_flags("rows", "repeats", "device", output="File (.json) for the figures.")

GROUPS = (
    "generate",
    "train",
    "memory",
    "attention",
    "layers",
    "holes",
    "pipeline",
    "photo",
    "windows",
    "detail",
    "command",
    "tflite",
)


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


def main():
    values = flags.FLAGS
    groups = values.rows.split(",") if values.rows else GROUPS
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        raise SettingsError(f"--rows is some of {','.join(GROUPS)}. Got {unknown[0]!r}")
    if values.output and os.path.isdir(values.output):
        raise SettingsError(
            f"--output={values.output} is a folder: a file for the figures is needed, such as "
            "benchmark.json"
        )
    if values.output and not os.access(os.path.dirname(os.path.abspath(values.output)), os.W_OK):
        raise SettingsError(
            f"--output={values.output}: its folder does not exist or cannot be written to"
        )
    command.choose_device(values.device)
    bench = Bench(values.repeats)
    machine = bench.machine()
    print(
        f"t0 {machine.t0:.3f} s; products {machine.product_rate / 1e9:.0f}, convolutions "
        f"{machine.convolution_rate / 1e9:.0f} GFLOP/s"
    )
    print(f"\n{'':44s}{'time':>10s}{'GFLOP':>9s}{'of rate':>9s}{'t0':>9s}{'memory':>9s}  ")
    rows = []
    for group in groups:
        for row in getattr(sys.modules[__name__], f"_{group}_rows")(bench):
            row = row._replace(memory=row.memory or _peak_memory(), t0=row.t0 or bench.t0)
            rows.append(row)
            print(_line(row, machine), flush=True)
            _free()
    if values.output:
        found = {
            "machine": machine._asdict(),
            "about": _about(),
            "rows": [row._asdict() for row in rows],
        }
        atomic.write_text(values.output, json.dumps(found, indent=1) + "\n")


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
            _wait(function())
        times = [[] for _ in functions]
        for _ in range(self.repeats):
            for function, taken in zip(functions, times):
                start = time.perf_counter()
                _wait(function())
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


# --------------------------------------------------------------------------------------------- rows


def _generate_rows(bench):
    from tfinpaint import create
    from tfinpaint.painting.painter import Painter

    for name in SYSTEMS:
        painter = Painter.of(create(name))
        only = painter.system.fixed_size
        for size in (only,) if only else (256, 512):
            yield _generate_row(bench, name, painter, size)


def _generate_row(bench, name, painter, size):
    images, holes = _photographs(1, size), _center(1, size)
    seconds = bench.time(partial(painter.generate, images, holes))
    return Row(f"{name}, {size}", seconds, _count(painter.system.generate, images, holes))


def _train_rows(bench):
    for name in SYSTEMS:
        yield _in_its_own_process(_train_row, bench.repeats, name, 4)


def _in_its_own_process(function, *arguments):
    """Calls a function in a new process, so that its memory does not include that of other rows."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _train_row(repeats, name, batch):
    bench = Bench(repeats)
    system, step, images, holes = _training(name, batch)
    turns = system.batches_per_step  # the last of these batches trains the generator
    count = _count(partial(_repeat, turns, step, images, holes))
    seconds = bench.time(partial(_repeat, turns, step, images, holes))
    note = f"mean of {turns} batches, one of which trains the generator" if turns > 1 else ""
    return Row(
        f"{name}, step, per image",
        seconds / turns / batch,
        count / turns / batch,
        note=note,
        memory=_peak_memory(),
        t0=bench.t0,
    )


def _memory_rows(bench):
    seconds, peak = _in_its_own_process(_train_and_tell, "multistage", 6)
    bench.time()
    yield Row("multistage, step, batch 6", seconds, memory=peak)


def _train_and_tell(name, batch):
    """The median seconds of three steps, and the highest resident memory of the process, bytes."""
    _, step, images, holes = _training(name, batch)
    step(images, holes)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        _wait(step(images, holes))
        times.append(time.perf_counter() - start)
    return statistics.median(times), _peak_memory()


def _training(name, batch):
    """A system, its training step with all losses as a graph, and a batch: images and holes."""
    import tensorflow as tf

    from tfinpaint import create

    system = create(name)
    size = system.fixed_size or 256
    system.compile(
        perceptual_weights="random",
        critic_weights="random" if system.specification.takes_critic_weights else None,
        image_size=size,
    )
    return system, tf.function(system.step), _photographs(batch, size), _center(batch, size)


def _attention_rows(bench):
    import tensorflow as tf

    from tfinpaint import layers
    from tools import released_formulations as released

    features, hole = tf.random.normal([2, 64, 64, 128]), _center(2, 64)
    for size in (1, 3):
        yield from _beside(
            bench,
            f"PatchAttention {size}x{size}, official",
            partial(_call, layers.PatchAttention(size, 3, "official")),
            partial(released.patch_attention, patch_size=size),
            features,
            hole,
        )
        for title, call in zip(
            ("", ", with gradient"),
            _both_ways(partial(_call, layers.PatchAttention(size, 3)), features, hole),
        ):
            yield Row(f"PatchAttention {size}x{size}, paper{title}", bench.time(call))
    yield from _beside(
        bench,
        "ContextualAttention",
        partial(_call, layers.ContextualAttention()),
        released.contextual_attention,
        features,
        hole,
    )
    for share in (0.1, 0.4):
        layer, hole = layers.PatchAttention(1, 3), _center(1, 64, share)
        any_size = tf.function(
            partial(_call, layer),
            input_signature=[tf.TensorSpec([None] * 3 + [c]) for c in (128, 1)],
        )
        yield Row(
            f"PatchAttention 1x1, any size, {share:.0%} hole",
            bench.time(partial(any_size, features[:1], hole)),
        )
    for batch in (1, 8):
        features, hole = tf.abs(tf.random.normal([batch, 32, 32, 512])), _center(batch, 32, 0.5)
        layer = layers.CoherentSemanticAttention()
        forward, backward = _both_ways(partial(_call, layer), features, hole)
        if batch == 1:
            official = tf.function(partial(_call, layers.CoherentSemanticAttention("official")))
            beside = partial(released.coherent_semantic_attention, features.numpy(), hole.numpy())
            seconds, other = bench.time(partial(official, features, hole), beside)
            yield Row(
                "CoherentSemanticAttention, official, half hole",
                seconds,
                beside="released",
                ratio=other / seconds,
            )
        for title, call in (("", forward), (", with gradient", backward)):
            yield Row(
                f"CoherentSemanticAttention, batch {batch}, half hole{title}", bench.time(call)
            )
    features, hole = tf.abs(tf.random.normal([1, 32, 32, 512])), _center(1, 32)
    for title, call in zip(
        ("", ", with gradient"),
        _both_ways(partial(_call, layers.ShiftLayer()), features, hole),
    ):
        yield Row(f"ShiftLayer{title}", bench.time(call))


def _layers_rows(bench):
    import tensorflow as tf

    from tfinpaint.layers import PartialConv2D

    features, valid = tf.random.normal([4, 128, 128, 64]), 1 - _center(4, 128)
    known, plain = PartialConv2D(128, 3), tf.keras.layers.Conv2D(128, 3, padding="same")
    known([features, valid])
    plain(features)
    _, ours = _both_ways(lambda f, v: known([f, v])[0], features, valid, known)
    _, other = _both_ways(lambda f, v: plain(f), features, valid, plain)
    seconds, beside = bench.time(ours, other)
    yield Row(
        "PartialConv2D 64 -> 128, with gradient", seconds, beside="Conv2D", ratio=beside / seconds
    )


def _holes_rows(bench):
    import tensorflow as tf

    from tfinpaint.data.holes import holes
    from tools.opencv_holes import draw_strokes

    batch = 64
    for kind in ("center", "box", "objects", "strokes", "mixed"):
        made = tf.function(
            lambda step, kind=kind: holes(0, step, batch, 256, HoleSettings(kind=kind))
        )
        call = partial(_at_next_step, made, itertools.count())
        if kind == "strokes":
            seconds, other = bench.time(
                call,
                partial(
                    _repeat, batch, draw_strokes, np.random.default_rng(0), 256, HoleSettings()
                ),
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


def _pipeline_rows(bench):
    from tfinpaint.data.batches import training_batches

    batch, drained, measured = 16, 24, 64
    data = iter(training_batches(PhotoSettings("samples:"), HoleSettings(), batch, 0))
    bench.time()
    _repeat(drained, next, data)  # empties the buffers of the pipeline
    start = time.perf_counter()
    _repeat(measured, next, data)
    seconds = (time.perf_counter() - start) / measured / batch
    yield Row("pipeline, strokes, per image", seconds, note=f"{1 / seconds:.0f} images per second")


def _photo_rows(bench):
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


def _windows_rows(bench):
    bench.time()
    for fill in window_rows.fills():
        ways = ", ".join(f"{count} {way}" for way, count in sorted(fill.ways.items()))
        yield Row(
            f"fill, {fill.name}, {fill.share:.1%} of 12 megapixels",
            fill.seconds,
            beside="a square of that area",
            ratio=fill.of_blob / fill.seconds,
            note=f"processor time; windows: {ways}, of the pixels of "
            f"{fill.photographs:.2f} photographs (without a budget {fill.before:.2f})",
        )


def _detail_rows(bench):
    yield _in_its_own_process(
        _detail_row, bench.repeats, "detail, 300x240 in 900x900", _window_restored
    )
    yield _in_its_own_process(
        _detail_row,
        bench.repeats,
        "fill with detail, 12 megapixels, one object",
        _photograph_restored,
    )


def _detail_row(repeats, name, make):
    bench = Bench(repeats)
    _peak_memory()  # resets the peak, so that the memory of t0 does not count
    call = make()
    seconds = bench.time(call)
    return Row(name, seconds, memory=_peak_memory(), t0=bench.t0)


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


def _command_rows(bench):
    with tempfile.TemporaryDirectory(prefix="tfinpaint-benchmark-") as folder:
        files = command_rows.write(folder)
        model = command_rows.about(files)
        alone, command = command_rows.cold(files, bench.repeats)
        bench.time()
        note = (
            f"{model}; processor {command.processor:.2f} s, "
            f"{command.processor - alone.processor:.2f} s beyond import tensorflow's "
            f"{alone.processor:.2f}; wall {command.wall - alone.wall:.2f} s beyond {alone.wall:.2f}"
        )
        yield Row("inpaint, 600 x 400, from the shell", command.wall, note=note)
        seconds, network = (
            command_rows.folder(files),
            _in_its_own_process(command_rows.network, files),
        )
        bench.time()
        note = (
            f"{seconds.wall / network:.2f} times the network's {network:.2f} s; less what one "
            f"photograph takes {(seconds.wall - command.wall) / network:.2f} times; processor "
            f"{seconds.processor:.2f} s"
        )
        yield Row(
            f"inpaint, a folder of {command_rows.COUNT}",
            seconds.wall,
            beside="network",
            ratio=network / seconds.wall,
            note=note,
        )


def _tflite_rows(bench):
    for name in SYSTEMS:
        for quantize in tflite_rows.QUANTIZE:
            if quantize == "int8" and not all_systems()[name].eight_bits:
                continue
            seconds, other, size, decibels = _in_its_own_process(
                tflite_rows.measure, name, quantize, bench.repeats
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


# -------------------------------------------------------------------------------------------- parts


def _photographs(batch, size):
    import tensorflow as tf

    return tf.random.stateless_uniform([batch, size, size, 3], [0, 1], -1.0, 1.0)


def _center(batch, size, share=0.25):
    """Holes [B, S, S, 1]: a centred square over about this share of the image."""
    import tensorflow as tf

    side = round(size * share**0.5)
    first = (size - side) // 2
    hole = np.zeros((batch, size, size, 1), np.float32)
    hole[:, first : first + side, first : first + side] = 1
    return tf.constant(hole)


def _both_ways(call, features, hole, layer=None):
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


def _call(layer, features, hole):
    return layer([features, hole])


def _repeat(times, function, *arguments):
    return [_wait(function(*arguments)) for _ in range(times)]


def _at_next_step(function, steps):
    import tensorflow as tf

    return function(tf.constant(next(steps)))


def _wait(result):
    """Waits until the devices have computed the result of a function."""
    import tensorflow as tf

    tf.test.experimental.sync_devices()
    return result


def _beside(bench, name, ours, other, features, hole):
    for title, way in (("", 0), (", with gradient", 1)):
        seconds, beside = bench.time(
            _both_ways(ours, features, hole)[way], _both_ways(other, features, hole)[way]
        )
        yield Row(name + title, seconds, beside="released", ratio=beside / seconds)


def _count(function, *arguments):
    from tools import operations

    return operations.count(function, *arguments)


def _peak_memory():
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


def _free():
    """Frees the memory that a row has used, so that it does not count for the next row."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        pass


def _about():
    import platform

    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "cores": os.cpu_count(),
        "devices": [d.name for d in tf.config.list_physical_devices()],
        "scratch": tempfile.gettempdir(),
    }


def _line(row, machine):
    name = f"{row.name:44s}"
    seconds = (
        f"{row.seconds * 1e3:8.1f}ms" if row.seconds >= 1e-3 else f"{row.seconds * 1e6:8.1f}us"
    )
    rate = max(machine.product_rate, machine.convolution_rate)
    count = (
        f"{row.operations / 1e9:9.1f}{row.operations / row.seconds / rate:9.0%}"
        if row.operations
        else " " * 18
    )
    ratio = f"{row.ratio:.1f}x {row.beside}" if row.ratio else ""
    return (
        f"{name}{seconds:>10s}{count}{row.seconds / row.t0:9.3f}{row.memory / 2**30:8.1f}G  "
        f"{ratio} {row.note}"
    ).rstrip()


if __name__ == "__main__":
    command.run(main)
