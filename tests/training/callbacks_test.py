"""The progress line, metrics.csv, checkpoints and what is said on the way."""

import csv
import dataclasses
import io
import os
import signal
import types

import numpy as np
import pytest
from changed import Clock

from tfinpaint.progress import clock
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.systems.specification import all_systems
from tfinpaint.training import callbacks
from tfinpaint.training.bad_steps import FiniteCheck
from tfinpaint.training.best_effort import BestEffort
from tfinpaint.training.callbacks import (
    CheckpointCallback,
    MeanFillCheck,
    MetricsCallback,
    ProgressCallback,
    mean_fill_step,
)
from tfinpaint.training.interruption import Interrupted, Signals
from tfinpaint.training.loop import train
from tfinpaint.training.metrics_table import MetricsTable


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_table_appends_joins_rows_of_one_step_and_takes_new_columns(tmp_path):
    path = tmp_path / "metrics.csv"
    table = MetricsTable(str(tmp_path), 0)
    table.add({"step": 1, "loss": 2.0})
    table.add({"step": 5, "loss": 1.0})
    table.add({"step": 5, "val": 7.0})
    table.add({"step": 9, "loss": 0.5})
    assert read(path) == [
        {"step": "1", "loss": "2.0", "val": ""},
        {"step": "5", "loss": "1.0", "val": "7.0"},
        {"step": "9", "loss": "0.5", "val": ""},
    ]


def test_a_reopened_table_drops_the_rows_that_come_again(tmp_path):
    path = tmp_path / "metrics.csv"
    table = MetricsTable(str(tmp_path), 0)
    for step in (1, 5, 9):
        table.add({"step": step, "loss": step})
    path.write_text(path.read_text() + "1")  # cut short
    MetricsTable(str(tmp_path), 5).add({"step": 6, "loss": 6})
    assert [row["step"] for row in read(path)] == ["1", "5", "6"]


def test_the_speed_leaves_out_what_is_done_between_steps(tmp_path, monkeypatch):
    """Two steps of a second each, with a validation pass of a minute between them."""
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    table, spare = MetricsTable(str(tmp_path), -1), BestEffort(print)
    log = MetricsCallback(2, str(tmp_path), table, 2, 8, print, spare)
    rate = types.SimpleNamespace(numpy=lambda: 1e-4)
    log.set_model(types.SimpleNamespace(optimizer=types.SimpleNamespace(learning_rate=rate)))
    for _ in range(2):
        log.on_train_batch_begin(0)
        clock.now += 1
        log.on_train_batch_end(0, {"loss": 1.0})
        clock.now += 60
    (row,) = read(tmp_path / "metrics.csv")
    assert float(row["images_per_second"]) == 8


def test_rows_of_steps_that_are_taken_again_are_gone_before_the_first_new_one(tmp_path):
    """They are those of other weights, and the run may end before it writes a row."""
    path, spare = tmp_path / "metrics.csv", BestEffort(print)
    for step in (0, 1, 5, 9):
        MetricsTable(str(tmp_path), step - 1).add({"step": step, "loss": step})
    for first, kept in ((9, [0, 1, 5, 9]), (5, [0, 1, 5]), (0, [0]), (-1, None)):
        MetricsCallback(
            first, str(tmp_path), MetricsTable(str(tmp_path), first), 100, 1, print, spare
        )
        if kept is None:
            assert not path.exists()
        else:
            assert [int(row["step"]) for row in read(path)] == kept


