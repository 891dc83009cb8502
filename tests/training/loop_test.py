"""Runs from start to end.

What they write, that resuming changes nothing, and that a run which is impossible says why. They
run without graphs, which are traced in twice the time of such a run: schedule_test.py resumes one
in graphs, train_test.py has the command's, systems_loop_test.py those of every system (slow).
"""

import dataclasses
import io
import json
import os
import pathlib
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from run_folders import rows

import tfinpaint
from tfinpaint.metrics import quality
from tfinpaint.runs import read_settings
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training import dry_run, loop, train, validation
from tfinpaint.training.checkpoints import Checkpoints
from tfinpaint.training.precision import precision
from tfinpaint.training.validation import Validation

pytestmark = pytest.mark.usefixtures("eager_module")

SETTINGS = TrainSettings(
    system="multistage",
    photos=PhotoSettings("samples:astronaut,chelsea", image_size=32),
    holes=HoleSettings(),
    eval_data="samples:coffee",
    system_settings=(("width", 4), ("depth", 4)),
    batch_size=2,
    steps=4,
    perceptual_weights="none",
    checkpoint_every=2,
    log_every=2,
    sample_every=2,
    eval_every=2,
    eval_count=1,
)
# Without a critic and without attention.
PLAIN = dataclasses.replace(SETTINGS, system="partial_conv")


@pytest.fixture(scope="module")
def run(tmp_path_factory, eager_module):
    """A finished run, what it said, its progress and its result."""
    folder, said, stream = tmp_path_factory.mktemp("runs") / "whole", [], io.StringIO()
    result = train(SETTINGS, str(folder), flags_text="--steps=4\n", say=said.append, stream=stream)
    return folder, said, stream.getvalue(), result


def test_a_run_directory_holds_what_the_run_was(run):
    folder, said, progress, result = run
    assert read_settings(str(folder)) == SETTINGS
    assert (folder / "flags.txt").read_text() == "--steps=4\n"
    table = rows(folder)
    assert [int(r["step"]) for r in table] == [1, 2, 4]
    assert all(np.isfinite(float(r["loss"])) for r in table)
    assert [r["val_psnr_in_hole"] != "" for r in table] == [False, True, True]
    assert float(table[-1]["val_psnr_in_hole"]) == pytest.approx(result.figures["psnr_in_hole"])
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["0000002.png", "final.png"]
    # Input, hole, output, composite, original and the two attention maps, 4 pixels apart.
    assert Image.open(folder / "samples/final.png").size == (7 * 32 + 6 * 4, 32)
    assert list((folder / "tensorboard").glob("events*"))
    assert any(
        line.startswith("step 1, each term with its weight: loss")
        and "hole" in line
        and "adversarial" in line
        for line in said
    )
    assert "step 4/4" in progress and "images/s" in progress and "left" in progress


def test_validation_measures_the_mean_fill_and_telea_beside_the_system(run):
    result = run[3]
    assert set(result.baselines) == {"mean", "telea"}
    assert result.baselines["telea"]["psnr_in_hole"] > result.baselines["mean"]["psnr_in_hole"]
    assert "samples:coffee" in result.description and "30%-40%" in result.description


def test_a_resumed_run_equals_one_that_was_never_stopped(run, tmp_path):
    said = []
    half = dataclasses.replace(SETTINGS, steps=2)
    train(half, str(tmp_path / "run"))
    train(SETTINGS, str(tmp_path / "run"), resume=True, say=said.append)
    assert any("resumed at step 2" in line for line in said)
    whole, resumed = (
        tfinpaint.load(str(p)).system.generator.variables for p in (run[0], tmp_path / "run")
    )
    assert len(whole) > 10
    for a, b in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for a, b in zip(rows(run[0]), rows(tmp_path / "run"), strict=True):
        assert a["step"] == b["step"] and float(a["loss"]) == pytest.approx(
            float(b["loss"]), rel=1e-5
        )


