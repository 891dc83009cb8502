"""The export command as a user meets it.

A run goes in, a SavedModel or a TFLite file with its card comes out, and each mistake is one line.
"""

import csv
import json
import os

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint import inpaint
from tfinpaint.export import __main__ as export
from tfinpaint.export.tflite import TFLitePainter
from tfinpaint.photo import read_photo, write_photo
from tfinpaint.runs import write_run
from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings
from tfinpaint.training.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run whose moving average differs from its generator."""
    folder = str(tmp_path_factory.mktemp("runs") / "small")
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings("samples:", 64),
        HoleSettings(),
        system_settings=(("width", 4), ("depth", 4)),
    )
    system = tfinpaint.create("partial_conv", width=4, depth=4)
    system.compile(perceptual_weights="none")
    for variable in system.averaged_generator.trainable_variables:
        variable.assign(variable * 1.5)
    write_run(folder, settings)
    Checkpoints(folder, system).save(12)
    with open(os.path.join(folder, "metrics.csv"), "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, ["step", "loss", "val_psnr", "val_ssim"], restval="")
        writer.writeheader()
        writer.writerows(
            [
                {"step": 6, "val_psnr": 9, "val_ssim": 0.1},
                {"step": 10, "val_psnr": 11.5, "val_ssim": 0.5},
                {"step": 12, "loss": 3},
            ]
        )
    return folder


@pytest.fixture
def run(command_line):
    """run("--flag=value", ...) -> exit status, stdout, stderr."""
    return lambda *arguments: command_line(export.main, *arguments)


@pytest.fixture(scope="module")
def saved(command_for_all, run_dir, tmp_path_factory):
    """The folder that the command exported this run into, and its exit status and words."""
    folder = tmp_path_factory.mktemp("saved") / "out"
    return folder, command_for_all(export.main, f"--model={run_dir}", f"--output={folder}")


def _pair(size=64):
    photo = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    mask = np.zeros((size, size), np.uint8)
    mask[20:40, 10:50] = 255
    return photo, mask


def test_a_saved_model_fills_as_the_run_with_its_moving_average_and_says_what_it_is(run_dir, saved):
    folder, (status, out, err) = saved
    path = str(folder / "1")
    assert (status, err) == (0, "") and f"{path}: signatures serving_default and tensors" in out
    photo, mask = _pair()
    np.testing.assert_array_equal(
        tfinpaint.load(path).fill(photo, mask), tfinpaint.load(run_dir).fill(photo, mask)
    )
    assert os.path.isfile(os.path.join(path, "assets.extra", "tf_serving_warmup_requests"))
    with open(os.path.join(path, "model_card.json"), encoding="utf-8") as f:
        card = json.load(f)
    expected = {
        "system": "partial_conv",
        "variant": "paper",
        "steps": 12,
        "trained_on": "samples:",
        "holes": "strokes",
        "image_size": 64,
        "format": "saved_model",
        "stride": 16,
        "working_size": 128,
        "metrics": {"step": 10, "psnr": 11.5, "ssim": 0.5},
        "tensorflow": tf.__version__,
        "tfinpaint": tfinpaint.__version__,
    }
    assert {name: card[name] for name in expected} == expected
    assert (
        card["settings"]["system_settings"] == [["width", 4], ["depth", 4]]
        and len(card["weights_sha256"]) == 64
    )
    assert card["git_commit"] is None or len(card["git_commit"].removesuffix("-dirty")) == 40


@pytest.mark.slow
def test_inpaint_takes_the_highest_version_of_an_export(saved, run_dir, tmp_path, command_line):
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported/9").mkdir()  # 10 is higher, although it is sorted before 9 as a word
    (tmp_path / "exported/10").symlink_to(saved[0] / "1")
    photo, mask = _pair()
    write_photo(str(tmp_path / "photo.png"), photo)
    write_photo(str(tmp_path / "mask.png"), np.repeat(mask[..., np.newaxis], 3, -1))
    flags = [f"--{name}={tmp_path / name}.png" for name in ("photo", "mask", "filled")]
    flags[0], flags[2] = (
        flags[0].replace("--photo", "--image"),
        flags[2].replace("--filled", "--output"),
    )
    assert command_line(inpaint.main, f"--model={tmp_path / 'exported'}", *flags)[0] == 0
    np.testing.assert_array_equal(
        read_photo(str(tmp_path / "filled.png")).pixels, tfinpaint.load(run_dir).fill(photo, mask)
    )


@pytest.mark.parametrize(
    "quantize, size",
    [
        ("none", None),
        pytest.param("float16", "32,48", marks=pytest.mark.slow),
        pytest.param("dynamic", "any", marks=pytest.mark.slow),
    ],
)
def test_a_tflite_file_comes_with_its_card(run, run_dir, tmp_path, quantize, size):
    status, out, err = run(
        f"--model={run_dir}",
        "--format=tflite",
        f"--quantize={quantize}",
        f"--output={tmp_path}",
        *([f"--size={size}"] if size else []),
    )
    assert (status, err) == (0, "")
    assert sorted(os.listdir(tmp_path)) == ["model_card.json", "partial_conv.tflite"]
    with open(tmp_path / "model_card.json", encoding="utf-8") as f:
        card = json.load(f)
    assert (card["format"], card["quantize"], card["bytes"]) == (
        "tflite",
        quantize,
        os.path.getsize(tmp_path / "partial_conv.tflite"),
    )
    assert card["size"] == {None: [64, 64], "32,48": [32, 48], "any": "any"}[size]
    photo, mask = _pair()
    if size == "32,48":
        photo, mask = photo[:32, :48], mask[:32, :48]
    filled = TFLitePainter((tmp_path / "partial_conv.tflite").read_bytes()).fill(photo, mask)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])


@pytest.mark.parametrize("flags, message", [
    ([], "--output is missing"),
    (["--output=OUT"],
     "--model=default is the model that comes with tfinpaint, and this copy has none"),
    (["--model=/nowhere", "--output=OUT"], "--model=/nowhere is no folder"),
    (["--model=RUN", "--output=OUT", "--quantize=int8"], "--quantize belongs to --format=tflite"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--detail=auto"],
     "a TFLite file has the network's own fill"),
    (["--model=RUN", "--output=OUT", "--size=64"], "--size belongs to --format=tflite"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--size=64x64"],
     "--size is SIDE, HEIGHT,WIDTH (1 to 8192 pixels) or any. Got '64x64'"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--size=0"], "Got '0'"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--data=samples:"],
     "--data is what --quantize=int8 is calibrated with"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--quantize=int8",
      "--data=folder:/nowhere"],
     "--data=folder:/nowhere: there"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--quantize=int8",
      "--data=samples:astronaut"],
     "is not for partial convolutions"),
    (["--model=RUN", "--output=OUT", "--format=tflite", "--quantize=int4"], "int4"),
    (["--model=RUN", "--output=/proc/sys/out"], "--output=/proc/sys/out cannot be written"),
])  # fmt: skip
def test_mistakes_are_one_line_and_leave_nothing(run, run_dir, tmp_path, empty_box, flags, message):
    status, out, err = run(
        *(flag.replace("RUN", run_dir).replace("OUT", str(tmp_path / "out")) for flag in flags)
    )
    assert status == 1 and out == "" and message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inside", ["1", ""])
def test_an_exported_model_cannot_be_exported_again(run, saved, inside):
    status, _, err = run(f"--model={saved[0] / inside}", f"--output={saved[0]}")
    assert status == 1 and "is exported already" in err
    assert os.listdir(saved[0]) == ["1"]
