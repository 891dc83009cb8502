"""What a new user trains first fills better than one line of OpenCV."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from tfinpaint.photo import read_hole, read_photo


def _run(module, *words):
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_quick_start_learns_to_fill_better_than_telea(tmp_path):
    run, demo, filled = tmp_path / "run", tmp_path / "demo", tmp_path / "filled.png"
    _run("tfinpaint.train", "--flagfile=configs/quickstart.flags", f"--run_dir={run}")
    _run("tools.sample_pair", f"--output={demo}")
    words = f"--image={demo}/photo.png", f"--mask={demo}/mask.png", f"--output={filled}"
    _run("tfinpaint.inpaint", f"--model={run}", *words)

    photo = read_photo(demo / "photo.png").pixels
    mask, _ = read_hole(demo / "mask.png")

    def psnr(fill):  # in the hole, dB
        error = (fill.astype(np.float64) - photo)[mask > 0]
        return 10 * np.log10(255**2 / np.mean(error**2))

    telea = cv2.inpaint(photo, mask, 3, cv2.INPAINT_TELEA)
    assert psnr(read_photo(filled).pixels) > psnr(telea) + 0.3  # 20.9 and 20.3
