"""Whether a run can begin or go on in a folder, and which settings it has been trained with.

    check_run("runs/mine", settings, resume=True)
    history = history_of("runs/mine", settings, step=4000)      # [(0, settings), (4000, settings)]
    changes(history)        # ["`learning_rate` was 0.0002 up to step 4000 and is 1e-05 from there"]

flags.txt no longer repeats a run that was resumed with other settings. The history of such a run,
history.json, keeps the settings of its earlier steps. A run without a change has no such file.
"""

import json
import os
from typing import Any, Dict, List, Optional, Tuple

from tfinpaint import packed
from tfinpaint.runs import HISTORY_FILE, content_of, differing, read_run, read_settings
from tfinpaint.settings import (
    SettingsError,
    TrainSettings,
    check_utf8,
    first_line,
    to_json,
    train_settings_from_json,
)
from tfinpaint.systems import all_settings

# Settings that are not reported as changed when a run is resumed.
_MAY_CHANGE = (
    "steps",
    "checkpoint_every",
    "log_every",
    "sample_every",
    "eval_every",
    "warn_after",
    "jit_compile",
    "skip_bad_steps",
)
_START = "--init_from="  # the beginning of this flag's line in flags.txt

# (step, the settings of the steps after it), in order, from step 0
History = List[Tuple[int, TrainSettings]]


def check_run(run_dir: str, settings: TrainSettings, resume: bool = False) -> None:
    """Checks whether a run with these settings can begin, or go on, in `run_dir`. Writes nothing.

    Raises: SettingsError for a directory that is not empty (without `resume`), or that holds a
        packed model or a run of another system.
    """
    check_utf8("run_dir", run_dir)
    if not os.path.isdir(run_dir) or not content_of(run_dir):
        return
    if not resume:
        raise SettingsError(
            f"`run_dir={run_dir!r}` is not empty: `resume` goes on with the run in it, another "
            "`run_dir` starts a new one"
        )
    check_not_packed(run_dir)
    there = read_settings(run_dir, "run_dir")
    for name in ("system", "variant", "system_settings"):
        old, new = _of_system(there, settings, name)
        if old != new:
            raise SettingsError(
                f"`run_dir={run_dir!r}` holds a run with {old}, not {new}: it cannot be resumed "
                "with these flags"
            )


def check_not_packed(run_dir: str) -> None:
    """Raises SettingsError if `run_dir` holds a packed model.

    A run would write checkpoints beside it, and `load` would still open the packed model.
    """
    if packed.is_packed(run_dir):
        raise SettingsError(
            f"`run_dir={run_dir!r}` is a packed model, which cannot be resumed: start a new run "
            "from it with `init_from`"
        )


def is_unchanged(run_dir: str, settings: TrainSettings) -> bool:
    """Whether the run in `run_dir` was last started with the same settings, except _MAY_CHANGE."""
    return not _differences(read_settings(run_dir, "run_dir"), settings)


def history_of(run_dir: str, settings: TrainSettings, step: Optional[int]) -> History:
    """The history of a run that goes on with `settings` after `step`; None for a new run.

    Changes after `step` are left out, because those steps are taken again.

    Raises: SettingsError if the history in `run_dir` is damaged.
    """
    if step is None:
        return [(0, settings)]
    history = [entry for entry in _read(run_dir) if entry[0] <= step]
    if not _differences(history[-1][1], settings):
        return history
    if len(history) > 1 and history[-1][0] == step:
        history.pop()  # no step was taken with these settings
    if not _differences(history[-1][1], settings):
        return history
    return [*history, (step, settings)]


def changes(history: History) -> List[str]:
    """A line for each change of a setting, except _MAY_CHANGE."""
    return [
        f"`{name}` was {old} up to step {step} and is {new} from there"
        for (_, before), (step, after) in zip(history, history[1:])
        for name, (old, new) in _differences(before, after).items()
    ]


def history_text(history: History) -> str:
    """The text of history.json; empty if there was no change."""
    if len(history) == 1:
        return ""
    entries = [
        {"after_step": step, "settings": json.loads(to_json(settings))}
        for step, settings in history
    ]
    return json.dumps(entries, indent=1) + "\n"


def with_old_start(run_dir: str, flags_text: str) -> str:
    """The text of flags.txt for a resumed run. It keeps the `init_from` that the run began with.

    flags_text: the flags that the run is resumed with.
    """
    lines, old = flags_text.splitlines(keepends=True), _old_start(run_dir)
    if not lines or [line for line in lines if line.startswith(_START)] == old:
        return flags_text
    return "".join([line for line in lines if not line.startswith(_START)] + old)


def ignored_start(run_dir: str, init_from: Optional[str]) -> List[str]:
    """A note if a run is resumed with another `init_from` than it began with; else no line."""
    if not init_from or f"{_START}{init_from}\n" in _old_start(run_dir):
        return []
    return [f"`init_from={init_from!r}` is for new runs: this one goes on with its own weights"]


def _old_start(run_dir: str) -> List[str]:
    try:
        text = read_run(run_dir, "run_dir").flags_text()
    except SettingsError:  # no flags.txt: then nothing can be kept
        return []
    return [line for line in text.splitlines(keepends=True) if line.startswith(_START)]


def _read(run_dir: str) -> History:
    path = os.path.join(run_dir, HISTORY_FILE)
    if not os.path.lexists(path):
        return [(0, read_settings(run_dir, "run_dir"))]
    try:
        with open(path, encoding="utf-8") as f:
            found = [
                (int(entry["after_step"]), train_settings_from_json(json.dumps(entry["settings"])))
                for entry in json.load(f)
            ]
        if not found or found[0][0] != 0:
            raise ValueError("it does not begin at step 0")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"`run_dir={run_dir!r}`: its {HISTORY_FILE} cannot be read: {first_line(error)}"
        ) from error
    return found


def _differences(old: TrainSettings, new: TrainSettings) -> Dict[str, Tuple[Any, Any]]:
    """{argument: (old value, new value)} of the settings that differ, except _MAY_CHANGE."""
    before, after = _flat(old), _flat(new)
    return {
        name: (before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def _flat(settings):
    values = {**vars(settings), **vars(settings.photos), **vars(settings.holes)}
    weights = {f"loss_weights[{term!r}]": value for term, value in settings.loss_weights}
    left = (*_MAY_CHANGE, "photos", "holes", "system_settings", "loss_weights")
    return {**{name: value for name, value in values.items() if name not in left}, **weights}


def _of_system(old, new, name):
    """An attribute of two settings in words. Of the system's settings, only those that differ."""
    pair = getattr(old, name), getattr(new, name)
    if name != "system_settings":
        return tuple(f"`{name}={value!r}`" for value in pair)
    return differing(*(all_settings(old.system, **dict(values)) for values in pair))
