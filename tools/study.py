"""Trains all systems at equal cost and compares them: docs/study.md.

    nice -n 19 python -m tools.study --photos=PHOTOS --output=runs/study \\
        --perceptual_weights=vgg16.h5 --lpips_weights=alexnet.npz
    python -m tools.study --plan --output=runs/study
    python -m tools.study --tables_only --output=runs/study --page=docs/study.md

PHOTOS has the folders facades/train, facades/val, free/train and free/val. OUTPUT gets a folder for
each run, tables.md and pictures. Runs are made one after the other (studies/plan.py); each is
trained until it has had --minutes of two cores, measured as processor time, and measured at once.
The same command goes on where another one was ended or killed, and with more --minutes it goes on
with runs that are done. Several processes may share an
OUTPUT: each takes runs that no other has. It needs Linux.
"""

import os
import re
import signal
import subprocess
import sys
from typing import List, Sequence, Tuple

import numpy as np
from absl import flags

from tfinpaint import command, settings
from tfinpaint.settings import SettingsError
from tools.studies import measuring, records, results, running, tables
from tools.studies.plan import SETS, Run, plan

settings.define_flags("output", "perceptual_weights", "lpips_weights")
_PHOTOS = flags.DEFINE_string(
    "photos", None, "Folder with facades/train, facades/val, free/train and free/val."
)
_MINUTES = flags.DEFINE_float(
    "minutes", 40.0, "Cost of each run, in minutes of two cores: 120 processor seconds each."
)
_ONLY = flags.DEFINE_string(
    "only",
    None,
    "Runs to make: a regular expression that matches whole names, or names with "
    "commas between. Default: all.",
)
_PLAN = flags.DEFINE_bool("plan", False, "Print the runs and how far each has come; make none.")
_TABLES_ONLY = flags.DEFINE_bool(
    "tables_only", False, "Write the tables and pictures; make no run."
)
_PAGE = flags.DEFINE_string(
    "page", None, "Page (.md) whose marked regions get the tables, beside OUTPUT/tables.md."
)


def main() -> None:
    values = flags.FLAGS
    if not values.output:
        raise SettingsError("--output is missing: the folder of the study")
    if not _MINUTES.value > 0:
        raise SettingsError(f"--minutes is above 0. Got {_MINUTES.value:g}")
    wanted = chosen(_ONLY.value)
    if _PLAN.value:
        print("\n".join(_progress(values.output, run) for run in wanted))
        return
    settings.check_writable("output", values.output)
    if _TABLES_ONLY.value:
        if not os.path.isdir(values.output):
            raise SettingsError(f"--output={values.output} is no folder: nothing was run there")
    else:
        _check_inputs()
    _show_tables()  # a --page that cannot be filled is found now, not after hours
    if not _TABLES_ONLY.value:
        # SIGTERM is handled as Ctrl-C is: the training process saves first
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _make(wanted)
    found, written = _show_tables()
    if _PHOTOS.value:
        from tools.studies import pictures  # late: it imports TensorFlow

        written += pictures.write(found, _PHOTOS.value, values.output)
    command.say("\n".join(written))


def chosen(only: str) -> List[Run]:
    """The runs that --only names, in the order of the plan."""
    runs = plan()
    if not only:
        return runs
    names = [name.strip() for name in only.split(",")]
    known = {run.name for run in runs}
    if all(name in known for name in names):
        return [run for run in runs if run.name in names]
    try:
        found = [run for run in runs if re.fullmatch(only, run.name)]
    except re.error as error:
        raise SettingsError(f"--only is no regular expression: {error}. Got {only!r}") from None
    if not found:
        raise SettingsError(f"--only matches no run; --plan lists their names. Got {only!r}")
    return found


