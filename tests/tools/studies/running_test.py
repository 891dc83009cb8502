"""A run of the study gets its steps, no more and no less, whatever ends it on the way."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest
from waiting import until

from tools.studies import locks, running

ROOT = pathlib.Path(__file__).resolve().parents[3]
TRAINER = str(pathlib.Path(__file__).with_name("trainer.py"))
WORDS = [sys.executable, TRAINER, "0", "4"]


def train(folder, words=WORDS, **counts):
    with locks.taken(str(folder)) as lock:
        assert lock is not None
        running.train(list(words), str(folder), counts, lock)


def said(folder):
    lines = (folder / "train.log").read_text().splitlines()
    return [line for line in lines if line.startswith("phases")]


def checkpoints(folder):
    return sorted(os.listdir(folder / "run" / "checkpoints"))


def files_of(*steps):
    return sorted(f"ckpt-{s}.{end}" for s in steps for end in ("data-00000-of-00001", "index"))


def test_a_run_gets_its_steps_and_keeps_the_last_checkpoint(tmp_path):
    train(tmp_path, **{"": 22})
    assert said(tmp_path) == ["phases ; from 0 to 22"] and checkpoints(tmp_path) == files_of(22)
    assert running.is_at(str(tmp_path / "run"), 22)
    assert not running.is_at(str(tmp_path / "run"), 20)


def test_a_run_at_its_last_step_is_not_trained_again(tmp_path):
    train(tmp_path, **{"": 9})
    train(tmp_path, **{"": 9})
    assert said(tmp_path) == ["phases ; from 0 to 9"] and checkpoints(tmp_path) == files_of(9)


def test_a_run_that_gets_more_steps_goes_on(tmp_path):
    train(tmp_path, **{"": 9})
    train(tmp_path, **{"": 30})
    assert said(tmp_path) == ["phases ; from 0 to 9", "phases ; from 9 to 30"]
    assert checkpoints(tmp_path) == files_of(30)


def test_a_run_in_phases_that_gets_more_steps_begins_anew(tmp_path):
    train(tmp_path, edges=3, inpainting=5, joint=2)
    train(tmp_path, edges=6, inpainting=10, joint=4)
    assert said(tmp_path) == [
        "phases edges:3,inpainting:5,joint; from 0 to 10",
        "phases edges:6,inpainting:10,joint; from 0 to 20",
    ]
    assert checkpoints(tmp_path) == files_of(20)
    assert os.listdir(tmp_path / "run_of_10_steps" / "checkpoints")  # nothing is thrown away


def test_a_run_in_phases_with_other_shares_of_as_many_steps_begins_anew(tmp_path):
    train(tmp_path, edges=3, joint=7)
    assert running.is_trained(str(tmp_path / "run"), {"edges": 3, "joint": 7})
    train(tmp_path, edges=4, joint=6)
    assert said(tmp_path) == [
        "phases edges:3,joint; from 0 to 10",
        "phases edges:4,joint; from 0 to 10",
    ]


def test_a_run_in_phases_that_was_stopped_goes_on(tmp_path):
    train(tmp_path, edges=20, joint=1)
    train(tmp_path, edges=20, joint=1000)
    assert said(tmp_path)[1:] == ["phases edges:20,joint; from 21 to 1020"]
    assert not list(tmp_path.glob("run_of_*"))


def test_a_run_directory_beyond_the_last_step_is_left(tmp_path):
    train(tmp_path, **{"": 30})
    with pytest.raises(running.Failed, match="is at step 30, beyond the 20 of this run: raise"):
        train(tmp_path, **{"": 20})
    assert checkpoints(tmp_path) == files_of(30) and len(said(tmp_path)) == 1


def test_a_training_that_ends_by_itself(tmp_path):
    with pytest.raises(running.Failed, match="^a loss is not finite$"):
        train(tmp_path, [*WORDS, "--fail"], **{"": 9})
    train(tmp_path, **{"": 9})  # and once more, without the fault
    assert checkpoints(tmp_path) == files_of(9)


def study(folder, steps):
    """A process that trains as the study does, in its own session. Steps take 0.05 s."""
    code = textwrap.dedent(f"""
        import signal, sys
        sys.path[:0] = [{str(ROOT)!r}]
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from tools.studies import locks, running
        running.last_step = lambda run_dir: 0  # without TensorFlow
        with locks.taken({str(folder)!r}) as lock:
            words = [sys.executable, {TRAINER!r}, "0.05", "4"]
            running.train(words, {str(folder)!r}, {{"": {steps}}}, lock)
    """)
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def has_saved(folder, step=8):
    return lambda: running.last_step(str(folder / "run")) >= step


def test_a_run_that_is_interrupted_saves_and_goes_on(tmp_path):
    process = study(tmp_path, 1000)
    until(has_saved(tmp_path))
    process.terminate()
    assert process.wait(30) == -signal.SIGINT  # Python's own end by KeyboardInterrupt
    step = running.last_step(str(tmp_path / "run"))
    assert 8 <= step < 1000
    with locks.taken(str(tmp_path)) as lock:
        assert lock is not None  # no trainer is left
    train(tmp_path, **{"": step + 10})
    assert said(tmp_path)[1:] == [f"phases ; from {step} to {step + 10}"]


def test_a_study_that_is_killed_leaves_no_trainer_and_loses_nothing(tmp_path):
    process = study(tmp_path, 1000)
    until(has_saved(tmp_path))
    with locks.taken(str(tmp_path)) as lock:
        assert lock is None  # no other study takes the run meanwhile
    process.kill()
    process.wait()
    with locks.taken(str(tmp_path), wait=True) as lock:  # the trainer has it until it has saved
        assert lock is not None
    step = running.last_step(str(tmp_path / "run"))
    assert 8 <= step < 1000
    train(tmp_path, **{"": step + 10})
    assert said(tmp_path)[1:] == [f"phases ; from {step} to {step + 10}"]
