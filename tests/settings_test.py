"""Settings: they survive JSON, and refuse what cannot be used."""

import dataclasses
import math
import subprocess
import sys

import pytest
from absl import flags

import tfinpaint
from tfinpaint import settings, systems
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings

RUN = TrainSettings("multistage", PhotoSettings("folder:a b/ü"), HoleSettings("mixed", (0.1, 1 / 3), stroke_vertices=(3, 5)),
                    system_settings=(("width", 8),), loss_weights=(("style", 0.1),), learning_rate=1e-7)


def test_settings_survive_json():
    assert settings.train_settings_from_json(settings.to_json(RUN)) == RUN


@pytest.mark.parametrize("make", [
    lambda: HoleSettings(stroke_length=math.nan), lambda: HoleSettings(stroke_width=(1.0, math.inf)),
    lambda: HoleSettings(ratio=(math.nan, 0.5)), lambda: dataclasses.replace(RUN, loss_weights=(("style", math.nan),)),
    lambda: dataclasses.replace(RUN, loss_weights=(("style", math.inf),)), lambda: dataclasses.replace(RUN, learning_rate=math.nan),
    lambda: dataclasses.replace(RUN, freeze_batch_norm="encodr"), lambda: PhotoSettings("samples:", crop="middle"),
])
def test_what_cannot_be_used_is_refused(make):
    with pytest.raises(SettingsError, match="--.* Got "):
        make()


def test_flags_are_defined_when_adopted_and_only_once():
    before = set(flags.FLAGS)
    settings.adopt("mask_is", "feather")
    settings.adopt("mask_is", "feather")
    assert set(flags.FLAGS) >= before | {"mask_is", "feather"}


def test_the_names_that_are_public_are_the_systems_that_there_are():
    assert tfinpaint.SYSTEMS == tuple(systems._SYSTEMS)


def test_importing_tfinpaint_imports_no_tensorflow_and_defines_no_flag():
    code = ("import sys, tfinpaint, tfinpaint.settings; from absl import flags; "
            "assert 'tensorflow' not in sys.modules and 'model' not in flags.FLAGS")
    subprocess.run([sys.executable, "-c", code], check=True)
