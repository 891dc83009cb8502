"""A run of the study gets its processor time, no more and no less, whatever ends it on the way."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tools.studies import records, running
from tools.studies.records import Record

ROOT = pathlib.Path(__file__).resolve().parents[3]
TRAINER = str(pathlib.Path(__file__).with_name("trainer.py"))


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(running, "_LOOK", 0.02)


def command(*more, seconds=0.05, every=4):
    return lambda flags: [sys.executable, TRAINER, str(seconds), str(every), *flags, *more]


def train(folder, record, phases=(), **how):
    with records.taken(str(folder)) as lock:
        assert lock is not None
        running.train(command(**how), str(folder), record, lock, phases)


def test_a_run_gets_its_budget(tmp_path):
    record = Record(budget=1.0)
    train(tmp_path, record)
    # a step is the most that it has too much
    assert 1.0 <= record.seconds < 1.2
    # the start of 0.3 s and the first step do not count: 20 steps and the first
    assert 19 <= record.step <= 24
    assert record.done and record.starts == 1 and record.parameters == 1_234_567
    assert records.read(str(tmp_path)) == record
    kept = os.listdir(tmp_path / "run" / "checkpoints")
    assert sorted(kept) == [
        f"ckpt-{record.step}.data-00000-of-00001",
        f"ckpt-{record.step}.index",
    ]


def test_a_run_that_is_done_is_left(tmp_path):
    record = Record(budget=1.0, seconds=1.0, step=7)
    train(tmp_path, record)
    assert record.starts == 0 and record.done


def study(folder, budget):
    """A process that trains as the study does, in its own session."""
    code = textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(ROOT)!r}]
        import signal
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from tools.studies import records, running
        running._LOOK = 0.02
        with records.taken({str(folder)!r}) as lock:
            record = records.read({str(folder)!r}) or records.Record(budget={budget})
            running.train(
                lambda flags: [sys.executable, {TRAINER!r}, "0.05", "4", *flags],
                {str(folder)!r}, record, lock)
    """)
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_that_is_interrupted_goes_on_with_its_cost(tmp_path):
    process = study(tmp_path, 2.0)
    wait_for(lambda: (record := records.read(str(tmp_path))) and record.step >= 8)
    process.terminate()
    assert process.wait(30) == -signal.SIGINT  # Python's own end by KeyboardInterrupt
    record = records.read(str(tmp_path))
    assert not record.done and record.step >= 8
    # it saved: nothing is lost but what the process took after it was told
    assert running.last_step(str(tmp_path)) == record.step
    assert record.seconds == pytest.approx(0.05 * (record.step - 1), abs=0.2)
    process = study(tmp_path, 2.0)
    assert process.wait(60) == 0
    after = records.read(str(tmp_path))
    assert after.done and after.starts == 2 and 2.0 <= after.seconds < 2.3
    # each start's first step is not counted
    assert 0.05 * (after.step - 2) == pytest.approx(2.0, abs=0.4)


def test_a_study_that_is_killed_leaves_no_trainer_and_loses_one_interval(tmp_path):
    process = study(tmp_path, 2.0)
    wait_for(lambda: (record := records.read(str(tmp_path))) and record.step >= 8)
    process.kill()
    process.wait()

    def free():
        with records.taken(str(tmp_path)) as lock:
            return lock is not None

    wait_for(free)  # the trainer has the lock until it has saved
    before = records.read(str(tmp_path))
    assert before.step >= 8 and before.step % 4 == 0 and before.seconds < 2.0
    saved = running.last_step(str(tmp_path))
    assert saved > before.step  # the trainer saved a step whose cost nobody recorded
    assert study(tmp_path, 2.0).wait(60) == 0
    log = (tmp_path / "train.log").read_text()
    assert f"from {before.step}\n" in log and f"from {saved}\n" not in log
    after = records.read(str(tmp_path))
    assert after.done and 2.0 <= after.seconds < 2.3