def test_a_table_that_a_spreadsheet_has_saved_goes_on(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes("\ufeffstep,loss,\r\n1,2.5,,x\r\n5,3\r\n".encode())
    MetricsTable(str(tmp_path), 5).add({"step": 6, "loss": 6})
    assert read(path) == [
        {"step": "1", "loss": "2.5"},
        {"step": "5", "loss": "3"},
        {"step": "6", "loss": "6"},
    ]


@pytest.mark.parametrize(
    "content", [b"step;loss\n1;2\n", b"step,loss\n1,\xff\n", b"\nstep,loss\n1,2\n"]
)
def test_a_table_that_cannot_be_read_is_one_line(tmp_path, content):
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(SettingsError, match="`run_dir='.*'`: its metrics.csv cannot be read: "):
        MetricsTable(str(tmp_path), 5)


def test_a_table_that_is_moved_away_or_cannot_be_written_comes_back_whole(tmp_path, monkeypatch):
    path = tmp_path / "metrics.csv"
    table = MetricsTable(str(tmp_path), -1)
    table.add({"step": 1, "loss": 1})
    table.add({"step": 2, "loss": 2})
    path.rename(tmp_path / "moved.csv")
    table.add({"step": 3, "loss": 3})
    assert [row["step"] for row in read(path)] == ["1", "2", "3"]
    with monkeypatch.context() as patch:  # it vanishes between the question and the answer
        patch.setattr(os.path, "exists", lambda path: True)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            table.add({"step": 4, "loss": 4})
    table.add({"step": 5, "loss": 5})
    assert [row["step"] for row in read(path)] == ["1", "2", "3", "4", "5"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line_that_ends_at_the_last_step():
    stream = Terminal()
    progress = ProgressCallback(0, 3, 2, stream)
    for k in range(3):
        progress.on_train_batch_end(k, {"loss": 1.5})
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().endswith("0:00 left\n")
    assert "step 3/3 [====================] loss 1.500" in stream.getvalue()
    progress.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_progress_in_a_file_is_a_plain_line_now_and_then():
    stream = io.StringIO()
    progress = ProgressCallback(10, 40, 2, stream, every=10)
    for k in range(30):
        progress.on_train_batch_end(k, {"loss": 1.5})
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == [
        "11/40",  # the first one of a resumed run
        "20/40",
        "30/40",
        "40/40",
    ]
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0:00"),
        (64.6, "1:05"),
        (3599.4, "59:59"),
        (3599.6, "1 h 00 min"),
        (3700, "1 h 02 min"),
        (172800, "48 h 00 min"),
        (172900, "2.0 days"),
        (4569641, "52.9 days"),
    ],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


class Measured:
    """A validation that measured these values of L1 in the hole: the system's, and the mean
    fill's."""

    def __init__(self, *figures):
        self.hole_l1 = lambda known: figures if known is None else (known["l1_in_hole"], figures[1])


def doubt(first, validation, after, said, figures_of=lambda step: None, signals=None):
    return MeanFillCheck(
        first, validation, after, "hole", "runs/a", said.append, signals or Signals(), figures_of
    )


@pytest.mark.parametrize(
    "figures, after, steps",
    [
        ((0.2, 0.2), 5, [5]),
        ((0.19, 0.2), 5, []),
        ((0.3, 0.2), 0, []),
        ((0.3, 0.2), 30, []),
        ((0.3, 0.2), 2, []),
    ],
)
def test_a_system_that_does_not_beat_the_mean_colour_is_doubted_once(figures, after, steps):
    said = []
    # The run was resumed at step 2.
    check = doubt(2, Measured(*figures), after, said)
    for k in range(10):
        check.on_train_batch_end(k, {"loss": 1.0})
        assert len(said) == sum(step <= 3 + k for step in steps)
    for line in said:
        assert line.startswith(
            "warning: at step 5 L1 in the hole of the validation photographs "
            "is 0.2000, not under the mean"
        )
        assert all(
            words in line
            for words in (
                "runs/a/samples",
                "`mask_is`",
                "`learning_rate`",
                "`loss_weights['hole']`",
                "`warn_after=0`",
            )
        )


@pytest.mark.parametrize(
    "system, phases, after, steps",
    [
        ("edge_connect", (("edges", 3), ("inpainting", 0)), 2, [5]),
        ("edge_connect", (("edges", 3), ("inpainting", 9), ("joint", 0)), 2, [5]),
        ("edge_connect", (("edges", 3), ("inpainting", 0)), 0, []),
        ("edge_connect", (("edges", 0),), 2, []),
        ("edge_connect", (("joint", 0),), 2, [2]),
        ("global_local", (("critics", 1), ("completion", 4), ("both", 0)), 3, [4]),
        ("edge_connect", (), 2, [2]),
        ("partial_conv", (), 2, [2]),
    ],
)
def test_the_mean_colour_is_compared_with_a_generator_that_learns(system, phases, after, steps):
    settings = TrainSettings(
        system, PhotoSettings("samples:"), HoleSettings(), phases=phases, warn_after=after
    )
    step = mean_fill_step(settings, all_systems()[system].phases)
    said = []
    check = doubt(0, Measured(0.3, 0.2), step, said)
    for k in range(10):
        check.on_train_batch_end(k, {"loss": 1.0})
        assert len(said) == sum(at <= k + 1 for at in steps)


@pytest.mark.slow
def test_a_run_compares_once_its_generator_learns(tmp_path, eager):
    """A resumed run compares at the same step."""
    settings = TrainSettings(
        "edge_connect",
        PhotoSettings("samples:astronaut", image_size=32),
        HoleSettings(),
        system_settings=(("width", 4), ("blocks", 1)),
        phases=(("edges", 1), ("inpainting", 0)),
        perceptual_weights="none",
        batch_size=1,
        steps=1,
        eval_count=1,
        sample_every=0,
        warn_after=1,
        learning_rate=1e-9,  # the fill stays bad
    )
    said = []
    train(settings, str(tmp_path / "run"), say=said.append)
    assert not any("mean colour" in line for line in said)
    longer = dataclasses.replace(settings, steps=3)
    train(longer, str(tmp_path / "run"), resume=True, say=said.append)
    (line,) = [line for line in said if "mean colour" in line]
    assert line.startswith("warning: at step 2 ")


def test_figures_of_the_same_step_are_not_measured_again():
    said = []
    passed = {5: {"l1_in_hole": 0.1}}
    doubt(4, Measured(0.3, 0.2), 5, said, passed.get).on_train_batch_end(0)
    assert said == []
    doubt(4, Measured(0.3, 0.2), 5, said, {4: passed[5]}.get).on_train_batch_end(0)
    assert len(said) == 1


def test_a_signal_does_not_wait_for_the_pass_that_compares_with_the_mean_colour():
    class Slow:
        def hole_l1(self, known):
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("went on")

    with Signals() as signals:
        signals.wait()
        check = doubt(4, Slow(), 5, [], signals=signals)
        with pytest.raises(Interrupted):
            check.on_train_batch_end(0)


def test_after_the_first_signal_the_next_one_ends_the_process():
    """A second SIGHUP does not: a terminal that closes sends it twice."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.getsignal(number) for number in numbers]
    with Signals() as signals:
        signals.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        after = [signal.getsignal(number) for number in numbers]
        assert after == [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN]
        with pytest.raises(Interrupted, match="SIGTERM"):
            signals.check()
    assert [signal.getsignal(number) for number in numbers] == before


class Saved(list):
    """Checkpoints of which the steps are kept."""

    save = list.append

    def advice(self, step):
        return "try again"


def test_the_checkpoint_of_the_last_step_is_left_to_the_loop():
    saved = Saved()
    check = CheckpointCallback(0, saved, 2, 6, BestEffort(print))
    for k in range(6):
        check.on_train_batch_end(k, {})
    assert saved == [2, 4]


@pytest.mark.parametrize("first, named", [(1, True), (2, False)])
def test_a_loss_that_is_not_finite_may_be_the_gradient_of_the_step_before(first, named):
    """The weights of a checkpoint, of step `first`, are finite."""
    check = FiniteCheck(first, Saved(), 0, lambda step: [f"photo_{step}.png"], print)
    check.at(first + 1, {"loss": 1.0})
    with pytest.raises(SettingsError) as error:
        check.at(3, {"loss": np.nan})
    words = str(error.value)
    assert words.startswith("the loss is nan at step 3; its photographs are photo_2.png")
    also = "; if it was the gradient of step 2, its photographs are photo_1.png: try again"
    assert (also in words) == named
