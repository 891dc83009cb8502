"""The progress line and metrics.csv."""

import csv
import io

import pytest

from tfinpaint.progress import clock
from tfinpaint.training.callbacks import MeanFillCheck, ProgressCallback
from tfinpaint.training.metrics_table import MetricsTable


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_table_appends_joins_rows_of_one_step_and_takes_new_columns(tmp_path):
    path = tmp_path / "metrics.csv"
    table = MetricsTable(str(path), 0)
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
    table = MetricsTable(str(path), 0)
    for step in (1, 5, 9):
        table.add({"step": step, "loss": step})
    path.write_text(path.read_text() + "1")  # cut short
    MetricsTable(str(path), 5).add({"step": 6, "loss": 6})
    assert [row["step"] for row in read(path)] == ["1", "5", "6"]


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
        self.hole_l1 = lambda: figures


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
    doubt = MeanFillCheck(2, Measured(*figures), after, "hole", "runs/a", said.append)
    for k in range(10):
        doubt.on_train_batch_end(k, {"loss": 1.0})
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
