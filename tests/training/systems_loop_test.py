"""Runs of every system from start to end.

What they leave behind, and that a resumed run is the same as one that never stopped. The quick
tests run without graphs, as tracing all systems takes minutes; the slow ones are the same runs with
default settings. loop_test.py has the multistage system's too.
"""

import dataclasses
import io
import shutil

import numpy as np
import pytest
import tensorflow as tf
from run_folders import rows
from small import SIZES, SMALL, TERMS_LEFT_OUT

import tfinpaint
from tfinpaint.runs import read_settings
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training import train
from tfinpaint.training.devices import one_device
from tfinpaint.training.preparing import prepare

RUNS = {
    name: {
        "system_settings": tuple(SMALL[name].items()),
        "loss_weights": tuple(TERMS_LEFT_OUT[name].items()),
    }
    for name in SMALL
}
RUNS["contextual_attention"]["steps"] = 6  # the generator learns on the fifth
RUNS["context_encoder"].update(
    photos=PhotoSettings("samples:astronaut,chelsea", image_size=64), holes=HoleSettings("center")
)


def settings_of(name, **changes):
    settings = TrainSettings(
        system=name,
        photos=PhotoSettings("samples:astronaut,chelsea", image_size=SIZES.get(name, 32)),
        holes=HoleSettings(),
        eval_data="samples:coffee",
        batch_size=2,
        steps=4,
        perceptual_weights="none",
        checkpoint_every=3,
        log_every=1,
        sample_every=0,
        eval_count=1,
    )
    return dataclasses.replace(settings, **RUNS[name] | changes)


def figures(run_dir):
    """The rows of metrics.csv without what a clock measures."""
    return [
        {name: value for name, value in row.items() if name != "images_per_second"}
        for row in rows(run_dir)
    ]


def run_stop_and_resume(settings, tmp_path):
    """-> the folder of a whole run, and of one that lost everything after its third step and
    resumed there."""
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    result, stream, said = train(settings, str(whole), stream=(stream := io.StringIO())), stream, []
    assert result.step == settings.steps and np.isfinite(result.figures["psnr_in_hole"])
    assert f"step {settings.steps}/{settings.steps}" in stream.getvalue()
    shutil.copytree(whole, resumed)
    for path in (resumed / "checkpoints").glob(f"ckpt-{settings.steps}.*"):
        path.unlink()
    again = train(settings, str(resumed), resume=True, say=said.append)
    assert any("resumed at step 3" in line for line in said) and again.step == settings.steps
    assert again.figures == result.figures
    return whole, resumed


def check_run(name, settings, tmp_path):
    whole, resumed = run_stop_and_resume(settings, tmp_path)
    table = figures(whole)
    assert [int(row["step"]) for row in table] == list(range(1, settings.steps + 1))
    assert all(np.isfinite(float(row["loss"])) for row in table)
    assert figures(resumed) == table  # to the last digit
    checkpoints = [
        tf.train.load_checkpoint(str(run / f"checkpoints/ckpt-{settings.steps}"))
        for run in (whole, resumed)
    ]
    # Its generator took one step of six; --steps, checkpoints and metrics.csv count all six.
    if name == "contextual_attention":
        iterations = [
            checkpoints[1].get_tensor(f"system/{optimizer}/_iterations/.ATTRIBUTES/VARIABLE_VALUE")
            for optimizer in ("optimizer", "critic_optimizer")
        ]
        assert iterations == [1, 6]
    for key in checkpoints[0].get_variable_to_shape_map():
        if key.startswith("system/"):  # generator, average, critics, optimizers
            np.testing.assert_array_equal(
                *(checkpoint.get_tensor(key) for checkpoint in checkpoints), err_msg=key
            )

    assert read_settings(str(whole)) == settings
    photo = np.random.default_rng(0).integers(0, 256, (45, 70, 3), np.uint8)
    mask = np.zeros((45, 70), np.uint8)
    mask[10:30, 20:50] = 255
    painter = tfinpaint.load(str(whole))
    assert painter.system.system_name == name
    filled = painter.fill(photo, mask)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] != photo[mask > 0]).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_is_the_one_that_was_never_stopped_and_can_be_loaded(name, tmp_path, eager):
    check_run(name, settings_of(name), tmp_path)


