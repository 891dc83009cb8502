"""The records survive JSON and refuse what cannot be used, in the library's own words."""

import dataclasses
import math
import re
import subprocess
import sys

import pytest

import tfinpaint
from tfinpaint import settings
from tfinpaint.settings import (
    EvaluationSettings,
    HoleSettings,
    PhotoSettings,
    SettingsError,
    TrainSettings,
)

RUN = TrainSettings(
    "multistage",
    PhotoSettings("folder:a b/ü"),
    HoleSettings("mixed", (0.1, 1 / 3), stroke_vertices=(3, 5)),
    system_settings=(("width", 8),),
    loss_weights=(("style", 0.1),),
    learning_rate=1e-7,
)


def test_settings_survive_json():
    assert settings.train_settings_from_json(settings.to_json(RUN)) == RUN


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda: HoleSettings(stroke_length=math.nan),
            "`stroke_length` is a finite number. Got nan",
        ),
        (
            lambda: HoleSettings(stroke_width=(1.0, math.inf)),
            "`stroke_width` is a finite number. Got inf",
        ),
        (lambda: HoleSettings(ratio=(math.nan, 0.5)), "`ratio` is a finite number. Got nan"),
        (
            lambda: HoleSettings("dots"),
            "`kind` is center, box, objects, strokes, mixed or files:PATH. Got 'dots'",
        ),
        (lambda: HoleSettings(mask_is="white"), "`mask_is` is hole or known. Got 'white'"),
        (
            lambda: dataclasses.replace(RUN, loss_weights=(("style", math.nan),)),
            "`loss_weights['style']` is at least 0 and finite. Got nan",
        ),
        (
            lambda: dataclasses.replace(RUN, loss_weights=(("style", math.inf),)),
            "`loss_weights['style']` is at least 0 and finite. Got inf",
        ),
        (
            lambda: dataclasses.replace(RUN, learning_rate=math.nan),
            "`learning_rate` is a finite number. Got nan",
        ),
        (
            lambda: dataclasses.replace(RUN, freeze_batch_norm="encodr"),
            "`freeze_batch_norm` is none, encoder or all. Got 'encodr'",
        ),
        (lambda: dataclasses.replace(RUN, batch_size=0), "`batch_size` is at least 1. Got 0"),
        (
            lambda: PhotoSettings("samples:", crop="middle"),
            "`crop` is random or center. Got 'middle'",
        ),
        (lambda: PhotoSettings("samples:", image_size=8), "`image_size` is at least 16. Got 8"),
        (
            lambda: EvaluationSettings(("mean",), "samples:", detail="on"),
            "`detail` is auto or off. Got 'on'",
        ),
        (
            lambda: EvaluationSettings(("mean",), "samples:", image_size=8),
            "`image_size` is at least 16. Got 8",
        ),
        (
            lambda: EvaluationSettings(("mean",), "pairs:x", holes="center"),
            "`data='pairs:'` brings its own holes and sizes",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(make, words):
    with pytest.raises(SettingsError, match=f"^{re.escape(words)}"):
        make()


def test_writable_folders_are_told_from_others(tmp_path):
    (tmp_path / "file").write_text("")
    settings.check_writable("output", str(tmp_path / "a/b"))
    with pytest.raises(SettingsError, match="^`output='.*file/b'` cannot .*file is a file"):
        settings.check_writable("output", str(tmp_path / "file/b"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_each_name_that_is_public_is_a_folder_with_a_specification():
    from tfinpaint.systems.specification import all_systems

    assert tfinpaint.SYSTEMS == tuple(all_systems()) and "multistage" in tfinpaint.SYSTEMS
    for name, specification in all_systems().items():
        assert specification.name == name
        assert specification.implementation.startswith(f"tfinpaint.systems.{name}.")


def test_the_library_imports_neither_tensorflow_nor_absl():
    code = (
        "import sys, tfinpaint, tfinpaint.settings; assert tfinpaint.settings.HoleSettings(); "
        "assert not {'tensorflow', 'absl', 'tfinpaint.settings.flags'} & set(sys.modules); "
        "tfinpaint.settings.define_flags; from absl import flags; "
        "assert 'tensorflow' not in sys.modules and 'model' not in flags.FLAGS"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
