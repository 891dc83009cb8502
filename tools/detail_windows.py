"""Measures how well large holes or strokes are filled, on a set of windows: by a network alone, by
the network with detail, by Telea, and by the package patchmatch-cython.

    python -m tools.detail_windows --model=RUN --data=folder:large,folder:small \\
        --lpips_weights=alexnet.npz --output=windows

window_set.py cuts the windows: --count of them (0: 60) from the folders of --data, chosen by
--seed. Their holes are large and compact or, with --strokes, strokes. With --noise, the photographs
get film grain first. PSNR is measured in the hole. LPIPS is measured in the box of the hole and 40
pixels around it, if --lpips_weights are given. OUTPUT becomes a folder with report.txt,
report.json, and a picture of each window, which shows the original, the hole, and all fills from
left to right. The fills of patchmatch-cython are kept in OUTPUT/patchmatch and used again. If the
package is not installed and nothing is kept, its columns are left out.

Seconds are those of one fill, after a first call in the same process. A kept fill keeps its
seconds.
"""

import importlib.util
import json
import os
import sys
import time

if not __package__:  # run as python tools/detail_windows.py: only tools/ is on the module path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import cv2
import numpy as np
from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.metrics import references
from tfinpaint.photo import list_photos, read_photo, write_photo
from tfinpaint.pictures import blanked, grid
from tfinpaint.settings import SettingsError
from tools import window_set

settings.define_flags(
    "lpips_weights",
    "device",
    model="Model to measure: a run directory of `train`, an export, or default, the model that "
    "comes with tfinpaint.",
    data="Photographs to cut the windows from: folder:PATH, or several, separated by commas.",
    count="Windows to measure; 0: 60.",
    seed="Seed of the windows' places and holes.",
    output="Folder for report.txt, report.json and the pictures.",
)

flags.DEFINE_bool(
    "strokes",
    False,
    "Holes are strokes, --thickness pixels wide, instead of large and compact holes.",
)

flags.DEFINE_list(
    "thickness",
    [str(side) for side in window_set.THICKNESS],
    "Smallest and largest thickness of --strokes, in pixels.",
)
flags.DEFINE_float(
    "noise", 0.0, "Standard deviation of the noise that the photographs get, in grey levels."
)

_COUNT = 60  # windows, unless --count says otherwise
_AROUND = 40  # pixels around a hole's box in which LPIPS is measured, too
# {measure: (title, characters, decimals) of its column}
_MEASURES = {"lpips": ("LPIPS", 10, 3), "psnr": ("PSNR", 9, 2), "seconds": ("s", 9, 2)}
_WIDEST = 640  # most pixels of a window's longer side in a picture


