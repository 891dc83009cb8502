"""What happens to a run: losses that are not finite, signals, full disks, photographs that vanish.

The faults are injected in this process here, and for real (a full and a read-only file system, a
command that is sent a signal) in live_faults_test.py.
"""

import builtins
import dataclasses
import errno
import io
import logging
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from run_folders import rows, steps_of, weights

from tfinpaint import runs
from tfinpaint.checkpoint_files import is_whole
from tfinpaint.data.batches import names_of_batch
from tfinpaint.data.photos import open_photos
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training import checkpoint_writing, loop, preparing, train
from tfinpaint.training.devices import Devices

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


pytestmark = pytest.mark.usefixtures("eager_module")


def make_photos(folder):
    folder.mkdir()
    for k in range(6):
        pixels = np.random.default_rng(k).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"photo_{k}.png")
    return folder


@pytest.fixture
def photos(tmp_path):
    return make_photos(tmp_path / "photos")


@pytest.fixture
def settings(photos):
    return settings_of(photos)


def settings_of(photos):
    return TrainSettings(
        system="partial_conv",
        photos=PhotoSettings(f"folder:{photos}", image_size=32),
        holes=HoleSettings(),
        eval_data="samples:coffee",
        system_settings=(("width", 4), ("depth", 4)),
        batch_size=2,
        steps=4,
        perceptual_weights="none",
        checkpoint_every=1,
        log_every=1,
        sample_every=0,
        eval_count=1,
    )


def go(settings, folder, **keywords):
    """-> the lines that the run said."""
    said = []
    train(settings, str(folder), say=said.append, stream=io.StringIO(), **keywords)
    return said


@pytest.fixture(scope="module")
def straight(tmp_path_factory, eager_module):
    """The weights of a run that nothing befell."""
    folder = tmp_path_factory.mktemp("straight")
    go(settings_of(make_photos(folder / "photos")), folder / "run")
    return weights(folder / "run")


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# ------------------------------------------------------------------------------------ not finite


@pytest.fixture
def broken_batches(monkeypatch):
    """broken_batches(2, 5): the batches of these steps (from 1) hold NaN."""
    made = preparing.training_batches

    def breaking(*steps):
        def batches(*arguments, start_step, **others):
            def broken(k, batch):
                bad = tf.reduce_any(tf.equal(k + start_step + 1, list(steps)))
                return (tf.where(bad, np.nan, 1.0) * batch[0], *batch[1:])

            return made(*arguments, start_step=start_step, **others).enumerate().map(broken)

        monkeypatch.setattr(preparing, "training_batches", batches)

    return breaking


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(
    settings, tmp_path, photos, broken_batches
):
    broken_batches(3)
    with pytest.raises(SettingsError) as error:
        go(settings, tmp_path / "run")
    words = str(error.value)
    assert "the loss is nan (" in words and "hole nan" in words and "at step 3;" in words
    names = names_of_batch(open_photos(f"folder:{photos}"), 2, settings.seed, 2)
    assert len(names) == 2 and f"its photographs are {', '.join(names)}" in words
    assert "`resume=1` goes on" in words and "lower `learning_rate`" in words
    assert steps_of(tmp_path / "run") == [1, 2]
    assert [row["step"] for row in rows(tmp_path / "run")] == ["1", "2"]


def test_names_of_a_batch_are_those_of_the_pipeline(photos):
    """Each photograph is made recognisable by its colour; one of them cannot be read."""
    from tfinpaint.data.batches import training_batches

    for k in range(6):
        Image.new("RGB", (40, 40), (40 * k, 0, 0)).save(photos / f"photo_{k}.png")
    (photos / "photo_2.png").write_bytes(b"broken")
    source = open_photos(f"folder:{photos}")
    settings = PhotoSettings(f"folder:{photos}", image_size=32)
    batches = training_batches(settings, HoleSettings("center"), 4, 7, 0, photos=source)
    for step, (images, _) in enumerate(batches.take(5)):
        red = np.round((images[:, 0, 0, 0].numpy() + 1) * 127.5).astype(int)
        assert names_of_batch(source, 4, 7, step) == [f"photo_{r // 40}.png" for r in red]


