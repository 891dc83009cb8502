"""Flags have the records' defaults, are defined once, and are turned into records."""

import dataclasses
import re
import subprocess
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from tfinpaint import evaluate, settings, train
from tfinpaint.settings import (
    EvaluationSettings,
    HoleSettings,
    PhotoSettings,
    SettingsError,
    TrainSettings,
    flags_of_systems,
)
from tfinpaint.settings.table import FLAGS
from tfinpaint.systems.specification import all_systems

assert train and evaluate  # importing them defines the flags used here


@pytest.fixture
def parsed():
    """parsed("--flag=value", ...) -> the flags as a command sees them."""
    with flagsaver.flagsaver():

        def parse(*arguments):
            flags.FLAGS(["command", *arguments])
            return flags.FLAGS

        yield parse


def test_flags_are_defined_once():
    before = set(flags.FLAGS)
    settings.define_flags("mask_is", "feather")
    settings.define_flags("mask_is", "feather")
    assert set(flags.FLAGS) >= before | {"mask_is", "feather"}


@pytest.mark.parametrize("command", ["inpaint", "evaluate", "export", "train"])
def test_help_of_a_flag_is_of_its_command_alone(command):
    start = f"runpy.run_module('tfinpaint.{command}', run_name='__main__', alter_sys=True)"
    shown = subprocess.run(
        [sys.executable, "-c", f"import runpy; {start}", "--help"], capture_output=True, text=True
    )
    words = " ".join(shown.stdout.split())
    assert shown.returncode == 0 and "--device: " in words
    assert not re.search(r"\b[Oo]f (inpaint|evaluate|export|studio|other commands)\b", words)
    assert not re.search(r"not for export|evaluate and studio|written like|in the studio", words)
    for entry in re.split(r"\n  (?=-)", shown.stdout):  # each names its default once
        assert not ("Default: " in " ".join(entry.split()) and "(default: " in entry), entry


@pytest.mark.parametrize(
    "module, told",
    [
        ("tfinpaint.studio", ["--port: Port of the page", "--[no]open_browser: Open"]),
        ("tools.prepare_data", ["--output: Folder to make."]),
        ("tools.attribution", ["--output: Table of authors and licences"]),
        ("tools.load_test", ["--image: Photograph to fill, a file.", "--server: The server: http"]),
        ("tools.detail_windows", ["--count: Windows to measure", "--seed: Seed of the windows"]),
        ("tools.study", ["costs. Default: tools/studies/costs.json."]),
    ],
)
def test_help_says_what_a_flag_is_in_this_command(module, told):
    shown = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True)
    words = " ".join(shown.stdout.split())
    assert [text for text in told if text not in words] == []
    assert not re.search(r"instead of --model|default: '/", words)


def test_a_command_may_give_a_flag_a_help_of_its_own(monkeypatch):
    monkeypatch.setattr(flags, "FLAGS", flags.FlagValues())
    defined = {}
    monkeypatch.setattr(flags, "DEFINE_string", lambda *given: defined.update({given[0]: given[2]}))
    settings.define_flags("server", output="Folder of its own.")
    assert defined == {"server": FLAGS["server"][2], "output": "Folder of its own."}


def test_an_unknown_flag_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        settings.define_flags("mask_was")


def test_flags_that_nobody_gave_make_the_records_defaults(parsed):
    found = settings.train_settings(parsed("--train_data=samples:"))
    assert found == TrainSettings("multistage", PhotoSettings("samples:"), HoleSettings())
    for pair in (found.eval_ratio, found.photos.photo_zoom, found.holes.mask_zoom):
        assert [type(value) for value in pair] == [float, float]
    assert [type(value) for value in found.holes.stroke_vertices] == [int, int]

    assert settings.evaluation_settings(parsed("--data=samples:")) == EvaluationSettings(
        ("default",), "samples:"
    )


def test_flags_reach_the_field_that_has_another_name(parsed):
    found = settings.train_settings(
        parsed(
            "--train_data=folder:a b",
            "--holes=files:masks",
            "--hole_ratio=0.1,0.6",
            "--mask_is=known",
            "--stroke_vertices=3,5",
            "--width=8",
            "--weight_style=0.5",
            "--eval_ratio=0.2,0.3",
        )
    )
    assert found.photos.source == "folder:a b"
    assert found.holes == HoleSettings(
        "files:masks", (0.1, 0.6), stroke_vertices=(3, 5), mask_is="known"
    )
    assert found.system_settings == (("width", 8),) and found.loss_weights == (("style", 0.5),)
    assert found.eval_ratio == (0.2, 0.3)


