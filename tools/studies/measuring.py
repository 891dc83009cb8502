"""Measures a run of the study with tfinpaint.evaluate, and reads the figures.

    measure(models, photos, data, folder, lpips_weights, lock)    # folder/center, folder/strokes
    record = of_run(folder, name, minutes)                        # records.Record
    forget(folder)                                                # measure again next time

The command runs in a process of its own. Its four files stay in the folder of the run: report.html
has plots, and the best, the median and the worst photograph of each kind of hole.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence

from tools.studies.plan import SIDE
from tools.studies.records import Record

REFERENCES = ("telea", "navier_stokes", "mean")
PROTOCOL = "default"
BINS = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))  # shares of missing pixels of strokes
HOLES = ("center", "strokes")  # kinds of holes
# Titles of the blocks in report.json.
BLOCKS = ("center", "10-20 %", "30-40 %", "50-60 %")
# Columns in report.json.
COLUMNS = ("psnr_in_hole", "l1_in_hole", "ssim_in_hole", "lpips")
_REPORT = "report.json"


def measure(
    models: Sequence[str],
    photos: str,
    data: str,
    folder: str,
    lpips_weights: str,
    lock: int,
    steps: Optional[int] = None,
) -> None:
    """Measures models on the photographs in PHOTOS/DATA/val, with both kinds of hole.

    A photograph that cannot be read is left out. The report is written all the same, although
    `evaluate` then ends with status 1.

    models:  run directories or names of references.
    photos:  the folder of the sets.
    data:    the set.
    folder:  gets a folder for each kind of hole. A report that is there already is kept if it is of
             the same photographs and its model was at `steps` (None: at any step).
    lpips_weights: file of LPIPS weights; "" for no LPIPS.
    lock:    the file descriptor that the process holds too (locks.py).

    Raises: CalledProcessError, with the output of the command, if it made no report.
    """
    source = f"folder:{os.path.join(photos, data, 'val')}"
    bins = ",".join(f"{low:g}-{high:g}" for low, high in BINS)
    for kind in HOLES:
        output = os.path.join(folder, kind)
        there = _report(output)
        if there and _is_of(there, steps, source) and (not lpips_weights or _has_lpips(there)):
            continue
        words: List[str] = [
            *(sys.executable, "-m", "tfinpaint.evaluate"),
            f"--model={','.join(models)}",
            f"--data={source}",
            f"--holes={kind}",
            f"--image_size={SIDE}",
            f"--protocol={PROTOCOL}",
            "--noreferences",
            f"--output={output}",
        ]
        if kind == "strokes":
            words.append(f"--ratio_bins={bins}")
        if lpips_weights:
            words.append(f"--lpips_weights={lpips_weights}")
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(output, _REPORT))
        done = subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
        )
        if _report(output) is None:
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout)


def has_lpips(figures: Dict[str, Dict[str, Any]]) -> bool:
    """Whether the figures of a run, {block: {column: ...}}, have LPIPS."""
    return all("lpips" in columns for columns in figures.values())


def _has_lpips(report: Dict[str, Any]) -> bool:
    return all(has_lpips(block["models"]) for block in report["blocks"])


def _is_of(report: Dict[str, Any], steps: Optional[int], source: str) -> bool:
    """Whether a report is of these photographs and of a model at the step `steps`; None: any."""
    if report["settings"]["data"] != source:
        return False
    return steps is None or [about["steps"] for about in report["models"].values()] == [steps]


def forget(folder: str) -> None:
    """Removes the reports in a folder, because its model is about to change."""
    for kind in HOLES:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, kind, _REPORT))


def of_run(folder: str, name: str, minutes: float) -> Record:
    """The record of a run that was measured in a folder. minutes: its cost."""
    record = _record(folder, name)
    (model,) = record.figures
    about = next(_reports(folder))["models"][model]
    return dataclasses.replace(
        record,
        figures=record.figures[model],
        minutes=minutes,
        steps=about["steps"],
        parameters=about["parameters"],
    )


def of_references(folder: str, name: str) -> Record:
    """The record of the references that were measured in a folder."""
    return _record(folder, name)


def _record(folder: str, name: str) -> Record:
    names: List[str] = []
    figures: Dict[str, Dict[str, Dict[str, List[Optional[float]]]]] = {}
    blocks = [block for report in _reports(folder) for block in report["blocks"]]
    for block in blocks:
        names += [photograph for photograph in block["photographs"] if photograph not in names]
    for block in blocks:
        for model, columns in block["models"].items():
            figures.setdefault(model, {})[block["title"]] = {
                column: in_order(columns[column]["each"], block["photographs"], names)
                for column in COLUMNS
                if column in columns
            }
    versions = next(_reports(folder))["versions"]
    return Record(
        name, versions["commit"], versions["made"], versions["tensorflow"], names, figures
    )


def in_order(each: List, names: List[str], order: List[str]) -> List:
    """Values of the photographs `names` in another order; None for a photograph without one."""
    values = dict(zip(names, each))
    return [values.get(name) for name in order]


def _reports(folder: str) -> Iterator[Dict[str, Any]]:
    for kind in HOLES:
        report = _report(os.path.join(folder, kind))
        assert report is not None  # it was measured
        yield report


def _report(folder: str) -> Optional[Dict[str, Any]]:
    try:
        with open(os.path.join(folder, _REPORT), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
