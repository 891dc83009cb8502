"""Trains all systems at equal cost and compares them: docs/study.md.

    nice -n 19 python -m tools.study --photos=PHOTOS --output=runs/study \\
        --perceptual_weights=vgg16.h5 --lpips_weights=alexnet.npz
    python -m tools.study --plan --output=runs/study
    python -m tools.study --tables_only --page=docs/study.md
    python -m tools.study --measure_costs --photos=PHOTOS --perceptual_weights=vgg16.h5

PHOTOS has the folders facades/train, facades/val, free/train and free/val. Runs are made one after
the other (studies/plan.py). Each is trained for the steps that --minutes of two cores allow on the
machine of studies/costs.json, and then measured. OUTPUT gets a folder for each run, tables.md and
pictures. The result of a run is kept in RESULTS/NAME.json, and the tables are made from these
files. A run that has such a file is not made again, unless it is to get more minutes or other
steps. After an interruption, the same command goes on where it ended. With only RESULTS, another
machine can make the missing runs. Several processes may share an OUTPUT: each takes runs that no
other process has. The command needs Linux.
"""

import os
import re
import signal
import subprocess
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from absl import flags

from tfinpaint import command, settings
from tfinpaint.settings import SettingsError
from tools.studies import (
    cost_measuring,
    costs,
    locks,
    measuring,
    records,
    results,
    running,
    same_settings,
    tables,
)
from tools.studies.costs import Costs
from tools.studies.plan import FULL, SETS, Run, plan

settings.define_flags("output", "perceptual_weights", "lpips_weights")
_PHOTOS = flags.DEFINE_string(
    "photos", None, "Folder with facades/train, facades/val, free/train and free/val."
)
_MINUTES = flags.DEFINE_float(
    "minutes",
    40.0,
    "Cost of each run, in minutes of two cores of the machine in --costs: 120 processor seconds "
    "for each minute.",
)
_ONLY = flags.DEFINE_string(
    "only",
    None,
    "Runs to make: a regular expression that matches whole names, or names separated by commas. "
    "Default: all.",
)
_RESULTS = flags.DEFINE_string(
    "results", "docs/study", "Folder of the results, with a small file for each run."
)
_COSTS = flags.DEFINE_string(
    "costs",
    None,
    "Table (.json) of what a step of each run costs. Default: tools/studies/costs.json.",
)
_MEASURE_COSTS = flags.DEFINE_bool(
    "measure_costs", False, "Measure the costs that --costs lacks, and write them there."
)
_PLAN = flags.DEFINE_bool("plan", False, "Print the runs and how far each is; make none.")
_TABLES_ONLY = flags.DEFINE_bool(
    "tables_only", False, "Write the tables and pictures of --results; make no run."
)
_PAGE = flags.DEFINE_string(
    "page", None, "Page (.md) whose marked regions get the tables, in addition to OUTPUT/tables.md."
)


def main() -> None:
    output = flags.FLAGS.output
    if not 0 < _MINUTES.value < float("inf"):
        raise SettingsError(f"--minutes is above 0. Got {_MINUTES.value:g}")
    wanted = chosen(_ONLY.value)
    costs_path = _COSTS.value or costs.COSTS
    table = costs.read(costs_path)
    if _PLAN.value:
        print("\n".join(_progress(run, table) for run in wanted))
        return
    if _MEASURE_COSTS.value:
        _check_inputs(wanted)
        settings.check_writable("costs", os.path.dirname(os.path.abspath(costs_path)))
        _handle_sigterm()
        cost_measuring.fill(costs_path, wanted, _trainer, command.say, command.warn)
        return
    if _TABLES_ONLY.value:
        if not output and not _PAGE.value:
            raise SettingsError("--tables_only writes to --page, to --output, or to both")
        if not os.path.isdir(_RESULTS.value):
            raise SettingsError(f"--results={_RESULTS.value} is no folder: nothing was run")
    else:
        if not output:
            raise SettingsError("--output is missing: the folder of the study")
        _check_inputs(wanted)
        table.check([run for run in wanted if not _is_done(run, table)])
        settings.check_writable("results", _RESULTS.value)
    if output:
        settings.check_writable("output", output)
    _show_tables()  # finds a --page that cannot be filled now, and not only after hours
    if not _TABLES_ONLY.value:
        _handle_sigterm()
        _make(wanted, table)
    found, written = _show_tables()
    if _PHOTOS.value and output:
        from tools.studies import pictures  # imported late, because it loads TensorFlow

        written += pictures.write(found, _PHOTOS.value, output)
    command.say("\n".join(written))


