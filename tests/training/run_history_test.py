"""What a run directory says about the settings that its steps were trained with."""

import dataclasses

import pytest

from tfinpaint.runs import write_run
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training.run_history import (
    changes,
    history_of,
    history_text,
    ignored_start,
    is_unchanged,
    with_old_start,
)

FIRST = TrainSettings("multistage", PhotoSettings("samples:"), HoleSettings())
SLOW = dataclasses.replace(FIRST, learning_rate=1e-5, steps=5000)
FAST = dataclasses.replace(FIRST, learning_rate=1e-3)


def go_on(folder, settings, step):
    """What `train` does with the record of a run. -> the changes that it tells."""
    history = history_of(str(folder), settings, step)
    write_run(str(folder), settings, history=history_text(history))
    return changes(history)


def test_a_change_is_told_at_every_later_resume(tmp_path):
    assert go_on(tmp_path, FIRST, None) == []
    assert go_on(tmp_path, dataclasses.replace(FIRST, steps=2000, log_every=1), 1000) == []
    assert not (tmp_path / "history.json").exists()
    once = ["`learning_rate` was None up to step 2000 and is 1e-05 from there"]
    assert go_on(tmp_path, SLOW, 2000) == once
    assert go_on(tmp_path, SLOW, 3000) == once
    back = "`learning_rate` was 1e-05 up to step 4000 and is None from there"
    assert go_on(tmp_path, FIRST, 4000) == [*once, back]


def test_changes_after_the_step_that_a_run_goes_on_from_are_forgotten(tmp_path):
    go_on(tmp_path, FIRST, None)
    go_on(tmp_path, SLOW, 2000)
    # no step was trained at 1e-5 before this one
    fast = "`learning_rate` was None up to step 2000 and is 0.001 from there"
    assert go_on(tmp_path, FAST, 2000) == [fast]
    assert go_on(tmp_path, FAST, 1000) == [fast.replace("2000", "1000")]
    assert go_on(tmp_path, FIRST, 500) == []
    assert not (tmp_path / "history.json").exists()


def test_changes_are_named_as_arguments_that_commands_turn_into_flags(tmp_path):
    go_on(tmp_path, FIRST, None)
    changed = dataclasses.replace(
        FIRST,
        photos=PhotoSettings("folder:a"),
        holes=HoleSettings("box"),
        loss_weights=(("style", 0.5),),
    )
    assert sorted(line.partition(" up to")[0] for line in go_on(tmp_path, changed, 7)) == [
        "`kind` was strokes",
        "`loss_weights['style']` was None",
        "`source` was samples:",
    ]
    assert is_unchanged(str(tmp_path), changed) and not is_unchanged(str(tmp_path), FIRST)


@pytest.mark.parametrize("text", ["", "[]", "{}", '[{"after_step": 5, "settings": {}}]', "[1]"])
def test_a_damaged_history_is_one_line(tmp_path, text):
    go_on(tmp_path, FIRST, None)
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(SettingsError, match="`run_dir='.*'`: its history.json cannot be read: "):
        history_of(str(tmp_path), FIRST, 5)


def test_a_run_that_goes_on_keeps_the_weights_that_it_began_with_in_its_flags(tmp_path):
    run = str(tmp_path)
    assert ignored_start(run, "runs/b") and with_old_start(run, "--steps=2\n") == "--steps=2\n"
    write_run(run, FIRST, "--init_from=runs/a\n--steps=1\n")
    for line in ("", "--init_from=runs/b\n"):
        kept = with_old_start(run, f"{line}--steps=2\n")
        assert sorted(kept.splitlines()) == ["--init_from=runs/a", "--steps=2"]
    same = "--batch_size=1\n--init_from=runs/a\n--steps=2\n"
    assert with_old_start(run, same) == same
    assert ignored_start(run, None) == ignored_start(run, "runs/a") == []
    assert ignored_start(run, "runs/b") == [
        "`init_from='runs/b'` is for new runs: this one goes on with its own weights"
    ]
