"""Run directories that were made with other flags than those of the study are told apart."""

import dataclasses

import pytest
from absl import flags
from absl.testing import flagsaver

import tfinpaint.train  # noqa: F401  it defines the flags
from tfinpaint import settings
from tools.studies.plan import FULL, Run
from tools.studies.same_settings import differences

RUN = Run("facades", FULL, "multistage", 1)


@pytest.fixture
def made(tmp_path):
    """Makes a run directory as train does with the flags of RUN, and more."""

    def make(*more):
        with flagsaver.flagsaver():
            flags.FLAGS(["train", *RUN.flags("/other/photos", "/other/vgg.h5"), *more])
            text = settings.to_json(settings.train_settings(flags.FLAGS))
        (tmp_path / "settings.json").write_text(text)
        return str(tmp_path)

    return make


def of(run_dir, run=RUN):
    return differences(run_dir, run.flags("photos", "vgg.h5"))


def test_places_and_steps_may_differ(made, tmp_path):
    assert of(str(tmp_path)) == []  # not begun
    assert of(made("--steps=70", "--log_every=5", "--phases=a:3,b")) == []


@pytest.mark.parametrize(
    "flag, name",
    [
        ("--bfloat16", "bfloat16"),
        ("--width=30", "system_settings"),
        ("--weight_style=0", "loss_weights"),
        ("--batch_size=4", "batch_size"),
        ("--image_size=64", "image_size"),
        ("--hole_ratio=0.1,0.5", "ratio"),
        ("--perceptual_weights=none", "perceptual_weights"),
    ],
)
def test_what_is_learnt_may_not(made, flag, name):
    assert of(made(flag)) == [name]


def test_another_seed_is_another_run(made):
    assert of(made(), dataclasses.replace(RUN, seed=2)) == ["seed"]