def chosen(only: Optional[str]) -> List[Run]:
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


def _check_inputs(wanted: List[Run]) -> None:
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
    if not _given("perceptual_weights") and any(run.regime == FULL for run in wanted):
        raise SettingsError(
            "--perceptual_weights is missing: the file of VGG-16 for the runs with all terms "
            "(--only='.*-reconstruction-.*' leaves them out)"
        )


def _given(name: str) -> str:
    """The value of a flag if it was given, else "". (Its default is for other commands.)"""
    flag = flags.FLAGS[name]
    return (flag.value or "") if flag.present else ""


def _handle_sigterm() -> None:
    """Makes SIGTERM act as Ctrl-C: processes that were started end first, and a training saves."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _trainer(run: Run) -> List[str]:
    """The words of the command that trains a run, without run directory and steps."""
    return [sys.executable, "-m", "tfinpaint.train", *_flags(run)]


def _flags(run: Run) -> List[str]:
    return run.flags(_PHOTOS.value or "", _given("perceptual_weights"))


def _check_settings(run: Run, run_dir: str) -> None:
    """Raises Failed if a run directory was made with other settings, or if they are unreadable."""
    try:
        others = same_settings.differences(run_dir, _flags(run))
    except subprocess.CalledProcessError as error:
        raise running.Failed(f"its flags cannot be read: {_end_of(error.stderr, error)}") from None
    except (OSError, ValueError, TypeError) as error:
        raise running.Failed(f"the settings of {run_dir} cannot be read: {error}") from None
    if others:
        raise running.Failed(f"{run_dir} was made with another {', '.join(others)}: move it away")


def _end_of(said: str, error: Exception) -> str:
    """The last line of a process' output; if there is none, its error."""
    return (said.strip().splitlines() or [str(error)])[-1]


def _is_done(run: Run, table: Costs) -> bool:
    """Whether a run has a result with more minutes than --minutes, or as many and the right steps.

    The table gives the steps. If it lacks the cost of the run, any number will do.
    """
    record = records.read(_RESULTS.value, run.name)
    if record is None or record.minutes < _MINUTES.value:
        return False
    if record.minutes > _MINUTES.value or table.lacks(run):
        return True
    return record.steps == sum(table.steps(run, _MINUTES.value).values())


def _is_complete(figures: Dict[str, Dict[str, Any]]) -> bool:
    """Whether the figures of a run, {block: {column: ...}}, have LPIPS or need not have it."""
    return not _given("lpips_weights") or measuring.has_lpips(figures)


def _make(wanted: List[Run], table: Costs) -> None:
    """Makes the runs: first those that no other process has, then those that another had."""
    for data in sorted({run.data for run in wanted}):
        _measure_references(data)
    others = [run for run in wanted if not _make_one(run, table)]
    for run in others:
        _make_one(run, table, wait=True)


def _measure_references(data: str) -> None:
    name = records.reference_name(data)
    folder = os.path.join(flags.FLAGS.output, name)
    with locks.taken(folder, wait=True) as lock:
        record = records.read(_RESULTS.value, name)
        if record is None or not all(map(_is_complete, record.figures.values())):
            try:
                _measure(measuring.REFERENCES, data, folder, lock)
            except running.Failed as failure:
                command.warn(f"{name}: {failure}")
                return
            records.write(_RESULTS.value, measuring.of_references(folder, name))


