"""The benchmark: what it counts and times, its comparisons, and a run of the command."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import layers
from tfinpaint.settings import HoleSettings
from tools import benchmark
from tools.benchmarks import measuring, opencv_holes, operations, released_formulations, tflite_rows


def numbers(seed, *shape):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def with_gradient(function):
    @tf.function
    def run(*arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            total = tf.reduce_sum(function(*arguments))
        return tape.gradient(total, arguments)

    return run


# --------------------------------------------------------------------------------------- operations


@pytest.mark.parametrize(
    "function,shapes,want",
    [
        (tf.matmul, [(3, 5), (5, 7)], 2 * 3 * 5 * 7),
        (
            lambda a, b: tf.matmul(a, b, transpose_a=True, transpose_b=True),
            [(5, 3), (7, 5)],
            2 * 3 * 5 * 7,
        ),
        (lambda a, b: tf.matmul(a, b, transpose_a=True), [(4, 5, 3), (4, 5, 7)], 4 * 2 * 3 * 5 * 7),
        (lambda a, b: tf.einsum("bij,jk->bik", a, b), [(4, 3, 5), (5, 7)], 4 * 2 * 3 * 5 * 7),
        (
            lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"),
            [(2, 8, 8, 3), (3, 3, 3, 4)],
            2 * (2 * 4 * 4 * 4) * 27,
        ),
        (
            lambda x, k: tf.nn.conv2d_transpose(x, k, [2, 16, 16, 3], 2, "SAME"),
            [(2, 8, 8, 4), (3, 3, 3, 4)],
            2 * (2 * 8 * 8 * 4) * 27,
        ),
        (lambda a, b: tf.nn.relu(a) + b, [(3, 5), (3, 5)], 0),
    ],
)
def test_operations_by_hand(function, shapes, want):
    arguments = [tf.constant(numbers(k, *shape)) for k, shape in enumerate(shapes)]
    assert operations.count(function, *arguments) == want
    assert operations.count(tf.function(function), *arguments) == want
    # The gradient of a product takes two more products. The gradient of the sum does not need the
    # product itself, but the product still runs.
    assert operations.count(with_gradient(function), *arguments) == 3 * want


def test_loops_count_as_often_as_they_run():
    @tf.function
    def power(a):
        return tf.while_loop(lambda k, _: k < 5, lambda k, a: (k + 1, tf.matmul(a, a)), [0, a])[1]

    assert operations.count(power, tf.eye(4)) == 5 * 2 * 4**3
    assert not tf.config.functions_run_eagerly()


def test_attention_in_half_the_hole_is_half_the_work():
    """Features are [1, 8, 8, 4], with 16 and then 8 missing pixels.

    In the official variant, with patches of one pixel, the keys are the known pixels and one for
    the missing ones.
    """
    features, layer = tf.constant(numbers(0, 1, 8, 8, 4)), layers.PatchAttention(1, 3, "official")
    for missing in (16, 8):
        hole = np.zeros((1, 64), np.float32)
        hole[0, :missing] = 1
        count = operations.count(
            lambda f, h: layer([f, h]), features, tf.constant(hole.reshape(1, 8, 8, 1))
        )
        assert count == 2 * 2 * missing * (64 - missing + 1) * 4


# ---------------------------------------------------------------------------- what it stands beside


@pytest.mark.parametrize(
    "layer,released",
    [
        (
            layers.PatchAttention(1, 3, "official"),
            lambda f, h: released_formulations.patch_attention(f, h, 1),
        ),
        (
            layers.PatchAttention(3, 3, "official"),
            lambda f, h: released_formulations.patch_attention(f, h, 3),
        ),
        (layers.ContextualAttention(), released_formulations.contextual_attention),
        (
            layers.CoherentSemanticAttention("official"),
            lambda f, h: released_formulations.coherent_semantic_attention(f.numpy(), h.numpy()),
        ),
    ],
)
def test_released_formulations_compute_what_our_layers_do(layer, released):
    features, hole = (
        tf.constant(np.abs(numbers(0, 2, 12, 12, 6))),
        np.zeros((2, 12, 12, 1), np.float32),
    )
    hole[0, 3:8, 2:7] = hole[1, 5:12, 0:4] = 1
    hole = tf.constant(hole)
    np.testing.assert_allclose(
        layer([features, hole]), released(features, hole), rtol=1e-4, atol=1e-5
    )


def test_opencvs_strokes_reach_the_wanted_share():
    rng = np.random.default_rng(0)
    made = np.stack([opencv_holes.draw_strokes(rng, 256, HoleSettings()) for _ in range(20)])
    assert made.shape == (20, 256, 256, 1) and set(np.unique(made)) == {0, 1}
    share = made.mean((1, 2, 3))
    low, high = HoleSettings().bounds
    # Segments are drawn whole, so the share may be a little above the range.
    assert share.min() >= low and share.max() < high + 0.1 and share.std() > 0.05


# ------------------------------------------------------------------------------------------- timing


@pytest.mark.slow
def test_times_are_medians_in_turns():
    calls = []

    def wait(name, seconds):
        def run():
            calls.append(name)
            time.sleep(seconds)

        return run

    bench = measuring.Bench(3)
    short, long = bench.time(wait("short", 0.01), wait("long", 0.03))
    assert 0.01 <= short < 0.03 <= long and bench.t0 > 0
    assert calls == ["short", "long"] * 5  # the first two of each are warm-up


@pytest.mark.parametrize(
    "flag,words",
    [
        ("--rows=generate,nothing", "--rows is some of generate,train,"),
        ("--output=/nowhere/at/all.json", "--output=/nowhere/at/all.json"),
        ("--output=.", "is a folder"),
        ("--device=tpu", "--device is cpu, gpu or gpu:N"),
        ("--repeats=0", "--repeats"),
    ],
)
def test_bad_flags_end_with_one_line(command_line, flag, words):
    status, out, err = command_line(benchmark.main, flag)
    assert status == 1 and out == ""
    assert len(err.strip().splitlines()) == 1 and words in err


@pytest.mark.slow
def test_command_prints_a_table_and_writes_its_figures(tmp_path):
    path = tmp_path / "figures.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.benchmark",
            "--rows=layers",
            "--repeats=1",
            f"--output={path}",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(path.read_text())
    assert figures["machine"]["t0"] > 0 and figures["about"]["tensorflow"] == tf.__version__
    (row,) = figures["rows"]
    assert (
        row["name"] in done.stdout
        and row["seconds"] > 0
        and row["ratio"] > 0
        and row["memory"] > 2**28
    )


def test_closeness_of_pictures_is_in_decibels_and_ends_at_100():
    black = np.zeros((8, 8, 3), np.uint8)
    assert tflite_rows._psnr(black, black) == 100
    assert tflite_rows._psnr(black, black + 255) == 0
    assert abs(tflite_rows._psnr(black, black + np.uint8(1)) - 48.13) < 0.01
    pairs = tflite_rows._pairs()
    assert len(pairs) == 8 and all(
        photo.shape == (256, 256, 3) and 0.1 <= (mask > 127).mean() <= 0.6 for photo, mask in pairs
    )
