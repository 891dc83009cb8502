"""Measures a run of the study with tfinpaint.evaluate, and reads what came out.

    measure(models, photos, data, folder, lpips_weights, lock)    # folder/center, folder/strokes
    figures(folder, {})                                           # {block: {model: {column: [N]}}}

The command runs in a process of its own. Its four files stay in the folder of the run: report.html
has plots, and the best, the median and the worst photograph of each kind of hole.
"""

import json
import os
import subprocess
import sys
from typing import Dict, List, Sequence

import numpy as np

from tools.studies.plan import SIDE
from tools.studies.records import MEASURED

REFERENCES = ("telea", "navier_stokes", "mean")
PROTOCOL = "default"
BINS = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))  # shares of missing pixels, of strokes
HOLES = MEASURED  # kinds of holes
# their titles in report.json
BLOCKS = ("center", "10-20 %", "30-40 %", "50-60 %")
# columns of report.json
COLUMNS = ("psnr_in_hole", "l1_in_hole", "ssim_in_hole", "lpips")

Figures = Dict[str, Dict[str, Dict[str, np.ndarray]]]


def measure(
    models: Sequence[str], photos: str, data: str, folder: str, lpips_weights: str, lock: int
) -> None:
    """Fills the photographs of data/val by all models, on both kinds of hole.

    models:  run directories or names of references.
    folder:  gets a folder for each kind of hole. What is there already is left.

    Raises: CalledProcessError with what the command said.
    """
    bins = ",".join(f"{low:g}-{high:g}" for low, high in BINS)
    for kind in HOLES:
        output = os.path.join(folder, kind)
        if os.path.isfile(os.path.join(output, "report.json")):
            continue
        words: List[str] = [
            *(sys.executable, "-m", "tfinpaint.evaluate"),
            f"--model={','.join(models)}",
            f"--data=folder:{os.path.join(photos, data, 'val')}",
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
        subprocess.run(
            words,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
        )


def is_measured(folder: str) -> bool:
    return all(os.path.isfile(os.path.join(folder, kind, "report.json")) for kind in HOLES)


def figures(folder: str, photographs: Dict[str, List[str]]) -> Figures:
    """Every photograph's figures: {block: {model: {column: float [N]}}}; nan where left out.

    photographs:  {block: names}, which give the order; gets those of blocks that it lacks.
    """
    found: Figures = {}
    for kind in HOLES:
        with open(os.path.join(folder, kind, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        for block in report["blocks"]:
            order = photographs.setdefault(block["title"], block["photographs"])
            found[block["title"]] = {
                model: {
                    column: _in_order(columns[column]["each"], block["photographs"], order)
                    for column in COLUMNS
                    if column in columns
                }
                for model, columns in block["models"].items()
            }
    return found


def _in_order(each: List, names: List[str], order: List[str]) -> np.ndarray:
    values = dict(zip(names, each))
    return np.array([np.nan if (v := values.get(name)) is None else v for name in order])


def reference_folder(output: str, data: str) -> str:
    """Where the references are measured that need no training."""
    return os.path.join(output, f"{data}-references")
