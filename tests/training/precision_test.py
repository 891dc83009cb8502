"""A precision that the processor has no instructions for is named before the first step."""

import dataclasses

import pytest
import tensorflow as tf

from tfinpaint import processor as reader
from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings
from tfinpaint.training import precision
from tfinpaint.training.devices import one_device
from tfinpaint.training.preparing import prepare

SETTINGS = TrainSettings(
    system="residual",
    photos=PhotoSettings("samples:chelsea", 64),
    holes=HoleSettings("box"),
    system_settings=(("width", 4), ("depth", 2)),
    perceptual_weights="none",
)
OLD, NEW, ARM = "fpu avx avx2", "fpu avx512f avx512_bf16", "fp asimd bf16 fphp"


@pytest.fixture
def processor(tmp_path, monkeypatch):
    """Writes what the system says of its processor; None: it says nothing."""

    def write(features, name="flags\t\t"):
        path = tmp_path / "cpuinfo"
        if features is not None:
            path.write_text(f"processor\t: 0\n{name}: {features}\nbugs\t\t: none\n" * 2)
        monkeypatch.setattr(reader, "_CPUINFO", str(path))

    return write


@pytest.mark.parametrize(
    "features, flag, kind",
    [
        (OLD, "bfloat16", "bfloat16"),
        (OLD, "mixed_precision", "float16"),
        (NEW, "mixed_precision", "float16"),
    ],
)
def test_a_processor_without_the_instructions_is_named(processor, features, flag, kind):
    processor(features)
    line = precision.slow(dataclasses.replace(SETTINGS, **{flag: True}))
    assert f"no {kind} instructions" in line and f"with `{flag}=False`" in line


@pytest.mark.parametrize(
    "features, name, flags",
    [
        (OLD, "flags", {}),
        (NEW, "flags", {"bfloat16": True}),
        (ARM, "Features", {"bfloat16": True}),
        (ARM, "Features", {"mixed_precision": True}),
        (None, "", {"bfloat16": True}),
        ("", "flags", {"bfloat16": True}),
    ],
)
def test_otherwise_nothing_is_said(processor, features, name, flags):
    processor(features, name)
    assert precision.slow(dataclasses.replace(SETTINGS, **flags)) is None


def test_nothing_is_said_where_a_gpu_computes(processor, monkeypatch):
    processor(OLD)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert precision.slow(dataclasses.replace(SETTINGS, bfloat16=True)) is None


def test_training_says_it_first(processor):
    processor(OLD)
    said = []
    settings = dataclasses.replace(SETTINGS, bfloat16=True)
    with precision.precision(settings):
        prepare(settings, said.append, one_device())
    assert said[0] == f"warning: {precision.slow(settings)}"