@pytest.mark.slow
def test_resuming_in_an_empty_folder_starts_from_0_and_no_steps_write_initial_weights(tmp_path):
    said = []
    settings, folder = dataclasses.replace(SETTINGS, steps=0), str(tmp_path / "run")
    result = train(settings, folder, resume=True, say=said.append)
    assert result.step == 0 and any("starts at 0" in line for line in said)
    before = tfinpaint.load(folder).system
    assert before.stride == 16
    # The checkpoint of step 0 is one: another seed and other weights to start from change nothing.
    said.clear()
    settings = dataclasses.replace(settings, seed=5)
    train(settings, folder, resume=True, init_from="/nowhere", say=said.append)
    assert any(line.startswith("resumed at step 0: ") for line in said)
    assert "note: `init_from='/nowhere'` is for new runs: this one goes on with its own" in str(
        said
    )
    assert any(line.startswith("note: `seed` was 0 up to step 0 and is 5 from") for line in said)
    for a, b in zip(
        before.generator.variables, tfinpaint.load(folder).system.generator.variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_loaded_painter_fills_a_photograph_and_keeps_known_pixels(run):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (45, 70, 3), np.uint8)
    mask = np.zeros((45, 70), np.uint8)
    mask[10:30, 20:50] = 255
    painter = tfinpaint.load(str(run[0]))
    filled = painter.fill(photo, mask)
    assert filled.shape == photo.shape and filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] != photo[mask > 0]).any()


@pytest.mark.slow
def test_fine_tuning_starts_from_the_weights_of_another_run(run, tmp_path):
    tuned = dataclasses.replace(SETTINGS, steps=0, freeze_batch_norm="encoder", seed=5)
    train(tuned, str(tmp_path / "tuned"), init_from=str(run[0]))
    # `run` was trained, so its raw weights and their average differ: only weights that were copied
    # from the raw ones can equal them.
    raw = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run[0] / "checkpoints")))
    key = "system/generator/encoders/1/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(
        tfinpaint.load(str(tmp_path / "tuned")).system.generator.encoders["1"].kernel,
        raw.get_tensor(key),
    )


@pytest.mark.slow
def test_a_run_without_eval_data_validates_on_what_it_trained_on_and_says_so(tmp_path):
    settings = dataclasses.replace(PLAIN, eval_data=None, steps=1)
    assert "trained on" in train(settings, str(tmp_path / "run")).description


