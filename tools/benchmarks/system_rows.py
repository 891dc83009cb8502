"""Rows about systems: their generators, their training steps, and the memory of training."""

import statistics
import time
from functools import partial

from tfinpaint import SYSTEMS
from tools.benchmarks.measuring import (
    Bench,
    Row,
    center,
    in_its_own_process,
    peak_memory,
    photographs,
    repeat,
    wait,
)


def generate_rows(bench):
    """The rows of the group `generate`."""
    from tfinpaint import create
    from tfinpaint.painting.painter import Painter

    for name in SYSTEMS:
        painter = Painter.of(create(name))
        only = painter.system.fixed_size
        for size in (only,) if only else (256, 512):
            yield _generate_row(bench, name, painter, size)


def _generate_row(bench, name, painter, size):
    from tools.benchmarks import operations

    images, holes = photographs(1, size), center(1, size)
    seconds = bench.time(partial(painter.generate, images, holes))
    return Row(f"{name}, {size}", seconds, operations.count(painter.system.generate, images, holes))


def train_rows(bench):
    """The rows of the group `train`."""
    for name in SYSTEMS:
        yield in_its_own_process(_train_row, bench.repeats, name, 4)


def _train_row(repeats, name, batch):
    from tools.benchmarks import operations

    bench = Bench(repeats)
    system, step, images, holes = _training(name, batch)
    turns = system.batches_per_step  # the last of these batches trains the generator
    count = operations.count(partial(repeat, turns, step, images, holes))
    seconds = bench.time(partial(repeat, turns, step, images, holes))
    note = f"mean of {turns} batches, one of which trains the generator" if turns > 1 else ""
    return Row(
        f"{name}, step, per image",
        seconds / turns / batch,
        count / turns / batch,
        note=note,
        memory=peak_memory(),
        t0=bench.t0,
    )


def memory_rows(bench):
    """The rows of the group `memory`."""
    seconds, peak = in_its_own_process(_train_and_tell, "multistage", 6)
    bench.time()
    yield Row("multistage, step, batch 6", seconds, memory=peak)


def _train_and_tell(name, batch):
    """The median seconds of three steps, and the highest resident memory of the process, bytes."""
    _, step, images, holes = _training(name, batch)
    step(images, holes)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        wait(step(images, holes))
        times.append(time.perf_counter() - start)
    return statistics.median(times), peak_memory()


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
    return system, tf.function(system.step), photographs(batch, size), center(batch, size)
