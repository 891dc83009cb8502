"""The benchmark's rows about `python -m tfinpaint.inpaint`, started from the shell for one
photograph and for a folder.

The photograph is scikit-image's `coffee`, a JPEG of 600 x 400 pixels. In the folder, copies of it
are shifted sideways so that all differ. The hole is an ellipse of 120 x 100 pixels. The model is
`default` or, if this copy of tfinpaint has none, an untrained `multistage` of width 24 and depth 5.
Processes are timed from start to end: wall time, and processor time (user and system) of all
threads.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import numpy as np

from tools.benchmarks.measuring import Row, in_its_own_process

COUNT = 100  # photographs in the folder
_SMALL = {"width": 24, "depth": 5}  # settings of the untrained model


class Files(NamedTuple):
    """The paths that the commands are given."""

    model: str
    photo: str
    folder: str
    mask: str
    output: str


class Times(NamedTuple):
    """Seconds that a process took."""

    wall: float
    processor: float


def command_rows(bench):
    """The rows of the group `command`."""
    with tempfile.TemporaryDirectory(prefix="tfinpaint-benchmark-") as scratch:
        files = write(scratch)
        alone, command = cold(files, bench.repeats)
        bench.time()
        note = (
            f"{about(files)}; processor {command.processor:.2f} s, "
            f"{command.processor - alone.processor:.2f} s beyond import tensorflow's "
            f"{alone.processor:.2f}; wall {command.wall - alone.wall:.2f} s beyond {alone.wall:.2f}"
        )
        yield Row("inpaint, 600 x 400, from the shell", command.wall, note=note)
        seconds, alone = folder(files), in_its_own_process(network, files)
        bench.time()
        note = (
            f"{seconds.wall / alone:.2f} times the network's {alone:.2f} s; less what one "
            f"photograph takes {(seconds.wall - command.wall) / alone:.2f} times; processor "
            f"{seconds.processor:.2f} s"
        )
        yield Row(
            f"inpaint, a folder of {COUNT}",
            seconds.wall,
            beside="network",
            ratio=alone / seconds.wall,
            note=note,
        )


def write(folder: str, count: int = COUNT) -> Files:
    """Makes the files in a new folder."""
    from tfinpaint import models
    from tfinpaint.data.photos import open_photos
    from tfinpaint.photo import write_photo
    from tfinpaint.settings import SettingsError

    photo = open_photos("samples:coffee").read(0)  # [400, 600, 3]
    rows, columns = np.ogrid[: photo.shape[0], : photo.shape[1]]
    hole = ((rows - 200) / 50) ** 2 + ((columns - 300) / 60) ** 2 < 1
    for k in range(count):
        write_photo(os.path.join(folder, "photos", f"{k:03d}.jpg"), np.roll(photo, 6 * k, axis=1))
    mask = os.path.join(folder, "mask.png")
    write_photo(mask, np.repeat(np.uint8(255) * hole[..., np.newaxis], 3, -1))
    try:
        model = models.locate(models.DEFAULT)
    except SettingsError:
        model = _packed(os.path.join(folder, "model"))
    photos = os.path.join(folder, "photos")
    return Files(
        model, os.path.join(photos, "000.jpg"), photos, mask, os.path.join(folder, "filled")
    )


def about(files: Files) -> str:
    """The model's system and its settings, in words."""
    from tfinpaint.runs import read_run

    run = read_run(files.model).settings
    return f"{run.system} {' '.join(f'{name}={value}' for name, value in run.system_settings)}"


def cold(files: Files, repeats: int):
    """The median times of `import tensorflow` alone, and of inpaint with one photograph.

    They are measured in turns.

    Returns: two Times.
    """
    times = [[], []]
    for _ in range(repeats):
        times[0].append(run("-c", "import tensorflow"))
        times[1].append(
            run(
                "-m",
                "tfinpaint.inpaint",
                f"--model={files.model}",
                f"--image={files.photo}",
                f"--mask={files.mask}",
                f"--output={files.output}.jpg",
            )
        )
    return [Times(*(statistics.median(one) for one in zip(*taken))) for taken in times]


def folder(files: Files) -> Times:
    """The times of inpaint with the folder, run once."""
    return run(
        "-m",
        "tfinpaint.inpaint",
        f"--model={files.model}",
        f"--image={files.folder}",
        f"--mask={files.mask}",
        f"--output={files.output}",
    )


def network(files: Files) -> float:
    """The seconds that the model takes for all windows of the folder, without the rest of inpaint.

    The windows are filled one after the other, after one photograph that is not timed.
    """
    from tfinpaint import load
    from tfinpaint.photo import list_photos, read_hole, read_photo

    painter, times = load(files.model), []
    fill_window = painter.fill_window

    def timed(*arguments):
        start = time.perf_counter()
        result = np.asarray(fill_window(*arguments))
        times.append(time.perf_counter() - start)
        return result

    mask, _ = read_hole(files.mask)
    painter.fill(read_photo(files.photo).pixels, mask)
    painter.fill_window = timed
    for path in list_photos(files.folder):
        painter.fill(read_photo(path).pixels, mask)
    return sum(times)


def run(*arguments) -> Times:
    """Runs Python with these arguments. Raises CalledProcessError if it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Times(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _packed(path):
    from tfinpaint import atomic, packed, runs
    from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings, to_json

    settings = TrainSettings(
        "multistage",
        PhotoSettings("none"),
        HoleSettings(),
        steps=0,
        system_settings=tuple(_SMALL.items()),
    )
    os.makedirs(path)
    atomic.write_text(os.path.join(path, "settings.json"), to_json(settings))
    packed.write_weights(path, runs.create_system(settings).generator, 0)
    return path