@pytest.mark.slow
def test_bad_steps_are_passed_over_as_often_as_is_allowed(settings, tmp_path, broken_batches):
    broken_batches(2)
    settings = dataclasses.replace(settings, skip_bad_steps=1)
    said = go(settings, tmp_path / "run")
    warnings = [line for line in said if line.startswith("warning: the loss is nan")]
    assert len(warnings) == 1 and "at step 2; its photographs are photo_" in warnings[0]
    assert "skipped (1 of `skip_bad_steps=1`)" in warnings[0]
    assert "skipped 1 step: 2" in said
    assert [row["step"] for row in rows(tmp_path / "run")] == ["1", "2", "3", "4"]
    assert all(np.isfinite(value).all() for value in weights(tmp_path / "run").values())
    assert weights(tmp_path / "run")["system/optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE"] == 3
    broken_batches(2, 3)
    with pytest.raises(SettingsError, match="at step 3; .*one more than `skip_bad_steps=1` allows"):
        go(settings, tmp_path / "other")
    assert steps_of(tmp_path / "other") == [1, 2]


@pytest.mark.slow
def test_weights_that_are_not_finite_are_not_saved(settings, tmp_path, monkeypatch):
    """As after a gradient that is not finite, of a loss that is."""

    class Breaking(loop.FiniteCheck):
        def at(self, step, logs):
            if step == 3:
                variable = self.model.generator.trainable_variables[0]
                variable.assign(variable / 0.0)
            super().at(step, logs)

    monkeypatch.setattr(loop, "FiniteCheck", Breaking)
    with pytest.raises(SettingsError, match="no longer finite after step 3, .*`resume=1`"):
        go(settings, tmp_path / "run")
    assert steps_of(tmp_path / "run") == [1, 2]


def test_kept_checkpoints():
    kept, good = checkpoint_writing.kept, checkpoint_writing.known_good
    assert kept([5], 5) == {5}
    # While none is known to be good, the first is kept beside the last three.
    assert kept(range(1, 7), 6) == {1, 2, 4, 5, 6}
    assert kept([1000, 2000, 3000, 4000], 4000) == {2000, 3000, 4000}
    # With a checkpoint at each step there is always one behind which 100 steps went well.
    there = set()
    for step in range(1, 1000):
        there = kept(there | {step}, step)
        assert {step, max(1, step - 1), max(1, step - 2)} <= there and len(there) <= 5
        behind = step - good(there, step)
        assert behind < 250 and (behind >= 100 or step <= 100)


# --------------------------------------------------------------------------------------- signals


def sending(number, when, base=loop.CheckpointCallback):
    """A checkpoint callback that sends this process a signal at a step."""

    class Sending(base):
        def at(self, step, logs):
            if step == when:
                os.kill(os.getpid(), number)
            super().at(step, logs)

    return Sending