@pytest.mark.slow
def test_the_same_through_phases(tmp_path, eager):
    """The run is resumed in the middle of its second phase, in which the generator stays."""
    phases = (("completion", 2), ("critics", 2), ("both", 0))
    settings = settings_of("global_local", steps=6, phases=phases)
    whole, resumed = run_stop_and_resume(settings, tmp_path)
    table = figures(whole)
    assert figures(resumed) == table  # to the last digit
    assert [row["loss"] != "" for row in table] == [True, True, False, False, True, True]
    assert [row["critic"] != "" for row in table] == [False, False, True, True, True, True]
    checkpoints = [
        tf.train.load_checkpoint(str(run / "checkpoints/ckpt-6")) for run in (whole, resumed)
    ]
    for key in checkpoints[0].get_variable_to_shape_map():
        if key.startswith("system/"):  # generator, average, critics, optimizers
            np.testing.assert_array_equal(
                *(checkpoint.get_tensor(key) for checkpoint in checkpoints), err_msg=key
            )
    iterations = [
        checkpoints[0].get_tensor(f"system/{optimizer}/_iterations/.ATTRIBUTES/VARIABLE_VALUE")
        for optimizer in ("optimizer", "critic_optimizer")
    ]
    assert iterations == [4, 4]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_same_in_graphs(name, tmp_path):
    check_run(name, settings_of(name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["musical", "coherent_semantic", "shift_net"])
def test_the_same_with_all_terms_and_official(name, tmp_path, eager):
    """MUSICAL's DenseNet and its statistics, both critics of coherent semantic attention, the
    spectral norm of Shift-Net's, and the terms on VGG features."""
    critic = {"critic_weights": "random"} if name == "musical" else {}
    photos = PhotoSettings("samples:astronaut,chelsea", image_size=96 if name == "musical" else 64)
    check_run(
        name,
        settings_of(
            name,
            photos=photos,
            variant="official",
            perceptual_weights="random",
            loss_weights=(),
            **critic,
        ),
        tmp_path,
    )


@pytest.mark.slow
def test_an_interrupt_saves_the_batch_it_came_to(tmp_path, eager, monkeypatch):
    """Also for contextual attention, whose generator takes fewer steps."""
    from tfinpaint.training import loop

    class Interrupting(loop.CheckpointCallback):
        def at(self, step, logs):
            if step == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(loop, "CheckpointCallback", Interrupting)
    said = []
    with pytest.raises(KeyboardInterrupt):
        train(settings_of("contextual_attention"), str(tmp_path / "run"), say=said.append)
    assert any("stopped at step 2, saved" in line for line in said)
    assert (tmp_path / "run/checkpoints/ckpt-2.index").exists()


@pytest.mark.slow
def test_holes_made_in_the_step_give_the_same_run(tmp_path, monkeypatch):
    """As on a GPU machine: the pipeline delivers seeds, and the step makes the strokes and their
    distances."""
    from tfinpaint.training import preparing

    settings = settings_of("contextual_attention")
    train(settings, str(tmp_path / "pipeline"))
    monkeypatch.setattr(preparing, "holes_on_device", lambda settings: True)
    train(settings, str(tmp_path / "step"))
    for a, b in zip(figures(tmp_path / "pipeline"), figures(tmp_path / "step"), strict=True):
        assert {k: float(v or 0) for k, v in a.items()} == pytest.approx(
            {k: float(v or 0) for k, v in b.items()}, rel=1e-4, abs=1e-6
        )


@pytest.mark.parametrize("name, change, message", [
    ("contextual_attention", {"freeze_batch_norm": "all"},
     "`freeze_batch_norm='all'`: contextual_attention has no batch norm"),
    ("musical", {"loss_weights": (), "critic_weights": "random"}, "`image_size` is at least 96"),
    ("musical", {"system_settings": (("stages", 1),)}, "`system='musical'` has no setting stages"),
    ("context_encoder", {"photos": PhotoSettings("samples:", image_size=128)},
     "`image_size` is 64 for context_encoder. Got 128"),
    ("context_encoder", {"holes": HoleSettings("strokes")},
     "`kind` is center for context_encoder. Got 'strokes'"),
    ("multistage", {"photos": PhotoSettings("samples:", image_size=16)},
     "`image_size` is at least 24 for the network"),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ("musical", {"system_settings": (("depth", 6), ("bottom", "strided"))},
         "`image_size` is a multiple of 64 for musical. Got 32; a smaller `depth` allows smaller"),
        ("musical", {"photos": PhotoSettings("samples:", image_size=40)},
         "`image_size` is a multiple of 16 for musical. Got 40$"),
        ("coherent_semantic", {"perceptual_weights": "random"},
         "`image_size` is at least 64 for the network .*'feature_adversarial'"),
        ("coherent_semantic", {"photos": PhotoSettings("samples:", image_size=16)},
         "`image_size` is at least 24 for the network .*'adversarial'"),
    ]),
])  # fmt: skip
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, name, change, message, eager):
    with pytest.raises(SettingsError, match=message):
        train(settings_of(name, **change), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "settings, noted",
    [
        ({"batch_size": 1}, True),
        ({"batch_size": 2}, False),
        ({"batch_size": 1, "freeze_batch_norm": "all"}, False),
    ],
)
def test_a_norm_that_sees_a_single_value_is_noted(settings, noted):
    """A picture of 16 pixels is one cell at a depth of 4."""
    said = []
    change = {"photos": PhotoSettings("samples:", image_size=16), **settings}
    prepare(settings_of("partial_conv", **change), said.append, one_device())
    assert any("a bottleneck of one cell" in line for line in said) == noted


