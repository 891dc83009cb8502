"""The settings of systems without one of their parts: files, runs, and what is refused."""

import json

import pytest
from small import SMALL, TERMS_LEFT_OUT

import tfinpaint
from tfinpaint import runs
from tfinpaint.settings import (
    HoleSettings,
    PhotoSettings,
    SettingsError,
    TrainSettings,
    to_json,
    train_settings_from_json,
)
from tfinpaint.training.loop import train


def run_settings(name, **system_settings):
    return TrainSettings(
        system=name,
        photos=PhotoSettings("samples:astronaut,chelsea", image_size=32),
        holes=HoleSettings(),
        system_settings=tuple({**SMALL[name], **system_settings}.items()),
        loss_weights=tuple(TERMS_LEFT_OUT[name].items()),
        perceptual_weights="none",
        batch_size=1,
        steps=0,
    )


@pytest.mark.parametrize("name, settings", [
    ("musical", {"attention_kind": "3", "squeeze_excite": False, "bottom": "strided", "depth": 5}),
    ("multistage", {"stages": 0}),
    *(pytest.param(name, {"attention_kind": kind}, marks=pytest.mark.slow)
      for name, kind in (("contextual_attention", "none"), ("coherent_semantic", "shift"))),
])  # fmt: skip
def test_settings_survive_a_file(name, settings):
    found = train_settings_from_json(to_json(run_settings(name, **settings)))
    assert dict(found.system_settings) == {**SMALL[name], **settings}
    system = runs.create_system(found)
    for setting, value in settings.items():
        assert system.get_config()[setting] == value
        assert type(system.get_config()[setting]) is type(value)


@pytest.mark.slow
def test_a_run_keeps_its_parts_and_goes_on_with_no_others(tmp_path, eager):
    """settings.json, loading, resuming and fine-tuning."""
    parts = run_settings(
        "musical", depth=5, attention_kind="3", squeeze_excite=False, bottom="strided"
    )
    path = tmp_path / "run"
    train(parts, str(path))
    generator = tfinpaint.load(str(path)).system.generator
    assert generator.attention.attention_1x1 is None and not generator.dilated
    assert generator.attention.squeeze_excite is None

    whole = run_settings("musical")
    with pytest.raises(SettingsError) as error:
        train(whole, str(path), resume=True)
    assert str(error.value) == (
        f"`run_dir={str(path)!r}` holds a run with `depth=5` `attention_kind='3'` "
        "`squeeze_excite=False` `bottom='strided'`, not `depth=8` `attention_kind='both'` "
        "`squeeze_excite=True` `bottom='dilated'`: it cannot be resumed with these flags"
    )
    with pytest.raises(SettingsError, match="`attention_kind='3'`.* do not fit .*='both'`"):
        runs.start_from(str(path), tfinpaint.create("musical", **SMALL["musical"]))


def test_a_run_of_before_these_settings_is_the_papers_system(tmp_path):
    runs.write_run(str(tmp_path), run_settings("musical"))
    file = tmp_path / "settings.json"
    there = json.loads(file.read_text())
    assert there["system_settings"] == [["width", 4]]  # then there were no others
    assert runs.create_system(runs.read_settings(str(tmp_path))).get_config() == {
        "variant": "paper", "width": 4, "depth": 8, "attention_kind": "both",
        "squeeze_excite": True, "bottom": "dilated",
    }  # fmt: skip
    there["system_settings"].append(["attention_kind", "coherent"])
    file.write_text(json.dumps(there))
    with pytest.raises(SettingsError, match="is 'both', '1', '3' or 'none' for musical. Got 'coh"):
        runs.create_system(runs.read_settings(str(tmp_path)))


@pytest.mark.parametrize("name, settings, message", [
    ("musical", {"attention_kind": "coherent"},
     "`attention_kind` is 'both', '1', '3' or 'none' for musical. Got 'coherent'"),
    ("musical", {"attention_kind": 1},
     "`attention_kind` is 'both', '1', '3' or 'none' for musical. Got 1"),
    ("musical", {"squeeze_excite": 1}, "`squeeze_excite` is True or False for musical. Got 1"),
    ("musical", {"bottom": "dense"},
     "`bottom` is 'dilated' or 'strided' for musical. Got 'dense'"),
    ("musical", {"depth": 4},
     "`depth` is a whole number, at least 5 and at most 10 for musical. Got 4"),
    ("multistage", {"stages": 3},
     "`stages` is a whole number, at least 0 and at most 2 for multistage. Got 3"),
    ("coherent_semantic", {"attention_kind": "both"},
     "`attention_kind` is 'coherent', 'contextual', 'shift', 'convolution' or 'none' for "
     "coherent_semantic. Got 'both'"),
    ("contextual_attention", {"attention_kind": ["none"]},
     "`attention_kind` is 'contextual' or 'none' for contextual_attention. Got ['none']"),
])  # fmt: skip
def test_what_is_not_allowed(name, settings, message):
    with pytest.raises(SettingsError) as error:
        tfinpaint.create(name, **settings)
    assert str(error.value) == message