@pytest.mark.parametrize(
    "name",
    [
        "SIGTERM",
        pytest.param("SIGHUP", marks=pytest.mark.slow),
        pytest.param("SIGINT", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_run_after_its_step(settings, tmp_path, straight, monkeypatch, name):
    number, before = getattr(signal, name), signal.getsignal(getattr(signal, name))
    monkeypatch.setattr(loop, "CheckpointCallback", sending(number, 2))
    settings = dataclasses.replace(settings, checkpoint_every=100)
    said = []
    with pytest.raises(KeyboardInterrupt) as error:
        train(settings, str(tmp_path / "run"), say=said.append, stream=io.StringIO())
    assert error.value.signum == number
    assert said[-1] == "stopped at step 2, saved: `resume` goes on from there"
    assert steps_of(tmp_path / "run") == [2] and len(rows(tmp_path / "run")) == 2
    assert signal.getsignal(number) == before
    monkeypatch.undo()
    go(settings, tmp_path / "run", resume=True)
    assert same(weights(tmp_path / "run"), straight)


@pytest.mark.slow
def test_a_signal_waits_for_the_checkpoint_that_is_written(settings, tmp_path, monkeypatch):
    to_disk = checkpoint_writing._to_disk

    def signalled(path):
        if path.endswith("ckpt-2.index"):
            os.kill(os.getpid(), signal.SIGTERM)
        to_disk(path)

    monkeypatch.setattr(checkpoint_writing, "_to_disk", signalled)
    with pytest.raises(KeyboardInterrupt):
        go(settings, tmp_path / "run")
    assert steps_of(tmp_path / "run") == [1, 2]
    assert is_whole(str(tmp_path / "run/checkpoints/ckpt-2"))
    assert not (tmp_path / "run/checkpoints/.writing").exists()


@pytest.mark.slow
def test_a_signal_does_not_wait_for_validation(settings, tmp_path, monkeypatch):
    class Slow(loop.Validation):
        def run(self):
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("went on")

    monkeypatch.setattr(loop, "Validation", Slow)
    with pytest.raises(KeyboardInterrupt):
        go(dataclasses.replace(settings, eval_every=3, checkpoint_every=9), tmp_path / "run")
    assert steps_of(tmp_path / "run") == [3]


@pytest.mark.slow
def test_a_signal_while_the_first_step_is_traced_ends_at_once(settings, tmp_path, monkeypatch):
    from tfinpaint.systems.partial_conv.system import PartialConv

    def traced(self, images, holes):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("went on")

    monkeypatch.setattr(PartialConv, "step", traced)
    with pytest.raises(KeyboardInterrupt):
        go(settings, tmp_path / "run")
    assert steps_of(tmp_path / "run") == [0]


@pytest.mark.slow
def test_a_signal_before_the_first_step_ends_at_once(settings, tmp_path, monkeypatch):
    def fed(self, batches):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("went on")

    monkeypatch.setattr(Devices, "fed", fed)
    with pytest.raises(KeyboardInterrupt):
        go(settings, tmp_path / "run")
    assert steps_of(tmp_path / "run") == [0]


@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_so(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CheckpointCallback", sending(signal.SIGHUP, 2))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        go(settings, tmp_path / "run")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert steps_of(tmp_path / "run")[-1] == 4


# ------------------------------------------------------------------------------------------ disk


class Disk:
    """Files whose path has one of `words` cannot be written while the disk is full."""

    def __init__(self, monkeypatch, *words):
        self.full, self.tried, self._words = True, 0, words
        opened = builtins.open

        def open_(path, mode="r", *arguments, **keywords):
            if set(mode) & set("wa"):
                self.check(str(path))
            return opened(path, mode, *arguments, **keywords)

        write, flush = tf.train.Checkpoint.write, tf.summary.create_file_writer
        monkeypatch.setattr(builtins, "open", open_)
        monkeypatch.setattr(
            tf.train.Checkpoint, "write", lambda s, path: (self.check(path), write(s, path))[1]
        )
        monkeypatch.setattr(
            tf.summary, "create_file_writer", lambda path: (self.check(path), flush(path))[1]
        )

    def check(self, path):
        if self.full and any(word in path for word in self._words):
            self.tried += 1
            if "tensorboard" in path:  # TensorFlow's class for both want of room and of memory
                raise tf.errors.ResourceExhaustedError(None, None, f"{path}; {FULL.strerror}")
            raise FULL


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, what",
    [
        pytest.param("/samples/", "a sample picture", marks=pytest.mark.slow),
        pytest.param("metrics", "a row of metrics.csv", marks=pytest.mark.slow),
        ("tensorboard", "TensorBoard's events"),
    ],
)
def test_a_run_goes_on_without_pictures_rows_and_events(
    settings, tmp_path, monkeypatch, words, what
):
    disk = Disk(monkeypatch, words)
    settings = dataclasses.replace(settings, sample_every=1)
    said = go(settings, tmp_path / "run")
    assert disk.tried > 1
    assert [line for line in said if line.startswith("warning")] == [
        f"warning: {what} could not be written: the disk is full. The run goes on and tries again"
    ]
    assert any(line.startswith(f"note: {what} could not be written ") for line in said)
    assert steps_of(tmp_path / "run")[-1] == 4
    assert not [path for path in (tmp_path / "run").rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
def test_rows_that_found_no_room_are_written_with_the_next_one(settings, tmp_path, monkeypatch):
    disk = Disk(monkeypatch, "metrics")

    class Emptying(loop.CheckpointCallback):
        def at(self, step, logs):
            disk.full = step < 3

    monkeypatch.setattr(loop, "CheckpointCallback", Emptying)
    said = go(settings, tmp_path / "run")
    assert "a row of metrics.csv could not be written 3 times, and can be written again" in str(
        said
    )
    assert [row["step"] for row in rows(tmp_path / "run")] == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_a_checkpoint_that_finds_no_room_leaves_the_others(
    settings, tmp_path, straight, monkeypatch
):
    """The run goes on; it ends with an error if the last one cannot be written."""
    disk = Disk(monkeypatch, "ckpt-2", "ckpt-3")
    said = go(settings, tmp_path / "run")
    assert disk.tried == 2 and steps_of(tmp_path / "run") == [1, 4]
    told = [line for line in said if "a checkpoint could not" in line]
    assert len(told) == 2 and "the disk is full" in told[0] and "2 times" in told[1]
    disk.full = False
    Disk(monkeypatch, "ckpt-4")
    with pytest.raises(SettingsError, match="checkpoint of step 4 cannot be .*: the disk is full"):
        go(settings, tmp_path / "other")
    assert steps_of(tmp_path / "other") == [1, 2, 3]
    assert not (tmp_path / "other/checkpoints/.writing").exists()
    monkeypatch.undo()
    go(settings, tmp_path / "other", resume=True)
    assert same(weights(tmp_path / "other"), straight)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["settings", pytest.param("flags", marks=pytest.mark.slow)])
def test_a_folder_in_which_nothing_could_be_written_can_be_started_again(
    settings, tmp_path, monkeypatch, name
):
    with monkeypatch.context() as patch:
        Disk(patch, f"/.{name}.")
        with pytest.raises(SettingsError, match="cannot be written: the disk is full"):
            go(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    # a process that is killed there leaves its hidden file
    (tmp_path / "run").mkdir()
    (tmp_path / f"run/.{name}.0123456789ab.json").write_text("{")
    go(dataclasses.replace(settings, steps=0), tmp_path / "run")
    assert runs.read_settings(str(tmp_path / "run")).system == "partial_conv"


# ----------------------------------------------------------------------------------- photographs


@pytest.mark.slow
@pytest.mark.parametrize("cached", [pytest.param(True, marks=pytest.mark.slow), False])
def test_photographs_that_vanish_are_replaced_and_the_last_ends_the_run(
    settings, tmp_path, photos, monkeypatch, caplog, cached
):
    if not cached:  # as with a set that does not fit into memory
        monkeypatch.setattr("tfinpaint.data.batches._CACHE_BYTES", 0)

    class Vanishing(loop.CheckpointCallback):
        def at(self, step, logs):
            if step == 2:
                shutil.rmtree(photos)

    monkeypatch.setattr(loop, "CheckpointCallback", Vanishing)
    settings = dataclasses.replace(settings, steps=400 if not cached else 30)
    caplog.set_level(logging.INFO, "tfinpaint")
    if cached:
        go(settings, tmp_path / "run")
        assert steps_of(tmp_path / "run") == [30]
        return
    with pytest.raises(SettingsError, match="none of 6 photographs can be read. .*photo_0.png"):
        go(settings, tmp_path / "run")
    (step,) = steps_of(tmp_path / "run")
    assert 2 <= step < 400 and len(rows(tmp_path / "run")) == step
    told = [message for message in caplog.messages if "left out" in message]
    assert len(told) == 3 and "There is no file" in told[0]


@pytest.mark.slow
def test_many_damaged_photographs_are_told_in_few_lines(settings, tmp_path, photos, caplog):
    for k in range(120):
        (photos / f"bad_{k:03}.png").write_bytes((photos / "photo_0.png").read_bytes()[: 60 + k])
    (photos / "other.png").write_text("no picture")
    said = go(dataclasses.replace(settings, steps=60), tmp_path / "run")
    assert 3 < len([m for m in caplog.messages if "left out" in m]) <= 5
    (line,) = [line for line in said if line.startswith("skipped 121 photographs of folder:")]
    assert "120 cannot be read, it is damaged or incomplete; 1 is not a JPEG" in line