@pytest.mark.parametrize(
    "arguments, wanted",
    [
        (["--attention_kind=3", "--nosqueeze_excite", "--bottom=strided"],
         (("attention_kind", "3"), ("squeeze_excite", False), ("bottom", "strided"))),
        (["--squeeze_excite"], (("squeeze_excite", True),)),
        (["--attention_kind=shift", "--stages=0"], (("attention_kind", "shift"), ("stages", 0))),
    ],
)  # fmt: skip
def test_parts_of_systems_are_words_or_yes_and_no(parsed, arguments, wanted):
    found = settings.train_settings(parsed("--train_data=samples:", *arguments)).system_settings
    assert sorted(found) == sorted(wanted) and dict(found) == dict(wanted)


def test_a_word_that_no_system_has_is_refused(parsed):
    with pytest.raises(
        flags.IllegalFlagValueError, match="attention_kind=2.*both.*shift|shift.*both"
    ):
        parsed("--attention_kind=2")


def test_evaluate_counts_only_what_was_given_of_flags_that_also_serve_training(parsed):
    found = settings.evaluation_settings(
        parsed(
            "--data=samples:", "--model=a, b", "--ratio_bins=0.1-0.2,0.3-0.4", "--image_size=256"
        )
    )
    assert found.models == ("a", "b") and found.ratio_bins == ((0.1, 0.2), (0.3, 0.4))
    assert found.image_size == 256 and found.holes is None and found.detail == "off"


@pytest.mark.parametrize(
    "words, number, message",
    [
        (["1"], float, "--hole_ratio is two numbers separated by a comma. Got '1'"),
        (
            ["1", "2", "3"],
            int,
            "--hole_ratio is two whole numbers separated by a comma. Got '1,2,3'",
        ),
        (["a", "2"], int, "--hole_ratio is two whole numbers separated by a comma. Got 'a,2'"),
    ],
)
def test_ranges_are_two_numbers(words, number, message):
    with pytest.raises(SettingsError) as error:
        settings.parse_range("hole_ratio", words, number)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "text, meaning",
    [(None, False), ("false", False), ("true", True), ("0", 0), ("1", 1), ("20000", 20000)],
)
def test_resume_stands_alone_or_names_a_step(text, meaning):
    found = settings.parse_resume(text)
    assert found == meaning and type(found) is type(meaning)


def test_phases_are_names_with_steps(parsed):
    found = settings.train_settings(parsed("--train_data=samples:", "--phases=a:3, b:40,c"))
    assert found.phases == (("a", 3), ("b", 40), ("c", 0))


@pytest.mark.parametrize("text", ["a:\u00b2,b", "a:\u0663", "a:x", ":3", "a:-1", "a:2.5"])
def test_phases_are_nothing_else(parsed, text):
    with pytest.raises(SettingsError, match="--phases are NAME:STEPS"):
        settings.train_settings(parsed("--train_data=samples:", f"--phases={text}"))


@pytest.mark.parametrize("text", ["", "-1", "2.5", "last", "\u0663"])
def test_resume_is_nothing_else(text):
    with pytest.raises(SettingsError, match="--resume stands alone, or is the step of a check"):
        settings.parse_resume(text)


def test_every_flag_of_the_table_can_be_defined():
    """The table itself is checked: define_flags would take an unknown kind for an enumeration."""
    kinds = {"str", "int", "float", "bool", "bare or str", "range", "whole range"}
    for name, (kind, default, text, *bounds) in FLAGS.items():
        assert kind in kinds or isinstance(kind, tuple) and default in kind, name
        assert len(bounds) == (2 if kind == "int" else 0) and text.endswith("."), name


def test_the_help_of_the_learning_rates_has_those_of_the_specifications():
    def rates(text):
        """{system: the number before it} of "0.1: a, b; 1: c"."""
        groups = re.findall(r"([\d.e-]+): ([\w, ]+)", text)
        return {name: float(rate) for rate, names in groups for name in names.split(", ")}

    generator, critic = (
        flags_of_systems()[name][2] for name in ("learning_rate", "critic_learning_rate")
    )
    first, frozen = generator.split("Default: ")[1].split("with --freeze_batch_norm")
    systems = all_systems()
    assert rates(first) == {name: system.rates["generator"] for name, system in systems.items()}
    assert rates(frozen) == {"multistage": 5e-5, "partial_conv": 5e-5}
    tenths = {name for name, share in rates(critic).items() if share == 0.1}
    assert tenths == {"context_encoder", "edge_connect", "multistage"}
    assert set(rates(critic)) == set(systems) - {"partial_conv", "residual"}


def test_every_field_of_a_run_has_a_flag():
    """Without a flag, a field could not be set from a command."""
    names = {flag.name for flag in flags.FLAGS.get_key_flags_for_module("tfinpaint.train")}
    others = {"source": "train_data", "kind": "holes", "ratio": "hole_ratio"}
    for record in (PhotoSettings, HoleSettings, TrainSettings):
        for field in dataclasses.fields(record):
            if field.name not in ("photos", "holes", "system_settings", "loss_weights"):
                assert others.get(field.name, field.name) in names
