"""The train command under faults of the machine: signals, a disk that fills, one that breaks.

Real processes and real file systems: a tmpfs of a few megabytes that is filled up, and an ext4 in a
file that turns read-only as it does when its disk reports an error. They need root, and are skipped
without.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from disks import breaking, fill, small
from run_folders import steps_of
from small import flags

from tfinpaint import train

ROOT = pathlib.Path(__file__).parents[2]
FLAGS = (
    "--train_data=samples:astronaut,chelsea",
    "--eval_data=samples:coffee",
    "--system=partial_conv",
    *flags("partial_conv"),
    "--image_size=32",
    "--batch_size=2",
    "--perceptual_weights=none",
    "--log_every=1",
    "--eval_count=1",
    "--warn_after=0",
)
LONG = 5000  # steps, which no test waits for

pytestmark = pytest.mark.slow  # faults_test.py has signals and full disks in this process


class Command:
    """The command in a process; its output is read until a word comes."""

    def __init__(self, run_dir, *arguments, before=None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfinpaint.train", *FLAGS, f"--run_dir={run_dir}", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(os.environ, PYTHONUNBUFFERED="1"),
            preexec_fn=before,
        )
        self.lines = []

    def until(self, word):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if word in line:
                return
        raise AssertionError("\n".join(self.lines))

    def end(self, seconds=300):
        """-> the exit status; nothing may hang, and no line is a traceback."""
        try:
            rest, _ = self.process.communicate(timeout=seconds)
        finally:
            self.process.kill()
        self.lines += rest.splitlines()
        assert "Traceback" not in "\n".join(self.lines), "\n".join(self.lines)
        return self.process.returncode

    def told(self, word):
        return [line for line in self.lines if word in line]


def hidden(run_dir):
    return [path.name for path in run_dir.rglob("*") if path.name.startswith(".")]


# --------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    "name, status, words",
    [
        ("SIGINT", 130, "interrupted"),
        ("SIGTERM", 143, "ended by SIGTERM"),
        ("SIGHUP", 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_saves_and_tells_the_step(tmp_path, command_line, eager, name, status, words):
    run_dir = tmp_path / "run"
    command = Command(run_dir, f"--steps={LONG}", "--sample_every=0")
    command.until("step 3/")
    command.process.send_signal(getattr(signal, name))
    assert command.end() == status
    (step,) = steps_of(run_dir)
    assert step >= 3 and not hidden(run_dir)
    assert command.told(f"stopped at step {step}, saved: --resume goes on from there")
    assert command.lines[-1] == f"tfinpaint: {words}"
    status, out, _ = command_line(
        train.main, *FLAGS, f"--run_dir={run_dir}", f"--steps={step + 1}", "--resume"
    )
    assert status == 0 and f"resumed at step {step}" in out


def test_nohup_keeps_a_run_going(tmp_path):
    command = Command(
        tmp_path / "run", "--steps=60", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    command.until("step 3/")
    command.process.send_signal(signal.SIGHUP)
    assert command.end() == 0 and steps_of(tmp_path / "run") == [60]


# ------------------------------------------------------------------------------------------ disk


@pytest.fixture
def small_disk(tmp_path):
    with small(tmp_path / "disk") as place:
        yield place


@pytest.fixture
def breaking_disk(tmp_path):
    with breaking(tmp_path / "disk") as found:
        yield found


def test_a_disk_that_fills_and_is_emptied_again(small_disk):
    run_dir = small_disk / "run"
    arguments = ("--checkpoint_every=20", "--sample_every=7", f"--steps={LONG}")
    command = Command(run_dir, *arguments)
    command.until("step 25/")
    fill(small_disk)
    command.until("step 85/")
    before = steps_of(run_dir)
    assert before and before[-1] <= 40
    for what in (
        "a checkpoint",
        "a sample picture",
        "a row of metrics.csv",
        "TensorBoard's events",
    ):
        assert len(command.told(f"warning: {what} could not be written")) == 1, command.lines
    assert not command.told("memory")
    (small_disk / "filler").unlink()
    command.until("a checkpoint could not be written")
    command.process.send_signal(signal.SIGTERM)
    assert command.end() == 143
    assert not hidden(run_dir)
    step = steps_of(run_dir)[-1]
    with open(run_dir / "metrics.csv") as f:
        assert [int(line.split(",")[0]) for line in list(f)[1:]] == list(range(1, step + 1))


def test_a_disk_that_stays_full_is_one_line_at_the_end(small_disk):
    run_dir = small_disk / "run"
    command = Command(run_dir, "--checkpoint_every=20", "--sample_every=0", "--steps=60")
    command.until("step 25/")
    fill(small_disk)
    assert command.end() == 1
    assert command.told("tfinpaint: the checkpoint of step 60 cannot be written to")
    assert "the disk is full" in command.lines[-1] and not hidden(run_dir)
    (small_disk / "filler").unlink()
    again = Command(run_dir, "--steps=60", "--resume")
    assert again.end() == 0 and again.told("resumed at step ")
    assert steps_of(run_dir)[-1] == 60


def test_a_full_disk_from_the_start(small_disk):
    run_dir = small_disk / "run"
    fill(small_disk)
    command = Command(run_dir, "--steps=2")
    assert command.end() == 1 and "the disk is full" in command.lines[-1], command.lines
    (small_disk / "filler").unlink()
    assert Command(run_dir, "--steps=2").end() == 0


def test_a_file_system_that_turns_read_only(breaking_disk):
    place, break_it = breaking_disk
    run_dir = place / "run"
    command = Command(run_dir, "--checkpoint_every=20", "--sample_every=7", "--steps=90")
    command.until("step 25/")
    break_it()
    begun = time.monotonic()
    assert command.end(seconds=240) == 1 and time.monotonic() - begun < 240
    assert command.told("warning: a sample picture could not be written: the file system can only")
    assert "the checkpoint of step 90 cannot be written to" in command.lines[-1]
    assert "the file system can only be read" in command.lines[-1]
    assert steps_of(run_dir)[-1] >= 20
