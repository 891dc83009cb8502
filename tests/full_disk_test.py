"""The commands that write results, on a disk that is full and on one that can only be read.

One line, exit status 1, what was there before whole, nothing half-written. (Training:
training/live_faults_test.py.)
"""

import hashlib
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
from disks import breaking, fill, small

ROOT = pathlib.Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr.splitlines()


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "filler"
    }


def commands(place, tmp_path, packed):
    """{name: arguments that write to `place`}."""
    photo = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    mask = np.zeros((256, 256), np.uint8)
    mask[100:150, 100:150] = 255
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    return {
        "fill": (
            "tfinpaint.inpaint",
            f"--model={packed}",
            f"--image={tmp_path}/photo.png",
            f"--mask={tmp_path}/mask.png",
            f"--output={place}/filled.png",
        ),
        "export": ("tfinpaint.export", f"--model={packed}", f"--output={place}/exported"),
        "report": (
            "tfinpaint.evaluate",
            f"--model={packed},mean",
            "--data=samples:coffee",
            "--image_size=32",
            f"--output={place}/report",
        ),
    }


@pytest.mark.parametrize("fault", ["full", "read-only"])
@pytest.mark.parametrize("name", ["fill", "export", "report"])
def test_results_on_a_disk_that_cannot_be_written(tmp_path, packed, name, fault):
    made = small if fault == "full" else breaking
    with made(tmp_path / "disk") as found:
        place, break_it = (found, lambda: fill(found)) if fault == "full" else found
        arguments = commands(place, tmp_path, packed)[name]
        status, err = command(*arguments)
        assert status == 0, err
        before = contents(place)
        assert before
        break_it()
        status, err = command(*arguments)
        assert status == 1
        lines = [line for line in err if line.startswith("tfinpaint: ") and "note" not in line]
        assert len(lines) == 1 and "memory" not in lines[0], err
        assert contents(place) == before
        # Into new folders: on a full disk they can be made, and are removed again.
        status, _ = command(*commands(place / "new" / "folder", tmp_path, packed)[name])
        assert status == 1 and not (place / "new").exists()
