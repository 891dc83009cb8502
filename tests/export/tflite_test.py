"""TFLite files of every system: built-in operations, the painter's own fills, named tensors.

Quantized files are smaller.
"""

import functools
import resource
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from small import SMALL

import tfinpaint
from tfinpaint.export import tflite
from tfinpaint.painting.painter import Painter
from tfinpaint.photo import THRESHOLD
from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import all_systems

SYSTEMS = {name: {**settings, "width": 2 * settings["width"]} for name, settings in SMALL.items()}
SIZE = 64


@functools.lru_cache(maxsize=None)
def _painter(name, variant="paper"):
    """Built once; no test here changes it."""
    tf.keras.utils.set_random_seed(1)
    return Painter.of(tfinpaint.create(name, variant, **SYSTEMS[name]), SIZE)


@functools.lru_cache(maxsize=None)
def _file(name, quantize="none", size=(SIZE, SIZE), variant="paper"):
    """The TFLite file of a system, in bytes. A conversion takes seconds, so each is done once."""
    examples = list(_pairs()) if quantize != "none" else None
    return tflite.convert(_painter(name, variant), quantize, size, examples)


def _pairs(height=SIZE, width=SIZE, count=4):
    """Smooth photographs with noise, each with a different hole."""
    rng = np.random.default_rng(height)
    for k in range(count):
        rows, columns = np.mgrid[:height, :width]
        photo = np.stack([rows + 9 * k, columns, rows + columns], -1) * 255 // (height + width + 36)
        photo += rng.integers(0, 20, (height, width, 3))
        mask = np.zeros((height, width), np.uint8)
        mask[5 + k : height // 2 + 2 * k, 8 : width // 2 + 3 * k] = 255
        yield np.clip(photo, 0, 255).astype(np.uint8), mask


def _by_tensorflow(painter, photo, mask):
    """What the file must give: the photograph as it is, filled by the graph it was made from."""
    return painter.fill_whole(
        tf.cast(photo, tf.float32), tf.constant(mask[..., np.newaxis] > THRESHOLD)
    ).numpy()


def _psnr(one, other):
    return 10 * np.log10(255**2 / max(np.mean((one.astype(np.float64) - other) ** 2), 1e-9))


def _slow_but(fast, cases):
    """The cases, slow unless in `fast`: a conversion takes seconds, so few run in `make test`."""
    return [case if case in fast else pytest.param(*case, marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize(
    "name, variant, size",
    _slow_but(
        [
            ("shift_net", "paper", (SIZE, SIZE)),
            ("multistage", "paper", None),
        ],
        [
            *((name, "paper", size) for name in SYSTEMS for size in ((SIZE, SIZE), None)),
            *(
                (name, "official", (SIZE, SIZE))
                for name in (
                    "musical",
                    "multistage",
                    "coherent_semantic",
                    "shift_net",
                    "global_local",
                )
            ),
        ],
    ),
)
def test_float32_gives_what_tensorflow_gives_and_keeps_known_pixels(name, variant, size):
    painter = _painter(name, variant)
    file = tflite.TFLitePainter(_file(name, size=size, variant=variant))
    for height, width in [(SIZE, SIZE)] if size else [(SIZE, SIZE), (50, 90)]:
        for photo, mask in _pairs(height, width, 2):
            filled = file.fill(photo, mask)
            assert filled.dtype == np.uint8
            np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
            expected = _by_tensorflow(painter, photo, mask)
            assert np.ptp(expected[mask > 0]) > 0
            assert _psnr(filled, expected) > 60
            np.testing.assert_array_equal(file.fill(photo, mask > 127), filled)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, settings",
    [
        ("musical", {"attention_kind": "none", "bottom": "strided", "depth": 5}),
        ("musical", {"attention_kind": "3", "squeeze_excite": False}),
        ("multistage", {"stages": 1}),
        ("coherent_semantic", {"attention_kind": "contextual"}),
        ("coherent_semantic", {"attention_kind": "shift"}),
        ("contextual_attention", {"attention_kind": "none"}),
    ],
)
def test_systems_without_a_part(name, settings):
    tf.keras.utils.set_random_seed(1)
    painter = Painter.of(tfinpaint.create(name, **{**SYSTEMS[name], **settings}), SIZE)
    file = tflite.TFLitePainter(tflite.convert(painter, size=(SIZE, SIZE)))
    for photo, mask in _pairs(count=2):
        filled = file.fill(photo, mask)
        np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
        assert _psnr(filled, _by_tensorflow(painter, photo, mask)) > 60


@pytest.mark.parametrize(
    "name, quantize, least",
    _slow_but(
        [
            ("partial_conv", "float16", 45),
        ],
        [
            (name, *kind)
            for name in SYSTEMS
            for kind in (("float16", 45), ("dynamic", 35), ("int8", 25))
            if kind[0] != "int8" or all_systems()[name].eight_bits
        ],
    ),
)
def test_quantized_files_are_smaller_and_close(name, quantize, least):
    painter, pairs = _painter(name), list(_pairs())
    whole, small = _file(name), _file(name, quantize)
    assert len(small) < 0.8 * len(whole)
    file = tflite.TFLitePainter(small)
    for photo, mask in pairs:
        filled = file.fill(photo, mask)
        np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
        if name not in ("coherent_semantic", "shift_net"):  # they may choose another patch
            assert _psnr(filled, _by_tensorflow(painter, photo, mask)) > least


@pytest.mark.slow
def test_the_signature_names_its_tensors_and_has_the_size_that_was_asked_for():
    for name, size, expected in (
        ("partial_conv", (48, 80), [1, 48, 80]),
        ("multistage", None, [1, -1, -1]),
    ):
        interpreter = tf.lite.Interpreter(model_content=_file(name, size=size))
        assert interpreter.get_signature_list() == {
            "fill": {"inputs": ["image", "mask"], "outputs": ["filled"]}
        }
        details = interpreter.get_signature_runner("fill").get_input_details()
        assert {
            name: (d["shape_signature"].tolist(), d["dtype"]) for name, d in details.items()
        } == {"image": ([*expected, 3], np.uint8), "mask": ([*expected, 1], np.uint8)}


@pytest.mark.slow
def test_the_mask_is_cut_at_the_threshold_and_nothing_under_the_hole_counts():
    file = tflite.TFLitePainter(_file("gated_conv"))
    photo, mask = next(_pairs())
    filled = file.fill(photo, mask)
    other, at_threshold = (
        np.where(mask[..., np.newaxis] > 0, 255 - photo, photo),
        np.where(mask > 0, 128, 127).astype(np.uint8),
    )
    np.testing.assert_array_equal(file.fill(other, at_threshold), filled)


@pytest.mark.slow
def test_int8_computes_its_convolutions_in_int8():
    interpreter = tf.lite.Interpreter(model_content=_file("gated_conv", "int8"))
    kinds = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    convolutions = [op for op in interpreter._get_ops_details() if op["op_name"] == "CONV_2D"]
    assert len(convolutions) > 5 and all(kinds[op["inputs"][0]] == np.int8 for op in convolutions)


@pytest.mark.parametrize("name", ["multistage", "partial_conv"])
def test_int8_is_refused_where_its_steps_would_be_enlarged(name):
    with pytest.raises(
        SettingsError,
        match="`quantize='int8'` is not for partial convolutions.*CONV_2D.*`quantize='dynamic'`",
    ):
        tflite.convert(_painter(name), "int8", (SIZE, SIZE), _pairs())


def test_int8_is_refused_where_tflite_cannot_find_ranges():
    """It ends the program where edges grow in a loop."""
    with pytest.raises(SettingsError, match="`quantize='int8'` is not for edge_connect, .*dynamic"):
        tflite.convert(_painter("edge_connect"), "int8", (SIZE, SIZE), _pairs())


def test_what_cannot_be_converted_is_said_with_the_operation():
    painter = Painter.of(tfinpaint.create("partial_conv", **SYSTEMS["partial_conv"]), SIZE)
    generate = painter.system.generate
    painter.system.generate = lambda images, holes: (
        generate(images, holes) + tf.math.igamma(images, images)
    )
    with pytest.raises(
        SettingsError,
        match=r"TFLite has no operation for tf\.Igamma \(`format='tflite'`, `quantize='none'`\)",
    ):
        tflite.convert(painter, size=(SIZE, SIZE))


def test_a_full_temporary_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(SettingsError, match=rf"temporary folder {tmp_path} .TMPDIR=.* cannot"):
            tflite.convert(_painter("partial_conv"), size=(SIZE, SIZE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.glob("tfinpaint-*"))