def main():
    values = flags.FLAGS
    for name in ("model", "data", "output"):
        if not values[name].value:
            raise SettingsError(f"--{name} is missing: {values[name].help}")
    settings.check_writable("output", values.output)
    windows = _windows(values)
    command.choose_device(values.device)
    from tfinpaint import load

    painter = load(values.model)
    lpips = _lpips(values.lpips_weights)
    measures = {key: _MEASURES[key] for key in _MEASURES if lpips or key != "lpips"}
    patchmatch = _PatchMatch(os.path.join(values.output, "patchmatch"))
    fillers = {
        "Telea": lambda window: references.telea(window.photo, window.hole),
        **({"patchmatch-cython": patchmatch} if any(map(patchmatch.can_fill, windows)) else {}),
        "network": lambda window: painter.fill(window.photo, 255 * window.hole, detail="off"),
        "with detail": lambda window: painter.fill(window.photo, 255 * window.hole),
    }
    for name in ("network", "with detail"):
        fillers[name](windows[0])  # traces it before it is timed
    os.makedirs(values.output, exist_ok=True)
    found = []
    head = [
        f"{'':24s}" + "".join(f"{name:>{_width(measures)}s}" for name in fillers),
        f"{'':24s}"
        + "".join(f"{title:>{width}s}" for title, width, _ in measures.values()) * len(fillers),
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
                seconds = time.perf_counter() - start
                if filler is patchmatch:
                    seconds = patchmatch.seconds
                row[name] = {"psnr": _psnr(filled, window), "seconds": seconds}
                if lpips:
                    row[name]["lpips"] = lpips(filled, window)
                pictures.append(filled)
        found.append(row)
        print(_line(window.name, row, fillers, measures), flush=True)
        write_photo(
            os.path.join(values.output, f"{window.name}.png"),
            grid([[_small(picture) for picture in pictures]]),
            argument="output",
        )
    lines = (
        head
        + [_line(row["window"], row, fillers, measures) for row in found]
        + [_line(f"mean of {len(found)}", _mean(found, fillers, measures), fillers, measures)]
    )
    names = ("model", "data", "seed", "strokes", "thickness", "noise")
    about = {name: values[name].value for name in names}
    for name, text in (
        ("report.txt", "\n".join(lines) + "\n"),
        ("report.json", json.dumps({**about, "windows": found}, indent=1) + "\n"),
    ):
        atomic.write_text(os.path.join(values.output, name), text)
    print(lines[-1])


def _windows(values):
    count = values.count or _COUNT
    try:
        low, high = (int(side) for side in values.thickness)
    except ValueError:
        low = high = 0
    if not 1 <= low <= high:
        raise SettingsError(
            "--thickness is two whole numbers of pixels, SMALLEST,LARGEST, at least 1. Got "
            f"{','.join(values.thickness)!r}"
        )
    if values["thickness"].present and not values.strokes:
        raise SettingsError("--thickness is that of --strokes: give both, or neither")
    if not 0 <= values.noise <= 100:
        raise SettingsError(f"--noise is from 0 to 100 grey levels. Got {values.noise:g}")
    folders = _folders(values.data)
    if values.strokes:
        windows = window_set.make_strokes(folders, count, values.seed, (low, high))
    else:
        windows = window_set.make(folders, count, values.seed)
    if values.noise:
        windows = [window_set.with_noise(each, values.noise, values.seed) for each in windows]
    return windows


def _folders(data):
    """The paths of the photographs in each folder of --data."""
    found = []
    for entry in data.split(","):
        folder = entry.removeprefix("folder:")
        if folder == entry or not folder:
            raise SettingsError(
                f"--data is folder:PATH here, or several, separated by commas. Got {entry!r}"
            )
        if not os.path.isdir(folder):
            raise SettingsError(f"--data={entry}: there is no such folder")
        found.append(list_photos(folder))
        if not found[-1]:
            raise SettingsError(f"--data={entry} has no photographs")
    return found


class _PatchMatch:
    """Fills with `inpaint_pyramid` of patchmatch-cython, with its defaults.

    Fills are kept in a folder. Called without the package and without a kept fill, it returns None.

    Attributes: seconds, which the last fill took when it was computed.
    """

    def __init__(self, folder):
        self._folder, self.seconds = folder, None
        self._is_installed = importlib.util.find_spec("patchmatch_cython") is not None

    def can_fill(self, window):
        return self._is_installed or os.path.isfile(self._path(window, "seconds.txt"))

    def _path(self, window, ending="png"):
        return os.path.join(self._folder, f"{window.fingerprint}.{ending}")

    def __call__(self, window):
        path, seconds_path = self._path(window), self._path(window, "seconds.txt")
        if os.path.isfile(path) and os.path.isfile(seconds_path):
            with open(seconds_path, encoding="utf-8") as file:
                self.seconds = float(file.read())
            return read_photo(path).pixels
        if not self._is_installed:
            return None
        import patchmatch_cython

        start = time.perf_counter()
        hole = window.hole[..., np.newaxis] > 0
        filled = patchmatch_cython.inpaint_pyramid(
            np.where(hole, np.uint8(0), window.photo), window.hole, seed=0
        )
        filled = np.where(hole, filled, window.photo)
        self.seconds = time.perf_counter() - start
        os.makedirs(self._folder, exist_ok=True)
        write_photo(path, filled, argument="output")
        atomic.write_text(seconds_path, f"{self.seconds:.3f}\n")
        return filled


def _psnr(filled, window):
    """The PSNR in the hole, dB."""
    error = filled[window.hole > 0].astype(np.float64) - window.photo[window.hole > 0]
    return float(10 * np.log10(255**2 / max(np.square(error).mean(), 1e-10)))


def _lpips(path):
    """A function (filled, window) -> LPIPS of the hole and its surroundings; None without weights.

    path: the file of weights.
    """
    if not path:
        return None
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


def _mean(rows, fillers, measures):
    """{filler: {measure: mean over the windows}}, for the fillers that filled all of them."""
    return {
        name: {key: float(np.mean([row[name][key] for row in rows])) for key in measures}
        for name in fillers
        if all(name in row for row in rows)
    }


def _line(title, row, fillers, measures):
    cells = []
    for name in fillers:
        if name not in row:
            cells.append(f"{'-':>{_width(measures)}s}")
            continue
        for key, (_, width, decimals) in measures.items():
            cells.append(f"{row[name][key]:{width}.{decimals}f}")
    return f"{title:24s}" + "".join(cells)


def _width(measures):
    """The width of a filler's columns together, in characters."""
    return sum(width for _, width, _ in measures.values())


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