def test_a_folder_is_taken_once(tmp_path):
    process = study(tmp_path, 30.0)
    wait_for(lambda: (record := records.read(str(tmp_path))) and record.step)
    with records.taken(str(tmp_path)) as lock:
        assert lock is None
    process.terminate()
    with records.taken(str(tmp_path), wait=True) as lock:
        assert lock is not None and process.wait(30)


def test_a_training_that_ends_by_itself(tmp_path):
    record = Record(budget=1.0)
    with (
        pytest.raises(running.Failed, match="a loss is not finite"),
        records.taken(str(tmp_path)) as lock,
    ):
        running.train(command("--fail=1"), str(tmp_path), record, lock)
    found = json.loads((tmp_path / "record.json").read_text())
    assert found["failure"] == "a loss is not finite" and not found["done"]
    train(tmp_path, record)  # and once more, without the fault
    assert record.done and record.failure is None


def test_phases_get_their_shares(tmp_path):
    record = Record(budget=2.0)
    train(tmp_path, record, (("edges", 0.25), ("inpainting", 0.5), ("joint", 0.25)))
    first, second = record.phases["inpainting"], record.phases["joint"]
    assert record.phases["edges"] == 0 and record.starts == 3
    assert 0.05 * first == pytest.approx(0.5, abs=0.2)
    assert 0.05 * (second - first) == pytest.approx(1.0, abs=0.3)
    said = [line for line in (tmp_path / "train.log").read_text().splitlines() if "fake" in line]
    assert [line.partition("phases ")[2] for line in said] == [
        "edges; from 0",
        f"edges:{first},inpainting; from {first}",
        f"edges:{first},inpainting:{second - first},joint; from {second}",
    ]


@pytest.mark.parametrize(
    "seconds, name, end", [(0, "a", 2), (1.9, "a", 2), (2, "b", 7), (7.5, "c", 10)]
)
def test_which_phase_is_next(seconds, name, end):
    shares = (("a", 0.2), ("b", 0.5), ("c", 0.3))
    assert Record(10, seconds=seconds).phase(shares) == (name, end)
    assert Record(10, seconds=seconds).phase(()) == (None, 10)


def test_a_run_that_is_done_goes_on_at_a_higher_cost_and_keeps_what_it_had_come_to(tmp_path):
    record = Record(budget=0.6)
    train(tmp_path, record)
    step = record.step
    for kind in records.MEASURED:
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "report.json").write_text(kind)
    more = records.raised(str(tmp_path), record, 1.2, in_phases=False)
    assert (more.step, more.budget, more.done) == (step, 1.2, False)
    assert records.outcomes(str(tmp_path)) == [str(tmp_path), str(tmp_path / "after_0.6")]
    assert records.read(str(tmp_path / "after_0.6")) == record
    assert (tmp_path / "after_0.6" / "center" / "report.json").read_text() == "center"
    assert not (tmp_path / "center").exists()
    train(tmp_path, more)
    assert more.done and more.starts == 2 and 1.2 <= more.seconds < 1.5
    assert step + 9 <= more.step <= step + 15  # 0.6 s of 0.05 s a step


def test_a_run_in_phases_begins_anew_at_a_higher_cost(tmp_path):
    record = Record(budget=0.6, seconds=0.6, step=9, phases={"a": 0, "b": 5}, done=True)
    assert records.raised(str(tmp_path), record, 1.2, in_phases=True) == Record(1.2)
    assert records.read(str(tmp_path / "after_0.6")) == record


def test_a_run_that_is_not_done_only_gets_more(tmp_path):
    record = Record(budget=0.6, seconds=0.3, step=4)
    more = records.raised(str(tmp_path), record, 1.2, in_phases=False)
    assert (more.step, more.seconds, more.budget) == (4, 0.3, 1.2)
    assert records.outcomes(str(tmp_path)) == [str(tmp_path)]
