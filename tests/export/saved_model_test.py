"""Exported SavedModels: the painter's own fills, at any size, exact outside the hole.

Mistakes are errors, not crashes, and all operations are TensorFlow's own.
"""

import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small import SMALL

import tfinpaint
from tfinpaint import inpaint
from tfinpaint.export import decoding, saved_model, signatures
from tfinpaint.painting.boxes import Box, Context, window_around
from tfinpaint.painting.painter import Painter
from tfinpaint.photo import read_hole
from tfinpaint.settings import SettingsError

CARD = {"system": "multistage", "image_size": 64}


@pytest.fixture(scope="module")
def painter():
    tf.keras.utils.set_random_seed(1)
    return Painter(tfinpaint.create("multistage", width=4, depth=4), 64)


@pytest.fixture(scope="module")
def folder(painter, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    saved_model.export(painter, str(folder), CARD)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return tf.saved_model.load(str(folder / "1"))


@pytest.fixture(scope="module")
def loaded(folder):
    """The exported model as `load` gives it."""
    return tfinpaint.load(str(folder / "1"))


def _photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _mask(height, width, *boxes):
    mask = np.zeros((height, width), np.uint8)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = 255
    return mask


def _file(array, mode=None, kind="PNG"):
    file = io.BytesIO()
    (Image.fromarray(array) if mode is None else Image.fromarray(array, mode)).save(file, kind)
    return file.getvalue()


def _open(content):
    return np.array(Image.open(io.BytesIO(content)))


def _fill_files(model, *pairs):
    images, masks = zip(*pairs)
    return model.signatures["serving_default"](
        image_bytes=tf.constant(images), mask_bytes=tf.constant(masks)
    )["filled_bytes"].numpy()


def _fill_tensors(model, photos, masks):
    return model.signatures["tensors"](
        image=tf.constant(photos), mask=tf.constant(masks[..., np.newaxis])
    )["filled"].numpy()


# The last one is reduced, and detail is added to it.
ONE_HOLE = [
    pytest.param(40, 50, (5, 6, 25, 30), marks=pytest.mark.slow),
    pytest.param(64, 64, (0, 0, 20, 64), marks=pytest.mark.slow),
    pytest.param(200, 333, (90, 250, 140, 333), marks=pytest.mark.slow),
    (1, 7, (0, 2, 1, 5)),
    pytest.param(30, 30, (0, 0, 30, 29), marks=pytest.mark.slow),
    (260, 300, (60, 70, 180, 200)),
]


@pytest.mark.parametrize("height, width, box", ONE_HOLE)
def test_one_hole_gives_the_same_bytes_in_every_way(painter, model, loaded, height, width, box):
    photo, mask = _photo(height, width), _mask(height, width, box)
    filled = painter.fill(photo, mask)
    np.testing.assert_array_equal(
        _open(_fill_files(model, (_file(photo), _file(mask)))[0]), filled, "files"
    )
    np.testing.assert_array_equal(
        _fill_tensors(model, photo[np.newaxis], mask[np.newaxis])[0], filled, "tensors"
    )
    np.testing.assert_array_equal(loaded.fill(photo, mask), filled, "the loaded model's fill")
    assert (filled[mask > 0] != photo[mask > 0]).any()


def test_an_exported_model_fills_many_holes_grown_and_feathered_as_the_run_does(painter, loaded):
    photo, mask = (
        _photo(300, 400),
        _mask(300, 400, (5, 6, 25, 30), (200, 300, 280, 390), (100, 10, 140, 20)),
    )
    np.testing.assert_array_equal(loaded.fill(photo, mask, 3, 4), painter.fill(photo, mask, 3, 4))


@pytest.mark.slow
def test_an_exported_network_that_keeps_known_pixels_fills_what_fades(tmp_path):
    painter = Painter(tfinpaint.create("residual", width=4, depth=2), 64)
    saved_model.export(painter, str(tmp_path), {**CARD, "system": "residual"})
    photo, mask = _photo(100, 120), _mask(100, 120, (40, 20, 46, 100))
    filled = saved_model.ExportedPainter(str(tmp_path / "1")).fill(photo, mask, feather=4)
    np.testing.assert_array_equal(filled, painter.fill(photo, mask, feather=4))
    assert (filled != photo)[mask == 0].any()


@pytest.mark.slow
def test_detail_is_in_the_export_unless_it_was_left_out(painter, model, tmp_path):
    photo, mask = _photo(200, 220), _mask(200, 220, (60, 70, 140, 150))
    filled, alone = painter.fill(photo, mask), painter.fill(photo, mask, detail="off")
    assert (filled != alone).any()
    np.testing.assert_array_equal(
        _fill_tensors(model, photo[np.newaxis], mask[np.newaxis])[0], filled
    )
    without = tfinpaint.load(saved_model.export(painter, str(tmp_path), CARD, detail="off"))
    np.testing.assert_array_equal(
        _fill_tensors(without._model, photo[np.newaxis], mask[np.newaxis])[0], alone
    )
    np.testing.assert_array_equal(without.fill(photo, mask), alone)


def test_an_exported_model_fills_without_detail_where_it_is_told_to(painter, loaded):
    photo, mask = _photo(200, 220), _mask(200, 220, (60, 70, 140, 150))
    np.testing.assert_array_equal(
        loaded.fill(photo, mask, detail="off"), painter.fill(photo, mask, detail="off")
    )


def test_a_batch_may_mix_sizes_and_is_filled_one_by_one(model):
    pairs = [
        (_file(_photo(h, w, h)), _file(_mask(h, w, (3, 3, h // 2, w // 2))))
        for h, w in ((40, 90), (64, 64), (131, 17))
    ]
    together = _fill_files(model, *pairs)
    assert [_fill_files(model, pair)[0] for pair in pairs] == together.tolist()


def test_several_holes_share_one_window_and_all_else_keeps_its_bytes(model):
    photo, mask = _photo(150, 260), _mask(150, 260, (2, 3, 20, 30), (100, 200, 140, 250))
    filled = _fill_tensors(model, photo[np.newaxis], mask[np.newaxis])[0]
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    for half in (slice(0, 60), slice(60, 150)):
        assert (filled[half][mask[half] > 0] != photo[half][mask[half] > 0]).any()
    other = np.where(mask[..., np.newaxis] > 0, _photo(150, 260, 5), photo)
    np.testing.assert_array_equal(
        _fill_tensors(model, other[np.newaxis], mask[np.newaxis])[0],
        filled,
        "what was under the hole shows",
    )


@pytest.mark.parametrize(
    "stride", [16, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 256))]
)
def test_the_window_is_that_of_windows_py(stride):
    rng = np.random.default_rng(stride)
    for _ in range(200):
        size = rng.integers(1, 600)
        first = rng.integers(0, size)
        last = rng.integers(first, size) + 1
        missing = np.zeros(size, bool)
        missing[[first, last - 1]] = True
        begin, end, _ = (int(x) for x in signatures._extent(tf.constant(missing), stride))
        window = window_around(Box(first, 0, last, 1), (size, 10), stride)
        assert (begin, end) == (window.top, window.bottom)
        small = Context(0.25, least=20)
        begin, end, _ = (int(x) for x in signatures._extent(tf.constant(missing), stride, small))
        window = window_around(Box(first, 0, last, 1), (size, 10), stride, small)
        assert (begin, end) == (window.top, window.bottom)
        # The longer side of the box counts for a network that fills the centre of a square.
        other, centred = np.arange(600) < rng.integers(1, 600), Context(11 / 16, True)
        begin, end, _ = (
            int(x)
            for x in signatures._extent(tf.constant(missing), stride, centred, tf.constant(other))
        )
        box = Box(first, 0, last, other.sum())
        window = window_around(box, (size, 600), stride, centred)
        assert (begin, end) == (window.top, window.bottom)


def _alpha_strokes(height, width):
    strokes = np.zeros((height, width, 4), np.uint8)
    strokes[..., :3] = (255, 0, 0)
    strokes[5:20, 8:30, 3] = 255
    return strokes


MASKS = {
    "grey": lambda: _file(_mask(40, 50, (5, 8, 20, 30))),
    "one bit": lambda: _one_bit(),
    "colour": lambda: _file(np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)),
    "strokes on a transparent layer": lambda: _file(_alpha_strokes(40, 50)),
    "alpha that is no stroke": lambda: _file(
        np.random.default_rng(4).integers(0, 256, (40, 50, 4), np.uint8)
    ),
    "opaque": lambda: _file(
        np.dstack([_mask(40, 50, (5, 8, 20, 30))] * 3 + [np.full((40, 50), 255, np.uint8)])
    ),
    "grey with alpha": lambda: _file(
        np.dstack([np.full((40, 50), 9, np.uint8), _mask(40, 50, (5, 8, 20, 30))]), "LA"
    ),
    "palette": lambda: _palette(),
    "BMP": lambda: _file(_mask(40, 50, (5, 8, 20, 30)), kind="BMP"),
}


def _one_bit():
    file = io.BytesIO()
    Image.fromarray(_mask(40, 50, (5, 8, 20, 30))).convert("1").save(file, "PNG")
    return file.getvalue()


def _palette():
    file = io.BytesIO()
    picture = Image.fromarray(_mask(40, 50, (5, 8, 20, 30)) // 255, "P")
    picture.putpalette([0, 0, 0, 255, 255, 255])
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", MASKS)
def test_mask_files_mean_what_they_mean_elsewhere(tmp_path, name):
    content = MASKS[name]()
    (tmp_path / "mask.bin").write_bytes(content)
    expected, _ = read_hole(str(tmp_path / "mask.bin"))
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(
        decoding.decode_mask(tf.constant(content))[..., 0].numpy() > 127, expected > 0
    )


@pytest.mark.parametrize("name", ["grey", "16 bits", "JPEG", "with alpha"])
def test_photographs_of_other_kinds(model, name):
    photo, mask = _photo(40, 50), _mask(40, 50, (5, 8, 20, 30))
    kinds = {
        "grey": (photo[..., 0],),
        "JPEG": (photo, None, "JPEG"),
        "16 bits": (photo[..., 0].astype(np.uint16) * 257,),
        "with alpha": (np.dstack([photo, mask]),),
    }
    content = _file(*kinds[name])
    filled = _open(_fill_files(model, (content, _file(mask)))[0])
    seen = {"JPEG": np.array(Image.open(io.BytesIO(content))), "with alpha": photo}.get(
        name, np.repeat(photo[..., :1], 3, -1)
    )
    np.testing.assert_array_equal(filled[mask == 0], seen[mask == 0])


GOOD, HOLE = _file(_photo(40, 50)), _file(_mask(40, 50, (5, 6, 25, 30)))


@pytest.mark.parametrize(
    "image, mask, message",
    [
        (b"no picture", HOLE, "image_bytes: no JPEG, PNG, BMP or GIF"),
        (GOOD, b"", "mask_bytes: .* an empty file"),
        (GOOD[:300], HOLE, "Invalid PNG"),
        (
            GOOD,
            _file(_mask(50, 40, (1, 1, 9, 9))),
            r"A mask has the size of its photograph, \[40 50\] \(height, width\). Got \[50 40\]",
        ),
        (
            GOOD,
            _file(_mask(40, 50)),
            "The mask has no hole: no pixel is above 127. Got 0 as the brightest",
        ),
        (GOOD, _file(_mask(40, 50, (5, 6, 25, 30)) // 2), "Got 127 as the brightest"),
    ],
)
def test_bad_input_is_an_error_of_its_request_and_the_next_one_is_filled(
    model, image, mask, message
):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        _fill_files(model, (image, mask))
    assert _fill_files(model, (GOOD, HOLE))[0]


@pytest.mark.parametrize("height, width", [(1, 1), (40, 50)])
def test_a_photograph_that_is_all_hole_gets_a_picture_of_its_size(model, height, width):
    """Commands refuse it. The graph answers with what the network makes of nothing."""
    photo, hole = _photo(height, width), np.full((height, width), 255, np.uint8)
    filled = _fill_tensors(model, photo[np.newaxis], hole[np.newaxis])
    assert np.shape(filled) == (1, height, width, 3)
    other = _fill_tensors(model, photo[np.newaxis] // 2, hole[np.newaxis])
    np.testing.assert_array_equal(filled, other)  # whatever lies under the hole


def test_a_batch_of_no_photographs(model):
    filled = _fill_tensors(model, np.zeros((0, 9, 8, 3), np.uint8), np.zeros((0, 9, 8), np.uint8))
    assert np.shape(filled) == (0, 9, 8, 3)


def test_batches_of_different_length_are_refused(model):
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="image_bytes and mask_bytes have one entry for each photograph. Got 2 and 1",
    ):
        model.signatures["serving_default"](
            image_bytes=tf.constant([GOOD, GOOD]), mask_bytes=tf.constant([HOLE])
        )
    with pytest.raises(tf.errors.InvalidArgumentError, match="The mask has no hole"):
        _fill_tensors(model, np.zeros((2, 9, 9, 3), np.uint8), np.zeros((2, 9, 9), np.uint8))


CLEAN = """
import json, sys
import numpy as np, tensorflow as tf
from tensorflow.core.framework.op_def_pb2 import OpList
from tensorflow.python.client import pywrap_tf_session
known = [op.name for op in OpList.FromString(\
pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())).op]
photo, mask = np.load("photo.npy"), np.load("mask.npy")
for name in sys.argv[1:]:
    model = tf.saved_model.load(name + "/1")
    filled = model.signatures["tensors"](image=photo[None], mask=mask[None, ..., None])["filled"]\
.numpy()[0]
    png = [tf.io.encode_png(x).numpy() for x in (photo, mask[..., None])]
    file = model.signatures["serving_default"](\
image_bytes=tf.constant(png[:1]), mask_bytes=tf.constant(png[1:]))["filled_bytes"][0]
    np.testing.assert_array_equal(tf.io.decode_png(file), filled)
    np.save(name + ".npy", filled)
print(json.dumps([known, [name for name in sys.modules\
 if name.startswith(("tfinpaint", "tensorflow_addons"))]]))
"""


@pytest.fixture(scope="module", params=["one", "the others"])
def systems(painter, folder, tmp_path_factory, request):
    """A folder with an export of each system of this group, and the painters by name."""
    if request.param == "one":
        systems = tmp_path_factory.mktemp("systems")
        shutil.copytree(folder / "1", systems / "multistage/1")
        return systems, {"multistage": painter}
    systems = tmp_path_factory.mktemp("systems")
    painters = {
        name: Painter.of(tfinpaint.create(name, **settings), 64)
        for name, settings in SMALL.items()
        if name != "multistage"
    }
    for name, painter in painters.items():
        saved_model.export(painter, str(systems / name), {**CARD, "system": name})
    return systems, painters


@pytest.fixture(scope="module")
def alone(systems):
    """A process with nothing but TensorFlow, which fills with each system -> the photograph, its
    mask, the operations that TensorFlow has of its own, and what else was imported."""
    folder, painters = systems
    photo, mask = _photo(90, 120), _mask(90, 120, (20, 30, 60, 70))
    np.save(folder / "photo.npy", photo)
    np.save(folder / "mask.npy", mask)
    ran = subprocess.run(
        [sys.executable, "-c", CLEAN, *painters],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    own, others = json.loads(ran.stdout)
    return photo, mask, set(own), others


@pytest.mark.slow
def test_systems_open_where_only_tensorflow_is_and_fill_the_same(systems, alone):
    folder, painters = systems
    photo, mask, _, others = alone
    assert others == []
    for name, painter in painters.items():
        np.testing.assert_array_equal(
            np.load(folder / f"{name}.npy"), painter.fill(photo, mask), name
        )


@pytest.mark.slow
def test_the_signatures_are_of_tensorflows_own_operations(systems, alone):
    folder, painters = systems
    own = alone[2]
    assert "Conv2D" in own and not [op for op in own if op.startswith("Addons>")]
    for name in painters:
        operations = _operations(str(folder / name / "1"))
        assert {"DecodeImage", "EncodePng", "Conv2D", "While"} <= operations, (
            "the list is not that of the whole model"
        )
        assert operations <= own
        assert not [op for op in operations if "PyFunc" in op or op.startswith("Xla")]


def _operations(path):
    """All operations that the functions of the signatures call, at any depth."""
    model = tf.saved_model.load(path)
    found = set()
    for signature in model.signatures.values():
        graph = signature.graph.as_graph_def()
        found |= {node.op for node in graph.node} | {
            node.op for function in graph.library.function for node in function.node_def
        }
    return found


@pytest.mark.slow
def test_versions_count_up_and_nothing_half_written_stays(painter, folder, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "notes").mkdir()
    shutil.copytree(folder / "1", tmp_path / "8")  # one that was exported before
    assert saved_model.export(painter, str(tmp_path), CARD) == str(tmp_path / "9")
    assert sorted(os.listdir(tmp_path)) == ["7", "8", "9", "notes"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "error, reason",
    [
        (OSError(28, "No space left on device", "out/.version.1f"), "the disk is full"),
        (
            OSError(2, "No such file or directory", "out/.version.1f"),
            "No such file or directory",
        ),
        (
            tf.errors.UnknownError(None, None, "out/.version.1f; Input/output error [Op:SaveV2]"),
            "Input/output error",
        ),
    ],
)
def test_an_export_that_fails_leaves_nothing(painter, tmp_path, monkeypatch, error, reason):
    def fails(*arguments):
        raise error

    monkeypatch.setattr(saved_model.warmup, "write", fails)
    with pytest.raises(SettingsError) as told:
        saved_model.export(painter, str(tmp_path / "out"), CARD)
    assert str(told.value) == f"`output='{tmp_path}/out'` cannot be written: {reason}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage, words", [
    ("no card", "model_card.json cannot be read"),
    ("no stride", "model_card.json cannot be read"),
    ("cut short", "or it is damaged"),
])  # fmt: skip
def test_a_damaged_export_is_one_line(folder, tmp_path, damage, words):
    path = tmp_path / "1"
    shutil.copytree(folder / "1", path)
    if damage == "no card":
        (path / "model_card.json").unlink()
    elif damage == "no stride":
        (path / "model_card.json").write_text("{}")
    else:
        (path / "saved_model.pb").write_bytes((path / "saved_model.pb").read_bytes()[:1000])
    with pytest.raises(SettingsError, match="`model='") as error:
        tfinpaint.load(str(path))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_generate_is_a_runs_alone(loaded):
    with pytest.raises(ValueError, match="run directory"):
        loaded.generate(np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 64, 1), np.float32))


@pytest.mark.slow
def test_attention_is_a_runs_alone(folder, loaded, command_line, tmp_path):
    photo, mask = tmp_path / "a.png", tmp_path / "m.png"
    photo.write_bytes(tf.io.encode_png(np.full((64, 64, 3), 90, np.uint8)).numpy())
    mask.write_bytes(tf.io.encode_png(_mask(64, 64, (20, 20, 30, 30))[..., np.newaxis]).numpy())
    status, _, err = command_line(
        inpaint.main,
        f"--model={folder / '1'}",
        f"--image={photo}",
        f"--mask={mask}",
        f"--output={tmp_path}/o.png",
        "--attention",
    )
    assert (
        status == 1
        and err.startswith("tfinpaint: --attention takes a run directory as --model")
        and err.count("\n") == 1
    )
    assert not (tmp_path / "o.png").exists()
    with pytest.raises(SettingsError, match="`attention` takes a run directory"):
        loaded.attention_maps(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8))


@pytest.mark.slow
def test_twelve_megapixels_go_through_both_signatures(model):
    photo, mask = (
        np.full((3000, 4000, 3), 90, np.uint8),
        _mask(3000, 4000, (1000, 1500, 1100, 1650)),
    )
    filled = _fill_tensors(model, photo[np.newaxis], mask[np.newaxis])[0]
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    files = [tf.io.encode_jpeg(photo).numpy(), tf.io.encode_png(mask[..., np.newaxis]).numpy()]
    assert tf.io.decode_png(_fill_files(model, files)[0]).shape == (3000, 4000, 3)
