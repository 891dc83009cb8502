"""The model in the box: packed weights that load as a run does.

A folder cannot take over its name.
"""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfinpaint
from tfinpaint import evaluate, inpaint, models, packed, runs
from tfinpaint.export import __main__ as export
from tfinpaint.photo import read_photo
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.studio import catalog
from tfinpaint.training.checkpoints import Checkpoints

SMALL = {"multistage": {"width": 4, "depth": 4}, "partial_conv": {"width": 4, "depth": 4}}
NONE_HERE = "is the model that comes with tfinpaint, and this copy has none"


@pytest.fixture
def pair():
    """A photograph uint8 [50, 70, 3] and its mask uint8 [50, 70]."""
    photo = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    mask = np.zeros((50, 70), np.uint8)
    mask[10:30, 20:50] = 255
    return photo, mask


@pytest.fixture
def files(tmp_path, monkeypatch, pair):
    """photo.png and mask.png in the working directory -> the flags that name them."""
    monkeypatch.chdir(tmp_path)
    for name, picture in zip(("photo.png", "mask.png"), pair):
        Image.fromarray(picture).save(name)
    return ["--image=photo.png", "--mask=mask.png", "--output=filled.png"]


# ----------------------------------------------------------------------------------- packed weights


# Of its small systems, these are made in the least time.
QUICK = ("residual",)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in tfinpaint.SYSTEMS
    ],
)
def test_packed_weights_of_every_system_are_its_own_rounded_to_float16(tmp_path, name):
    settings = SMALL.get(name, {"width": 4})
    generator = tfinpaint.create(name, **settings).generator
    rng = np.random.default_rng(1)
    for variable in generator.variables:  # also those that start as 0 or 1
        variable.assign(rng.normal(size=variable.shape))
    size = packed.write_weights(str(tmp_path), generator, 12)
    assert size == os.path.getsize(tmp_path / packed.WEIGHTS) and os.listdir(tmp_path) == [
        packed.WEIGHTS
    ]
    assert size < 2 * sum(np.prod(v.shape) for v in generator.variables) + 400 * len(
        generator.variables
    )
    other = tfinpaint.create(name, **settings).generator
    packed.restore(str(tmp_path), other, "here")
    for one, two in zip(generator.variables, other.variables, strict=True):
        np.testing.assert_array_equal(
            two.numpy(), one.numpy().astype(np.float16).astype(np.float32)
        )
    assert packed.read_weights(str(tmp_path), "here")[0] == 12


@pytest.mark.parametrize("value", [7e4, -np.inf, np.nan])
def test_a_weight_that_float16_cannot_hold_is_named(tmp_path, value):
    generator = tfinpaint.create("partial_conv", width=4, depth=4).generator
    kernel = generator.variables[2].numpy()
    kernel[0, 0, 0, 1] = value
    generator.variables[2].assign(kernel)
    with pytest.raises(
        SettingsError,
        match=f"float16 cannot hold the weight {packed.weight_names(generator)[2]}: "
        "it has the value "
        f"{value:g}",
    ):
        packed.write_weights(str(tmp_path), generator, 1)
    assert not os.listdir(tmp_path)


def _without(arrays, name):
    arrays.pop(name)


def _renamed(arrays, name):
    arrays[name + "_x"] = arrays[name]


def _turned(arrays, name):
    arrays[name] = np.swapaxes(arrays[name], 2, 3)


def _infinite(arrays, name):
    arrays[name][0, 0, 0, 0] = np.inf