def _make_one(run: Run, table: Costs, wait: bool = False) -> bool:
    """Trains and measures a run, as far as that is not done yet.

    wait: whether to wait for another process that has the run.

    Returns: False if another process has it.
    """
    folder = os.path.join(flags.FLAGS.output, run.name)
    with locks.taken(folder, wait) as lock:
        if lock is None:
            return False
        if _is_done(run, table):
            _add_lpips(run, folder, lock)
            return True
        counts = table.steps(run, _MINUTES.value)
        steps, run_dir = sum(counts.values()), os.path.join(folder, running.RUN)
        try:
            _check_settings(run, run_dir)
            if not running.is_trained(run_dir, counts):
                command.say(f"{run.name}: trains")
                measuring.forget(folder)
            running.train(_trainer(run), folder, counts, lock)
            _measure([run_dir], run.data, folder, lock, steps)
        except running.Failed as failure:
            command.warn(f"{run.name} failed: {failure}")
            return True
        record = measuring.of_run(folder, run.name, _MINUTES.value)
        if record.steps != steps:
            command.warn(f"{run.name} failed: it was measured at step {record.steps}, not {steps}")
            return True
        records.write(_RESULTS.value, record)
        command.say(_progress(run, table))
        _show_tables()
    return True


def _add_lpips(run: Run, folder: str, lock: int) -> None:
    """Measures a finished run again, if its result lacks LPIPS and its network is still there."""
    record = records.read(_RESULTS.value, run.name)
    assert record is not None  # it is done
    if _is_complete(record.figures):
        return
    run_dir = os.path.join(folder, running.RUN)
    if running.last_step(run_dir) != record.steps:
        command.warn(f"{run.name}: its result stays without LPIPS, its network is not in {run_dir}")
        return
    try:
        _measure([run_dir], run.data, folder, lock, record.steps)
    except running.Failed as failure:
        command.warn(f"{run.name}: its result stays without LPIPS: {failure}")
        return
    records.write(_RESULTS.value, measuring.of_run(folder, run.name, record.minutes))
    command.say(f"{run.name}: has LPIPS now")


def _measure(
    models: Sequence[str],
    data: str,
    folder: str,
    lock: Optional[int],
    steps: Optional[int] = None,
) -> None:
    """Measures models on a set, unless that is done. Raises Failed if it is impossible."""
    photos, weights = _PHOTOS.value or "", _given("lpips_weights")
    assert lock is not None
    try:
        measuring.measure(models, photos, data, folder, weights, lock, steps)
    except subprocess.CalledProcessError as error:
        raise running.Failed(f"it cannot be measured: {_end_of(error.stdout, error)}") from None


def _progress(run: Run, table: Costs) -> str:
    """One line about a run: its result and, if it is not done, how far it is."""
    record = records.read(_RESULTS.value, run.name)
    parts = []
    if record:
        psnr = ", ".join(
            f"{block} {np.nanmean(np.array(columns['psnr_in_hole'], float)):.2f} dB"
            for block, columns in record.figures.items()
        )
        parts.append(
            f"{record.minutes:g} minutes, {record.steps:,} steps; PSNR in the hole: {psnr}"
        )
    if not _is_done(run, table):
        if table.lacks(run):
            parts.append("its cost is not measured")
        else:
            steps = sum(table.steps(run, _MINUTES.value).values())
            output = flags.FLAGS.output
            path = output and os.path.join(output, run.name, running.RUN)
            step = running.last_step(path) if path else 0
            parts.append(f"{step:,} of {steps:,} steps" + (", not measured" * (step == steps)))
    return f"{run.name}: {'; now '.join(parts)}"


def _show_tables() -> Tuple[results.Results, List[str]]:
    """Writes the tables of all results. Returns the results and the paths of the files."""
    found = results.read(_RESULTS.value)
    parts = tables.tables(found)
    written = []
    if _PAGE.value:
        tables.fill(_PAGE.value, parts)
        written.append(_PAGE.value)
    if flags.FLAGS.output:
        os.makedirs(flags.FLAGS.output, exist_ok=True)
        written.append(os.path.join(flags.FLAGS.output, "tables.md"))
        tables.write(parts, written[-1])
    return found, written


if __name__ == "__main__":
    command.run(main)
