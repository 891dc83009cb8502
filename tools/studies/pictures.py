"""Pictures of fills side by side: for each kind of hole, one photograph filled by all systems.

    write(results, photos, output)      # OUTPUT/pictures/facades-full-center.png and so on

A picture shows the systems whose run directories are in OUTPUT, at the step of the result.

The photograph is the one whose PSNR in the hole, averaged over the systems, is the median of the
set. A picture has the original, the hole, and the fills, row by row, each with its name. The fills
are in the order of their PSNR, the best first. A text file beside the picture has the figures.
"""

import os
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import cv2
import numpy as np

from tfinpaint.pictures import blanked, grid
from tools.studies import measuring, running
from tools.studies.measuring import BINS, HOLES
from tools.studies.plan import FULL, ORDER, RECONSTRUCTION, SEEDS, SETS, SIDE, Run
from tools.studies.results import Results

_ENLARGED = 2  # factor of enlargement, so that pixels can be seen
_IN_ROW = 7  # cells in a row
_STRIP = 20  # height of the strip with a name, pixels
_SEED = SEEDS[0]  # the seed whose fills are shown

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def write(results: Results, photos: str, output: str) -> List[str]:
    """Writes a picture for each kind of hole on which at least two systems were measured.

    photos: the folder of the sets. output: the folder of the study.

    Returns: the paths of the pictures.
    """
    from tfinpaint.photo import write_photo

    written = []
    for data, regime, systems in _comparable(results, output):
        for block in _blocks(photos, data):
            psnr = np.stack(
                [
                    results.runs[data, regime, design][_SEED][block.title]["psnr_in_hole"]
                    for design in systems
                ]
            )  # [systems, N]
            measured = median(psnr.mean(0))
            if measured is None:
                continue
            name = results.photographs[data][measured]
            if name not in block.names:
                continue
            number = block.names.index(name)
            pixels, lines = side_by_side(
                block.photos[number],
                block.holes[number],
                systems,
                dict(zip(systems, psnr[:, measured])),
            )
            title = f"{data}-{regime}-{block.title.replace(' %', '')}"
            path = os.path.join(output, "pictures", title)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_photo(f"{path}.png", pixels, argument="output")
            with open(f"{path}.txt", "w", encoding="utf-8") as file:
                file.write("\n".join([f"{name}, {block.about}", *lines]) + "\n")
            written.append(f"{path}.png")
    return written


def median(values: np.ndarray) -> Optional[int]:
    """The index of the median of the finite values; None if none is finite.

    Of two values in the middle, it is the lower one. The value of a photograph that a system could
    not fill is nan.
    """
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.argsort(values[finite], kind="stable")]
    return int(order[(len(order) - 1) // 2]) if order.size else None


def side_by_side(
    photo: np.ndarray, hole: np.ndarray, systems: Dict[str, Fill], psnr: Dict[str, float]
) -> Tuple[np.ndarray, List[str]]:
    """A picture uint8 [H', W', 3] of all fills, and a line of text for each of its cells.

    photo:    uint8 [H, W, 3].
    hole:     uint8 [H, W], 1 = hole.
    systems:  {name: (photos [1, H, W, 3], holes [1, H, W]) -> uint8 [1, H, W, 3]}.
    psnr:     {name: PSNR in the hole of this photograph, dB}.
    """
    cells, lines = [photo, blanked(photo, hole)], ["original", "hole"]
    for name in sorted(systems, key=lambda one: -psnr[one]):
        cells.append(systems[name](photo[np.newaxis], hole[np.newaxis])[0])
        lines.append(f"{name}: {psnr[name]:.2f} dB in the hole")
    cells = [_named(cell, line.partition(":")[0]) for cell, line in zip(cells, lines)]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % _IN_ROW)
    return grid([cells[n : n + _IN_ROW] for n in range(0, len(cells), _IN_ROW)]), lines


def _named(cell: np.ndarray, name: str) -> np.ndarray:
    """A cell, enlarged, with its name on a strip below it: uint8 [2 H + 20, 2 W, 3]."""
    strip = np.full((_STRIP, _ENLARGED * cell.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, name, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([cell.repeat(_ENLARGED, 0).repeat(_ENLARGED, 1), strip])


def _comparable(results: Results, output: str) -> Iterator[Tuple[str, str, Dict[str, Fill]]]:
    """Yields (set, regime, {system: its model}) if there are at least two systems."""
    from tfinpaint.evaluation.methods import Model

    for data in SETS:
        for regime in (FULL, RECONSTRUCTION):
            runs = {}
            for design in ORDER:
                record = results.records.get((data, regime, design), {}).get(_SEED)
                path = os.path.join(output, Run(data, regime, design, _SEED).name, running.RUN)
                if record and running.last_step(path) == record.steps:
                    runs[design] = path
            if len(runs) > 1:
                yield data, regime, {d: Model(d, path, True, False) for d, path in runs.items()}


def _blocks(photos: str, data: str) -> Iterator:
    """Yields the blocks of PHOTOS/DATA/val, with the holes that were measured."""
    from tfinpaint.evaluation.cases import read_blocks
    from tfinpaint.metrics.protocols import all_protocols
    from tfinpaint.settings import EvaluationSettings

    for kind in HOLES:
        settings = EvaluationSettings(
            models=(),
            data=f"folder:{os.path.join(photos, data, 'val')}",
            holes=kind,
            image_size=SIDE,
            ratio_bins=BINS if kind == "strokes" else (),
        )
        yield from read_blocks(settings, all_protocols()[measuring.PROTOCOL], SIDE)