@pytest.mark.parametrize("change, words", [
    (_without, "does not fit its settings: it lacks weight encode_2/kernel"),
    (_renamed, "does not fit its settings: it has an unknown weight encode_2/kernel_x"),
    (_turned,
     r"does not fit its settings: encode_2/kernel is float16 \[5, 5, 8, 4\], not \[5, 5, 4, 8\]"),
    (_infinite, "is damaged: encode_2/kernel is not finite"),
    (lambda arrays, name: arrays.pop("step"),
     "cannot be read, it is damaged or no packed model .KeyError"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_one_line(packed, tmp_path, change, words):
    folder = shutil.copytree(packed, tmp_path / "other")
    with np.load(folder / "weights.npz") as file:
        arrays = dict(file)
    change(arrays, "encode_2/kernel")
    np.savez(folder / "weights.npz", **arrays)
    with pytest.raises(SettingsError, match=f"^`model='{folder}'`: its weights.npz {words}"):
        tfinpaint.load(str(folder))


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "header", "deflated"])
def test_a_damaged_file_is_one_line(packed, tmp_path, damage):
    folder = shutil.copytree(packed, tmp_path / "other")
    content = (folder / "weights.npz").read_bytes()
    if damage == "deflated":  # zlib has an exception of its own
        np.savez_compressed(folder / "weights.npz", **{"a" * 60: np.zeros(99)})
        content = bytearray((folder / "weights.npz").read_bytes())
        content[105:125] = b"\xff" * 20
    elif damage == "header":  # so have the tokens of a header
        content = content[:100] + b"(" * 80 + content[180:]
    elif damage == "cut":
        content = content[:-300]
    else:
        content = b"" if damage == "empty" else b"not a file of arrays"
    (folder / "weights.npz").write_bytes(content)
    with pytest.raises(
        SettingsError,
        match=f"^`model='{folder}'`: its weights.npz cannot be read, "
        "it is damaged or no packed model",
    ):
        tfinpaint.load(str(folder))


# ------------------------------------------------------------------------------------------ default


def test_load_gives_the_default(in_the_box, packed):
    weights = tfinpaint.load(packed).system.generator.variables
    for painter in (tfinpaint.load(), tfinpaint.load("default")):
        assert painter.working_size == 64
        for one, two in zip(painter.system.generator.variables, weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.slow
def test_a_folder_named_default_is_written_otherwise_and_told_of(
    in_the_box, files, packed, pair, caplog
):
    other = tfinpaint.create("partial_conv", width=4, depth=4)
    other.compile(perceptual_weights="none")
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings("samples:", 32),
        HoleSettings(),
        system_settings=(("width", 4), ("depth", 4)),
    )
    runs.write_run("default", settings)
    Checkpoints("default", other).save(3)
    assert tfinpaint.load("default").system.system_name == "multistage"
    assert [r.getMessage() for r in caplog.records] == [
        "`model='default'` is the model that comes with tfinpaint; "
        "the folder of that name here is `model='./default'`"
    ]
    assert (
        tfinpaint.load("./default").system.system_name
        == tfinpaint.load("default/").system.system_name
        == "partial_conv"
    )
    assert len(caplog.records) == 1
    assert models.locate("./default") == "./default"


def test_a_folder_named_default_that_is_no_model_is_no_reason_to_speak(
    in_the_box, packed, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    assert models.locate("default") == packed and not caplog.records


@pytest.mark.parametrize("flags", [[], pytest.param(["--model=default"], marks=pytest.mark.slow)])
def test_inpaint_fills_with_the_default(in_the_box, packed, files, pair, command_line, flags):
    status, out, err = command_line(inpaint.main, *files, *flags)
    assert (status, err) == (0, "") and "photo.png (70x50) -> filled.png" in out
    np.testing.assert_array_equal(
        read_photo("filled.png").pixels, tfinpaint.load(packed).fill(*pair)
    )


def test_a_copy_without_weights_says_so_at_once(empty_box, files, command_line):
    for flags in ([], ["--model=default"], ["--image=missing.png"]):
        status, out, err = command_line(inpaint.main, *files, *flags)
        assert status == 1 and out == "" and NONE_HERE in err and err.count("\n") == 1
    assert not os.path.exists("filled.png")
    with pytest.raises(
        SettingsError, match=f"^`model='default'` {NONE_HERE}.*: name a run directory"
    ):
        tfinpaint.load()


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--model=default,./default"]])
def test_evaluate_scores_the_default(in_the_box, packed, files, command_line, flags):
    if flags:
        shutil.copytree(packed, "default")
    status, out, err = command_line(
        evaluate.main,
        *flags,
        "--data=samples:astronaut",
        "--holes=center",
        "--output=report",
        "--device=cpu",
    )
    assert status == 0, err
    with open("report/report.json", encoding="utf-8") as f:
        about = json.load(f)["models"]
    names = (
        [f"{os.path.basename(folder)}/default" for folder in (os.path.dirname(packed), os.getcwd())]
        if flags
        else ["default"]
    )
    assert list(about) == [*names, "telea", "navier_stokes", "mean"]
    for name in names:
        assert (
            about[name]["system"] == "multistage"
            and about[name]["steps"] == 7
            and about[name]["trained_on"] is None  # its folder:train is not here
        )
    with open("report/report.txt", encoding="utf-8") as f:
        told = f.read()
    assert f"trained at {about[names[0]]['image_size']} px" in told and "folder:train" not in told


@pytest.mark.slow
def test_export_writes_the_default(in_the_box, packed, tmp_path, pair, command_line):
    status, out, err = command_line(export.main, f"--output={tmp_path / 'exported'}")
    assert (status, err) == (0, "") and "multistage (paper), step 7" in out
    np.testing.assert_array_equal(
        tfinpaint.load(str(tmp_path / "exported/1")).fill(*pair), tfinpaint.load(packed).fill(*pair)
    )
    status, out, err = command_line(
        export.main, f"--output={tmp_path / 'lite'}", "--format=tflite", "--quantize=int8"
    )
    assert (
        status == 1
        and "--data is missing: the photographs by which --quantize=int8 finds its ranges" in err
    )


def test_the_studio_names_the_default(in_the_box, packed, tmp_path, monkeypatch):
    """A folder of that name that comes after it gets a number."""
    assert catalog.local_models("default") == {"default": packed}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    named = catalog.local_models("default,./default")
    assert list(named) == ["default", "default-2"] and named["default"] == packed


@pytest.mark.parametrize("name", ["default", pytest.param("PATH", marks=pytest.mark.slow)])
def test_a_run_starts_from_it(in_the_box, packed, name):
    system = tfinpaint.create("multistage", width=4, depth=4)
    system.compile(perceptual_weights="none", loss_weights={"adversarial": 0.0})
    assert runs.start_from(name.replace("PATH", packed), system) == []
    weights = tfinpaint.load(packed).system.generator.variables
    for one, two, average in zip(
        weights, system.generator.variables, system.averaged_generator.variables
    ):
        np.testing.assert_array_equal(two.numpy(), one.numpy())
        np.testing.assert_array_equal(average.numpy(), one.numpy())


@pytest.mark.slow
def test_a_run_with_a_critic_or_of_another_system_is_told_what_the_default_lacks(
    in_the_box, packed
):
    system = tfinpaint.create("multistage", width=4, depth=4)
    system.compile(perceptual_weights="none", image_size=32)
    assert runs.start_from("default", system) == [f"{packed} has no critic: this run's begins anew"]
    with pytest.raises(
        SettingsError,
        match="^`init_from='default'` holds a run of multistage: its weights do not fit partial_co",
    ):
        runs.start_from("default", tfinpaint.create("partial_conv", width=4, depth=4))
    with pytest.raises(
        SettingsError,
        match="^`init_from='default'` holds a run with `depth=4`: its weights do not fit `depth=5`",
    ):
        runs.start_from("default", tfinpaint.create("multistage", width=4, depth=5))


def test_a_run_cannot_start_from_what_is_not_there(empty_box):
    with pytest.raises(SettingsError, match=f"^`init_from='default'` {NONE_HERE}"):
        runs.start_from("default", tf.Module())