def _check_inputs() -> None:
    folder = _PHOTOS.value
    if not folder:
        raise SettingsError("--photos is missing: a folder with facades/train and so on")
    for data in SETS:
        for part in ("train", "val"):
            if not os.path.isdir(os.path.join(folder, data, part)):
                raise SettingsError(
                    "--photos has the folders facades/train, facades/val, free/train and "
                    f"free/val. Got {folder!r}, without {data}/{part}"
                )
    for name in ("perceptual_weights", "lpips_weights"):
        path = _given(name)
        if path and not os.path.isfile(path):
            raise SettingsError(f"--{name} is a file here. Got {path!r}")


def _given(name: str) -> str:
    """The value of a flag whose default is that of another command, or ""."""
    flag = flags.FLAGS[name]
    return (flag.value or "") if flag.present else ""


def _make(wanted: List[Run]) -> None:
    """Makes the runs: first those that no other process has, then those that one had."""
    for data in sorted({run.data for run in wanted}):
        folder = measuring.reference_folder(flags.FLAGS.output, data)
        with records.taken(folder, wait=True) as lock:
            _measured(measuring.REFERENCES, data, folder, lock)
    others = [run for run in wanted if not _make_one(run)]
    for run in others:
        _make_one(run, wait=True)


def _make_one(run: Run, wait: bool = False) -> bool:
    """Trains and measures a run, as far as that is to be done.

    Returns: False if another process has it.
    """
    folder = os.path.join(flags.FLAGS.output, run.name)
    budget = 120 * _MINUTES.value
    with records.taken(folder, wait) as lock:
        if lock is None:
            return False
        record = records.read(folder) or records.Record(budget)
        if budget > record.budget:
            record = records.raised(folder, record, budget, bool(run.phases))
            record.write(folder)
        if not record.done:
            command.say(f"{run.name}: trains")
            if record.budget != budget:
                command.warn(f"{run.name} keeps the {record.budget:g} s that it began with")
            own = run.flags(_PHOTOS.value, _given("perceptual_weights"))
            start = [sys.executable, "-m", "tfinpaint.train", *own]
            try:
                running.train(lambda more: [*start, *more], folder, record, lock, run.phases)
            except running.Failed as failure:
                command.warn(f"{run.name} failed: {failure}")
                return True
        model = os.path.join(folder, records.RUN)
        if not measuring.is_measured(folder) and _measured([model], run.data, folder, lock):
            command.say(_progress(flags.FLAGS.output, run))
            _show_tables()
    return True


def _measured(models: Sequence[str], data: str, folder: str, lock: int) -> bool:
    """Measures models on a set, unless that is done. Returns whether it went well."""
    try:
        measuring.measure(models, _PHOTOS.value, data, folder, _given("lpips_weights"), lock)
    except subprocess.CalledProcessError as error:
        said = error.stdout.strip().splitlines() or [str(error)]
        command.warn(f"{os.path.basename(folder)} cannot be measured: {said[-1]}")
        return False
    return True


def _progress(output: str, run: Run) -> str:
    """One line about a run."""
    folder = os.path.join(output, run.name)
    record = records.read(folder)
    if record is None:
        return f"{run.name}: not begun"
    done = f"{record.seconds:,.0f} of {record.budget:,.0f} s, {record.step:,} steps"
    if record.failure:
        return f"{run.name}: failed after {done}: {record.failure}"
    if not record.done:
        return f"{run.name}: {done}"
    if not measuring.is_measured(folder):
        return f"{run.name}: {done}, not measured"
    found = [
        f"{block} {np.nanmean(next(iter(models.values()))['psnr_in_hole']):.2f} dB"
        for block, models in measuring.figures(folder, {}).items()
    ]
    return f"{run.name}: {done}; PSNR in the hole: {', '.join(found)}"


def _show_tables() -> Tuple[results.Results, List[str]]:
    """Writes the tables of what is finished. Returns it, and the paths of the files."""
    output = flags.FLAGS.output
    found = results.read(output)
    parts = tables.tables(found)
    if _PAGE.value:
        tables.fill(_PAGE.value, parts)
    os.makedirs(output, exist_ok=True)
    tables.write(parts, os.path.join(output, "tables.md"))
    return found, [os.path.join(output, "tables.md")]


if __name__ == "__main__":
    command.run(main)