@pytest.mark.slow
def test_what_a_run_cannot_go_on_from_is_one_line(tmp_path, eager, capfd):
    """Weights of another shape, another critic, another precision. They are compared before
    anything is restored, as restoring would log every variable."""
    paper = settings_of("musical", steps=0)
    train(paper, str(tmp_path / "paper"))
    with pytest.raises(
        SettingsError,
        match="`init_from='.*the generator in its checkpoint does not fit "
        ".is it of another `variant`",
    ):
        train(
            dataclasses.replace(paper, variant="official"),
            str(tmp_path / "official"),
            init_from=str(tmp_path / "paper"),
        )
    with pytest.raises(SettingsError, match="was written without `mixed_precision`"):
        train(
            dataclasses.replace(paper, steps=1, mixed_precision=True),
            str(tmp_path / "paper"),
            resume=True,
        )
    critics = settings_of("contextual_attention", steps=0)
    train(critics, str(tmp_path / "critics"))
    larger = dataclasses.replace(
        critics, steps=1, photos=PhotoSettings("samples:astronaut,chelsea", image_size=64)
    )
    with pytest.raises(SettingsError, match="its critic is another one .was `image_size` changed"):
        train(larger, str(tmp_path / "critics"), resume=True)
    # TensorFlow would list there what was not restored.
    assert "checkpoint.py" not in capfd.readouterr().err
    assert not (tmp_path / "official").exists()


@pytest.mark.slow
def test_an_interrupt_after_the_critics_were_dropped_keeps_the_count(tmp_path, eager, monkeypatch):
    """While there were critics, their steps counted batches; from then on the generator's do."""
    from tfinpaint.training import loop

    settings = settings_of("contextual_attention", steps=3)
    train(settings, str(tmp_path / "run"))

    class Interrupting(loop.CheckpointCallback):
        def at(self, step, logs):
            if step == 5:
                raise KeyboardInterrupt

    monkeypatch.setattr(loop, "CheckpointCallback", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        train(
            dataclasses.replace(settings, steps=9, loss_weights=(("adversarial", 0.0),)),
            str(tmp_path / "run"),
            resume=True,
        )
    assert (tmp_path / "run/checkpoints/ckpt-5.index").exists()
