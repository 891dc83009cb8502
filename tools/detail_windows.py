"""How well large holes are filled, on a set of windows: a network alone and with detail beside
Telea and the package patchmatch-cython.

    python -m tools.detail_windows --model=RUN --data=folder:large,folder:small \\
        --lpips_weights=alexnet.npz --output=windows

The windows are those of window_set.py: --count of them (0: 60) from the folders of --data, with
commas between, by --seed. PSNR is measured in the hole, LPIPS in the box of the hole and 40 pixels
around it. OUTPUT becomes a folder: report.txt, report.json, and a picture of each window with the
original, the hole, and all fills from left to right. What patchmatch-cython fills is kept in
OUTPUT/patchmatch and used again; where it is not installed and nothing is kept, its column is left
out.

Seconds are of one fill each, in one process, after a first call.
"""

import importlib.util
import json
import os
import sys
import time

if not __package__:  # python tools/detail_windows.py: only tools/ is searched for modules then
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import cv2
import numpy as np
from absl import flags

from tfinpaint import command, settings
from tfinpaint.metrics import references
from tfinpaint.photo import list_photos, read_photo, write_photo
from tfinpaint.pictures import blanked, grid
from tfinpaint.settings import SettingsError
from tools import window_set

settings.define_flags("model", "data", "lpips_weights", "count", "seed", "output", "device")

_COUNT = 60
_AROUND = 40  # pixels around a hole's box that LPIPS takes in
_WIDEST = 640  # pixels of a window's longer side in a picture


def main():
    values = flags.FLAGS
    for name in ("model", "data", "output"):
        if not values[name].value:
            raise SettingsError(f"--{name} is missing: {values[name].help}")
    settings.check_writable("output", values.output)
    windows = window_set.make(_folders(values.data), values.count or _COUNT, values.seed)
    command.choose_device(values.device)
    from tfinpaint import load

    painter = load(values.model)
    lpips = _lpips(values.lpips_weights)
    fillers = {
        "Telea": lambda window: references.telea(window.photo, window.hole),
        "patchmatch-cython": _PatchMatch(os.path.join(values.output, "patchmatch")),
        "network": lambda window: painter.fill(window.photo, 255 * window.hole, detail="off"),
        "with detail": lambda window: painter.fill(window.photo, 255 * window.hole),
    }
    for name in ("network", "with detail"):
        fillers[name](windows[0])  # traces it before it is timed
    os.makedirs(values.output, exist_ok=True)
    found = []
    head = [
        f"{'':24s}" + "".join(f"{name:>26s}" for name in fillers),
        f"{'':24s}" + f"{'LPIPS':>10s}{'PSNR':>8s}{'s':>8s}" * len(fillers),
    ]
    print("\n".join(head), flush=True)
    for window in windows:
        row, pictures = (
            {"window": window.name, "fingerprint": window.fingerprint},
            [window.photo, blanked(window.photo, window.hole)],
        )
        for name, filler in fillers.items():
            start = time.perf_counter()
            filled = filler(window)
            if filled is not None:
                row[name] = {
                    "psnr": _psnr(filled, window),
                    "lpips": lpips(filled, window),
                    "seconds": time.perf_counter() - start,
                }
                pictures.append(filled)
        found.append(row)
        print(_line(window.name, row, fillers), flush=True)
        write_photo(
            os.path.join(values.output, f"{window.name}.png"),
            grid([[_small(picture) for picture in pictures]]),
            argument="output",
        )
    lines = (
        head
        + [_line(row["window"], row, fillers) for row in found]
        + [_line(f"mean of {len(found)}", _mean(found, fillers), fillers)]
    )
    about = {"model": values.model, "data": values.data, "seed": values.seed, "windows": found}
    for name, text in (
        ("report.txt", "\n".join(lines) + "\n"),
        ("report.json", json.dumps(about, indent=1) + "\n"),
    ):
        with open(os.path.join(values.output, name), "w", encoding="utf-8") as f:
            f.write(text)
    print(lines[-1])


def _folders(data):
    """The paths of the photographs in each folder of --data."""
    found = []
    for entry in data.split(","):
        folder = entry.removeprefix("folder:")
        if folder == entry or not os.path.isdir(folder):
            raise SettingsError(
                f"--data is folder:PATH here, or several with commas between. Got {entry!r}"
            )
        found.append(list_photos(folder))
        if not found[-1]:
            raise SettingsError(f"--data={entry} has no photographs")
    return found


class _PatchMatch:
    """Fills with `inpaint_pyramid` of patchmatch-cython, with its defaults.

    Results are kept in a folder. Without the package and without a kept result it returns None.
    """

    def __init__(self, folder):
        self._folder = folder

    def __call__(self, window):
        path = os.path.join(self._folder, f"{window.fingerprint}.png")
        if os.path.isfile(path):
            return read_photo(path).pixels
        if importlib.util.find_spec("patchmatch_cython") is None:
            return None
        import patchmatch_cython

        hole = window.hole[..., np.newaxis] > 0
        filled = patchmatch_cython.inpaint_pyramid(
            np.where(hole, np.uint8(0), window.photo), window.hole, seed=0
        )
        filled = np.where(hole, filled, window.photo)
        os.makedirs(self._folder, exist_ok=True)
        write_photo(path, filled, argument="output")
        return filled


def _psnr(filled, window):
    """In the hole, dB."""
    error = filled[window.hole > 0].astype(np.float64) - window.photo[window.hole > 0]
    return float(10 * np.log10(255**2 / max(np.square(error).mean(), 1e-10)))


def _lpips(path):
    """(filled, window) -> LPIPS of the hole and its surroundings; nan without weights."""
    if not path:
        return lambda filled, window: float("nan")
    from tfinpaint.metrics.lpips import Lpips

    distance = Lpips(path)

    def measure(filled, window):
        left, top, width, height = cv2.boundingRect(window.hole)
        here = (
            slice(max(0, top - _AROUND), top + height + _AROUND),
            slice(max(0, left - _AROUND), left + width + _AROUND),
        )
        return float(distance(filled[here][np.newaxis], window.photo[here][np.newaxis])[0])

    return measure


def _mean(rows, fillers):
    """Means over the windows, for those fillers that filled all of them."""
    return {
        name: {
            key: float(np.mean([row[name][key] for row in rows]))
            for key in ("psnr", "lpips", "seconds")
        }
        for name in fillers
        if all(name in row for row in rows)
    }


def _line(title, row, fillers):
    cells = []
    for name in fillers:
        found = row.get(name)
        cells.append(
            f"{found['lpips']:10.3f}{found['psnr']:8.2f}{found['seconds']:8.2f}"
            if found
            else f"{'-':>26s}"
        )
    return f"{title:24s}" + "".join(cells)


def _small(picture):
    scale = _WIDEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(
        picture,
        [round(side * scale) for side in picture.shape[1::-1]],
        interpolation=cv2.INTER_AREA,
    )


if __name__ == "__main__":
    command.run(main)
