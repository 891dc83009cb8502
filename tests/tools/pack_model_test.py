"""Packing a run: the packed model fills with the moving average and names nothing of the machine.

What cannot be packed leaves nothing behind.
"""

import os
import re

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint import packed, runs
from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings
from tfinpaint.training.checkpoints import Checkpoints
from tools import pack_model


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run whose moving average differs from its generator. It names folders of this machine."""
    folder = str(tmp_path_factory.mktemp("runs") / "mine")
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings("folder:/home/me/photos/train/", 32),
        HoleSettings("files:/home/me/masks"),
        eval_data="folder:../photos/val",
        system_settings=(("width", 4), ("depth", 4)),
        perceptual_weights="/home/me/vgg.h5",
    )
    tf.keras.utils.set_random_seed(0)
    system = tfinpaint.create("partial_conv", width=4, depth=4)
    system.compile(perceptual_weights="none")
    for variable in system.averaged_generator.trainable_variables:
        variable.assign(variable * 1.5)
    runs.write_run(
        folder,
        settings,
        "# Weights imported from /home/me/weights.npz\n--init_from=/home/me/runs/other\n"
        "--depth=4\n--eval_data=folder:../photos/val\n--holes=files:/home/me/masks\n"
        "--run_dir=runs/mine\n"
        "--hole_ratio=0.1,0.6\n--train_data=folder:/home/me/photos/train/\n",
    )
    Checkpoints(folder, system).save(12)
    return folder


@pytest.mark.slow
def test_a_run_is_packed(run_dir, tmp_path, command_line):
    output = tmp_path / "models/mine"
    for _ in range(2):  # a packed model may be replaced
        status, out, err = command_line(pack_model.main, f"--model={run_dir}", f"--output={output}")
        found = re.fullmatch(
            rf"{output}: partial_conv of step 12, 0.\d MB; float16 changes a test picture's fill "
            r"by at most (\d) of 255 levels\n",
            out,
        )
        assert status == 0 and err == "" and int(found[1]) <= 2
    assert sorted(os.listdir(output)) == ["flags.txt", "settings.json", "weights.npz"] and (
        os.listdir(tmp_path / "models") == ["mine"]
    )
    averages = tfinpaint.load(run_dir).system.generator.variables
    for one, two in zip(
        tfinpaint.load(str(output)).system.generator.variables, averages, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), two.numpy().astype(np.float16))
    assert runs.read_run(str(output)).step == 12
    settings = runs.read_settings(str(output))
    assert (
        settings.photos.source,
        settings.holes.kind,
        settings.eval_data,
        settings.perceptual_weights,
        settings.photos.image_size,
    ) == ("folder:train", "files:masks", "folder:val", "vgg.h5", 32)
    assert (output / "flags.txt").read_text() == (
        "--depth=4\n--eval_data=folder:val\n--holes=files:masks\n--run_dir=mine\n"
        "--hole_ratio=0.1,0.6\n--train_data=folder:train\n"
    )


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--model=RUN"], "--output is missing"),
        (["--output=OUT"], "--model is missing"),
        (["--model=nowhere", "--output=OUT"], "--model=nowhere is no folder"),
        (["--model=RUN", "--output=RUN"], "is not empty and holds 'checkpoints'"),
    ],
)
def test_mistakes_are_one_line(run_dir, tmp_path, command_line, flags, words):
    flags = [flag.replace("RUN", run_dir).replace("OUT", str(tmp_path / "out")) for flag in flags]
    status, out, err = command_line(pack_model.main, *flags)
    assert status == 1 and out == "" and words in err and err.count("\n") == 1
    assert not os.listdir(tmp_path) and os.path.isdir(os.path.join(run_dir, "checkpoints"))


def test_other_files_beside_weights_are_never_removed(run_dir, tmp_path, command_line):
    for name in ("weights.npz", "alexnet.npz"):
        (tmp_path / name).write_text("of the user")
    status, _, err = command_line(pack_model.main, f"--model={run_dir}", f"--output={tmp_path}")
    assert status == 1 and "holds 'alexnet.npz'" in err and err.count("\n") == 1
    assert {path.read_text() for path in tmp_path.iterdir()} == {"of the user"}


@pytest.mark.slow
def test_the_model_that_is_replaced_stays_if_the_new_one_cannot_be_put_in_its_place(
    run_dir, tmp_path, command_line, monkeypatch
):
    words = f"--model={run_dir}", f"--output={tmp_path / 'out'}"
    assert command_line(pack_model.main, *words)[0] == 0
    before = (tmp_path / "out/weights.npz").read_bytes()
    replace = os.replace

    def fails(new, old):
        if os.path.isdir(new):
            raise OSError(28, "No space left on device")
        replace(new, old)

    monkeypatch.setattr(os, "replace", fails)
    status, _, err = command_line(pack_model.main, *words)
    assert status == 1 and "cannot be written: the disk is full" in err
    assert os.listdir(tmp_path) == ["out"]
    assert (tmp_path / "out/weights.npz").read_bytes() == before


def test_a_folder_may_have_colons():
    for value, left in [
        ("folder:/home/me/a:b/c", "folder:c"),
        ("files:/home/me/my:masks", "files:my:masks"),
        ("/home/a:b/vgg.h5", "vgg.h5"),
        ("tfds:places", "tfds:places"),
    ]:
        assert pack_model._last_part(value) == left


def test_what_is_too_large_is_refused_and_what_was_there_stays(
    run_dir, tmp_path, command_line, monkeypatch
):
    assert command_line(pack_model.main, f"--model={run_dir}", f"--output={tmp_path}/out")[0] == 0
    before = (tmp_path / "out" / packed.WEIGHTS).read_bytes()
    monkeypatch.setattr(pack_model, "LARGEST", 10_000)
    status, out, err = command_line(
        pack_model.main, f"--model={run_dir}", f"--output={tmp_path}/out"
    )
    assert status == 1 and "MB of weights in float16: a packed model has at most 0.01 MB" in err
    assert (
        os.listdir(tmp_path) == ["out"]
        and (tmp_path / "out" / packed.WEIGHTS).read_bytes() == before
    )
