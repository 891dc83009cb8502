"""A small untrained run, its export, and folders of photographs, made once for all tests here."""

import os

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory):
    """A run directory of a small system with attention, set up for squares of 32 px."""
    import tensorflow as tf

    import tfinpaint
    from tfinpaint.runs import write_run
    from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings
    from tfinpaint.training.checkpoints import Checkpoints

    folder = str(tmp_path_factory.mktemp("runs") / "small")
    tf.keras.utils.set_random_seed(3)
    system = tfinpaint.create("gated_conv", width=8)
    system.compile(perceptual_weights="none", loss_weights={"adversarial": 0.0})
    write_run(
        folder,
        TrainSettings(
            "gated_conv",
            PhotoSettings("samples:", 32),
            HoleSettings(),
            system_settings=(("width", 8),),
        ),
    )
    Checkpoints(folder, system).save(7)
    return folder


@pytest.fixture(scope="session")
def exported_run(run_dir, tmp_path_factory):
    """Version 1 of the export of that run."""
    import tfinpaint
    from tfinpaint.export import model_card, saved_model

    painter = tfinpaint.load(run_dir)
    return saved_model.export(
        painter, str(tmp_path_factory.mktemp("exported") / "small"), model_card.describe(painter)
    )


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of twelve photographs of several sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(12):
        Image.fromarray(scene(k, 40 + k, 70 - 2 * k)).save(folder / f"p{k:02d}.png")
    return str(folder)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """A folder of three photographs with their masks."""
    folder = tmp_path_factory.mktemp("pairs")
    os.makedirs(folder / "more")
    for k, (name, height, width) in enumerate([("a", 40, 56), ("more/b", 64, 33), ("c", 40, 56)]):
        Image.fromarray(scene(20 + k, height, width)).save(folder / f"{name}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[5 : 15 + k, 8:20] = 255
        Image.fromarray(mask).save(folder / f"{name}_mask.png")
    return str(folder)


def scene(seed, height, width):
    """A smooth photograph with noise, uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    ramp = np.stack([rows * rng.uniform(0, 3) + columns * rng.uniform(0, 3) for _ in range(3)], -1)
    return np.clip(ramp + rng.normal(60, 12, ramp.shape), 0, 255).astype(np.uint8)