@pytest.mark.parametrize(
    "change, message",
    [
        ({"system": "nothing"}, "`system` is one of"),
        ({"photos": PhotoSettings("folder:/nowhere", image_size=32)}, "`source='folder:/nowhere'`"),
        pytest.param(
            {"eval_data": "folder:/nowhere"},
            "`eval_data='folder:/nowhere'`",
            marks=pytest.mark.slow,
        ),
        ({"photos": PhotoSettings("samples:", image_size=40)}, "`image_size` is a multiple of 16"),
        ({"perceptual_weights": "/nowhere.h5"}, "`perceptual_weights`"),
        pytest.param(
            {"holes": HoleSettings(kind="files:/nowhere")}, "/nowhere", marks=pytest.mark.slow
        ),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(SettingsError, match=message):
        train(dataclasses.replace(SETTINGS, **change), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_directory_that_is_in_the_way_stays_as_it_was(run, tmp_path):
    before = contents(run[0])
    with pytest.raises(SettingsError, match="not empty: `resume`"):
        train(SETTINGS, str(run[0]))
    with pytest.raises(
        SettingsError, match="holds a run with `width=4`, not `width=8`: it cannot be resumed"
    ):
        train(
            dataclasses.replace(SETTINGS, system_settings=(("width", 8), ("depth", 4))),
            str(run[0]),
            resume=True,
        )
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="no run directory"):
        train(SETTINGS, str(other), resume=True)
    assert contents(run[0]) == before


@pytest.mark.slow
def test_a_term_that_needs_a_critic_cannot_be_switched_on_by_a_resume(tmp_path):
    without = dataclasses.replace(SETTINGS, steps=0, loss_weights=(("adversarial", 0.0),))
    train(without, str(tmp_path / "run"))
    before = contents(tmp_path / "run")
    with pytest.raises(SettingsError, match="does not fit these flags.*switched on or off"):
        train(SETTINGS, str(tmp_path / "run"), resume=True)
    assert contents(tmp_path / "run") == before


@pytest.mark.slow
def test_resuming_with_other_flags_takes_their_rate_and_says_what_changed(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    said = []
    changed = dataclasses.replace(
        SETTINGS, steps=5, learning_rate=1e-5, seed=3, system_settings=(("depth", 4), ("width", 4))
    )
    train(changed, str(tmp_path / "run"), resume=True, say=said.append)
    notes = [line for line in said if line.startswith("note:")]
    assert [note.partition(";")[0] for note in notes] == [
        "note: `seed` was 0 up to step 4 and is 3 from there",
        "note: `learning_rate` was None up to step 4 and is 1e-05 from there",
    ]
    saved = tf.train.load_checkpoint(str(tmp_path / "run/checkpoints/ckpt-5"))
    assert saved.get_tensor(
        "system/optimizer/_learning_rate/.ATTRIBUTES/VARIABLE_VALUE"
    ) == pytest.approx(1e-5)
    assert saved.get_tensor(
        "system/critic_optimizer/_learning_rate/.ATTRIBUTES/VARIABLE_VALUE"
    ) == pytest.approx(1e-6)


@pytest.mark.slow
def test_what_is_wrong_with_a_resume_is_told_before_anything_is_written(run, packed, tmp_path):
    """A table that cannot be read; a packed model, whose weights would hide what is learned."""
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    (folder / "metrics.csv").write_text("step;loss\n1;2\n")
    before = contents(folder)
    with pytest.raises(SettingsError, match="`run_dir='.*'`: its metrics.csv cannot be read"):
        train(dataclasses.replace(SETTINGS, steps=6), str(folder), resume=True)
    assert contents(folder) == before
    before = contents(pathlib.Path(packed))
    for action in (train, dry_run):
        with pytest.raises(SettingsError, match="is a packed model, which cannot be resumed: .*`i"):
            action(SETTINGS, packed, resume=True)
    assert contents(pathlib.Path(packed)) == before


@pytest.mark.slow
def test_a_lost_state_file_and_a_cut_table_do_not_stop_a_resume(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    (tmp_path / "run/checkpoints/checkpoint").write_bytes(b"\x00")
    with open(tmp_path / "run/metrics.csv", "a") as f:
        f.write("4,0.1\n5x")
    said = []
    train(
        dataclasses.replace(SETTINGS, steps=6), str(tmp_path / "run"), resume=True, say=said.append
    )
    assert any("resumed at step 4" in line for line in said)
    assert int(rows(tmp_path / "run")[-1]["step"]) == 6


def test_a_damaged_checkpoint_is_told(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    for path in (tmp_path / "run/checkpoints").glob("*.data*"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SettingsError, match="ckpt-4 is damaged.* The others are damaged too"):
        tfinpaint.load(str(tmp_path / "run"))
    with pytest.raises(SettingsError, match="ckpt-4 is damaged"):
        train(dataclasses.replace(SETTINGS, steps=6), str(tmp_path / "run"), resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["data", "index", "one bit"])
def test_a_damaged_checkpoint_is_named_with_the_one_to_go_on_from(run, tmp_path, part):
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    pattern = "ckpt-4.index" if part == "index" else "ckpt-4.data*"
    (path,) = (folder / "checkpoints").glob(pattern)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content if part == "one bit" else content[: len(content) // 2])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    words = "ckpt-4 is damaged: .*ckpt-2 is whole: training goes on from it with `resume=2`$"
    actions = [
        (lambda: train(SETTINGS, str(folder), resume=True), words),
        (lambda: train(SETTINGS, str(folder), resume=3), "of `resume=3`; its steps are: 2, 4$"),
    ]
    if part != "one bit":  # which may be in the critic
        actions.append((lambda: tfinpaint.load(str(folder)), words))
    for action, said in actions:
        with pytest.raises(SettingsError, match=said):
            action()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_run_in_a_folder_whose_name_is_no_utf8_is_not_called_damaged(run, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(run[0], folder)
    with pytest.raises(SettingsError, match="ckpt-4: its name is no UTF-8.*rename the folder$"):
        tfinpaint.load(str(folder))
    with pytest.raises(SettingsError, match="its name is no UTF-8"):
        train(SETTINGS, str(folder), resume=True)


def points(folder):
    """[(tag, step)] of all points in the event files."""
    return [
        (value.tag, event.step)
        for path in sorted((folder / "tensorboard").glob("events*"))
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]


@pytest.mark.slow
def test_a_run_goes_on_from_an_older_checkpoint(run, tmp_path):
    """The end is that of the run that was never stopped, with one point for each step."""
    folder, said = tmp_path / "run", []
    shutil.copytree(run[0], folder)
    for path in (folder / "checkpoints").glob("ckpt-4.data*"):
        path.write_bytes(path.read_bytes()[:1000])
    result = train(SETTINGS, str(folder), resume=2, say=said.append)
    assert any(line.startswith("resumed at step 2") for line in said)
    aside = folder / "checkpoints/set_aside_1"
    assert f"note: ckpt-4, of later steps, moved to {aside}" in said
    assert sorted(path.name.split(".")[0] for path in aside.iterdir()) == ["ckpt-4", "ckpt-4"]
    assert result.figures == run[3].figures
    assert [row["step"] for row in rows(folder)] == ["1", "2", "4"]
    found = points(folder)
    assert len(found) == len(set(found)) and set(found) == set(points(run[0]))
    tfinpaint.load(str(folder))  # ckpt-4 is the new one


def test_later_checkpoints_that_cannot_be_moved_are_told(tmp_path, monkeypatch):
    for step in (2, 4):
        (tmp_path / f"ckpt-{step}.index").touch()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "makedirs", full)
    restored = types.SimpleNamespace(_step=2, _folder=str(tmp_path))
    words = "the checkpoints after step 2 cannot be moved to .*set_aside_1: No space left on device"
    with pytest.raises(SettingsError, match=words):
        Checkpoints.set_aside_later(restored)


@pytest.mark.slow
def test_tensorboard_has_one_point_for_a_step_after_a_crash(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    for path in (folder / "checkpoints").glob("ckpt-4.*"):
        path.unlink()  # killed after the steps of which there are points, before their checkpoint
    (path,) = (folder / "tensorboard").glob("events*")
    path.write_bytes(path.read_bytes() + b"\x18\0\0\0cut short")
    unreadable = folder / "tensorboard/events.out.tfevents.0"
    unreadable.mkdir()  # is no reason to end, nor to leave the files after it
    said = []
    train(SETTINGS, str(folder), resume=True, say=said.append)
    assert [line for line in said if "warning" in line] == [
        f"warning: {unreadable} cannot be cut at step 2: later points may be in it twice"
    ]
    unreadable.rmdir()
    found = points(folder)
    assert len(found) == len(set(found)) and set(found) == set(points(run[0]))


@pytest.mark.slow
def test_a_run_that_has_its_steps_says_so_and_is_not_measured_again(run, tmp_path, monkeypatch):
    folder, said = tmp_path / "run", []
    shutil.copytree(run[0], folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with monkeypatch.context() as patch:
        patch.setattr(loop, "Validation", None)
        result = train(SETTINGS, str(folder), resume=True, say=said.append)
    assert said == ["the run has its 4 steps: raise `steps` to go on"]
    assert (result.step, result.figures, result.baselines) == (4, run[3].figures, {})
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    # One that was killed before its figures were written is measured.
    text = (folder / "metrics.csv").read_text().splitlines(keepends=True)
    (folder / "metrics.csv").write_text("".join(text[:-1]))
    assert train(SETTINGS, str(folder), resume=True).figures == run[3].figures
    assert sorted(points(folder)) == sorted(points(run[0]))
    # So is one with other photographs for validation.
    other = dataclasses.replace(SETTINGS, eval_data="samples:astronaut")
    assert train(other, str(folder), resume=True).baselines != run[3].baselines


@pytest.mark.slow
def test_tensorboard_of_a_run_that_was_killed_before_its_first_checkpoint(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    shutil.rmtree(folder / "checkpoints")
    train(SETTINGS, str(folder), resume=True)
    assert sorted(points(folder)) == sorted(points(run[0]))


def test_what_load_cannot_use(run, tmp_path):
    with pytest.raises(SettingsError, match="`model='.* is no folder"):
        tfinpaint.load(str(tmp_path / "nothing"))
    with pytest.raises(
        SettingsError, match="no run directory.* nor a version of an export; .*default is"
    ):
        tfinpaint.load(str(tmp_path))
    settings = json.loads((run[0] / "settings.json").read_text())
    settings["system"] = "other"
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(SettingsError, match="`system` is one of.*'other'"):
        tfinpaint.load(str(tmp_path))
    (tmp_path / "settings.json").write_text((run[0] / "settings.json").read_text())
    with pytest.raises(SettingsError, match="no checkpoint"):
        tfinpaint.load(str(tmp_path))
    settings = json.loads((run[0] / "settings.json").read_text())
    for damaged in (
        b"{}",
        b"\xff\xfe",
        b"[1]",
        json.dumps({**settings, "system_settings": ["width"]}).encode(),
        json.dumps({**settings, "batch_size": 0}).encode(),
        json.dumps({**settings, "new": 1}).encode(),
    ):
        (tmp_path / "settings.json").write_bytes(damaged)
        with pytest.raises(SettingsError, match="settings.json cannot be (read|used)"):
            tfinpaint.load(str(tmp_path))
    for size in ("x", 3):
        (tmp_path / "settings.json").write_text(
            json.dumps({**settings, "system_settings": [["depth", size]]})
        )
        with pytest.raises(SettingsError, match="`depth` is a whole number, at least 4"):
            tfinpaint.load(str(tmp_path))


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    settings = dataclasses.replace(
        PLAIN,
        loss_weights=(("hole", 1e38), ("valid", 1e38)),
        log_every=1,
        eval_every=0,
        sample_every=0,
    )
    with pytest.raises(
        SettingsError,
        match="(the loss is (inf|nan) .*at step|no longer finite after step) .*`learning_rate`",
    ):
        train(settings, str(tmp_path / "run"))


@pytest.mark.slow
def test_an_interrupt_saves_first(tmp_path, monkeypatch):
    from tfinpaint.training import loop

    class Interrupting(loop.CheckpointCallback):
        def at(self, step, logs):
            if step == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(loop, "CheckpointCallback", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        train(PLAIN, str(tmp_path / "run"))
    monkeypatch.undo()
    said = []
    train(PLAIN, str(tmp_path / "run"), resume=True, say=said.append)
    assert any("resumed at step 3" in line for line in said)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["celeb_a", "places365_small"])
def test_a_run_on_tensorflow_datasets(tmp_path, name):
    import tensorflow_datasets as tfds

    settings = dataclasses.replace(
        PLAIN,
        photos=PhotoSettings(f"tfds:{name}:train", image_size=32),
        eval_data=f"tfds:{name}:train",
        steps=2,
        eval_every=0,
        sample_every=0,
    )
    with tfds.testing.mock_data(num_examples=4):
        result = train(settings, str(tmp_path / "run"))
    assert result.step == 2 and np.isfinite(result.figures["psnr_in_hole"])


@pytest.mark.slow
def test_mask_files_are_holes_to_train_with(tmp_path):
    """White strokes are known: 30 % of each mask is hole."""
    masks = tmp_path / "masks"
    masks.mkdir()
    for k in range(3):
        known = np.full((64, 64), 255, np.uint8)
        known[10 * k : 10 * k + 20] = 0
        Image.fromarray(known).save(masks / f"{k}.png")
    holes = HoleSettings(kind=f"files:{masks}", ratio=(0.2, 0.4), mask_is="known")
    settings = dataclasses.replace(
        PLAIN,
        holes=holes,
        steps=2,
        eval_every=0,
        sample_every=0,
    )
    assert train(settings, str(tmp_path / "run")).step == 2


@pytest.mark.slow
def test_holes_made_inside_the_step_give_the_same_run(run, tmp_path, monkeypatch):
    """As on a GPU machine: the pipeline delivers seeds, and the step makes the holes. The losses
    are those with holes from the pipeline."""
    from tfinpaint.training import preparing

    monkeypatch.setattr(preparing, "holes_on_device", lambda settings: True)
    train(SETTINGS, str(tmp_path / "run"))
    for a, b in zip(rows(run[0]), rows(tmp_path / "run"), strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-5)


def events(run_dir):
    """{tag: values} of the TensorBoard file: texts as strings, pictures as
    [width, height, PNG, ...], scalars as they are."""
    found = {}
    for path in sorted((run_dir / "tensorboard").glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(tf.make_ndarray(value.tensor))
    return found


def test_tensorboard_has_attention_beside_every_sample_grid_and_what_the_run_was(run):
    found = events(run[0])
    assert {"samples", "attention/stage_1", "attention/stage_2"} <= set(found)
    for layer in ("stage_1", "stage_2"):
        # At step 2 and at the last step.
        assert len(found[f"attention/{layer}"]) == len(found["samples"]) == 2
        for width, height, *pictures in found[f"attention/{layer}"]:
            assert len(pictures) == 2  # places and weights
            picture = tf.io.decode_png(pictures[0])
            assert picture.shape == (int(height), int(width), 3) == (512 + 64, 512, 3)
    text = {
        name: found[name][0].item().decode() for name in ("settings", "loss_weights", "versions")
    }
    assert '"system": "multistage"' in text["settings"]
    # Because of --perceptual_weights=none.
    assert "hole 6" in text["loss_weights"] and "perceptual 0" in text["loss_weights"]
    assert (
        f"tensorflow {tf.__version__}" in text["versions"]
        and f"tfinpaint {tfinpaint.__version__}" in text["versions"]
    )


def test_l1_of_the_hole_by_hand(tmp_path, monkeypatch):
    """One photograph of 102 with a hole: a moving average that answers 153 everywhere is off by 0.2
    there, and known pixels are the photograph's. The mean fill is exact."""
    Image.new("RGB", (40, 40), (102, 102, 102)).save(tmp_path / "a.png")
    settings = dataclasses.replace(SETTINGS, eval_data=f"folder:{tmp_path}")
    system = tfinpaint.create("multistage", width=4, depth=4)
    system.compile(perceptual_weights="none")

    def raw(generator, images, holes):
        assert generator is system.averaged_generator
        return tf.zeros_like(images) + 153 / 127.5 - 1

    monkeypatch.setattr(system, "raw", raw)
    passed = Validation(settings, system)
    figures = passed.run()
    assert passed.hole_l1(figures) == (pytest.approx(0.2), 0.0)
    assert figures["l1"] == pytest.approx(0.2 * passed._holes.mean())


def test_a_validation_pass_measures_in_parts_of_bounded_size(monkeypatch):
    """The averages are those of the whole, but for the last bits (they depend on threads too)."""
    settings = dataclasses.replace(PLAIN, eval_data="samples:", eval_count=5)
    system = tfinpaint.create("partial_conv", width=4, depth=4)
    system.compile(perceptual_weights="none")
    sizes, measure = [], quality.measure
    monkeypatch.setattr(
        quality, "measure", lambda *sets: sizes.append([len(x) for x in sets]) or measure(*sets)
    )
    whole = Validation(settings, system)
    assert sizes == [[5, 5, 5]] * 2  # mean fill and Telea
    monkeypatch.setattr(validation, "_AT_ONCE", 2 * 32 * 32 + 1)
    parts = Validation(settings, system)
    assert sizes[2:] == [[2, 2, 2], [2, 2, 2], [1, 1, 1]] * 2
    monkeypatch.setattr(validation, "_AT_ONCE", 9)
    one_by_one = Validation(settings, system)
    assert sizes[8:] == [[1, 1, 1]] * 10
    for other in (parts, one_by_one):
        assert other.run() == pytest.approx(whole.run(), rel=1e-14)
        for name, figures in whole.baselines.items():
            assert other.baselines[name] == pytest.approx(figures, rel=1e-14)


LEARNS = dataclasses.replace(
    PLAIN,
    photos=PhotoSettings("samples:retina", image_size=32),
    eval_data="samples:retina",
    system_settings=(("width", 8), ("depth", 4)),
    batch_size=4,
    learning_rate=3e-3,
    steps=150,
    sample_every=0,
    eval_every=0,
    checkpoint_every=1000,
    warn_after=150,
)


@pytest.mark.slow
@pytest.mark.parametrize("rate, warned", [(3e-3, False), (1e-9, True)])
def test_a_system_that_learns_nothing_is_warned_of(tmp_path, rate, warned):
    said = []
    steps = 2 if warned else LEARNS.steps
    train(
        dataclasses.replace(LEARNS, learning_rate=rate, steps=steps, warn_after=steps),
        str(tmp_path / "run"),
        say=said.append,
    )
    lines = [line for line in said if line.startswith("warning: at step")]
    assert len(lines) == warned, lines


@pytest.mark.parametrize(
    "flags, name",
    [
        ({}, "float32"),
        ({"mixed_precision": True}, "mixed_float16"),
        ({"bfloat16": True}, "mixed_bfloat16"),
    ],
)
def test_a_run_computes_in_what_its_flags_say(flags, name):
    with precision(dataclasses.replace(SETTINGS, **flags)):
        assert tf.keras.mixed_precision.global_policy().name == name
    assert tf.keras.mixed_precision.global_policy().name == "float32"


def test_one_flag_says_what_to_compute_in():
    with pytest.raises(SettingsError, match="`mixed_precision` and `bfloat16`: one of them"):
        dataclasses.replace(SETTINGS, mixed_precision=True, bfloat16=True)
