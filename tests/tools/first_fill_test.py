"""The first fill: three photographs, and holes that a person would paint.

The printed figures are those of the pictures that were written.
"""

import re

import cv2
import numpy as np
import pytest
import skimage.metrics
from PIL import Image
from red_painter import Red

import tfinpaint
from tfinpaint.metrics import references
from tools import first_fill


@pytest.mark.parametrize("case", first_fill.CASES, ids=lambda case: case.name)
def test_holes_lie_in_their_photographs(case):
    photo, mask = first_fill.read(case)
    assert (
        photo.dtype == np.uint8
        and mask.shape == photo.shape[:2]
        and set(np.unique(mask)) == {0, 255}
    )
    assert 0.005 < (mask > 0).mean() < 0.13
    # The ground is not flat: on a flat one every method does well.
    assert np.ptp(photo[mask > 0], axis=0).min() > 100


def test_three_photographs_are_filled_and_measured(in_the_box, tmp_path, command_line, monkeypatch):
    monkeypatch.setattr(tfinpaint, "load", lambda path: Red())
    status, out, err = command_line(first_fill.main, f"--output={tmp_path}/first")
    assert (status, err) == (0, "")
    names = [case.name for case in first_fill.CASES]
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(
        [f"{name}_{what}.png" for name in names for what in ("photo", "mask", "filled", "telea")]
        + ["first_fill.png"]
    )
    page = np.asarray(Image.open(tmp_path / "first/first_fill.png"))
    # three columns and four rows of 450 x 300 pixels, 8 apart
    assert page.shape == (4 * 308 - 8, 3 * 458 - 8, 3)
    astronaut = page[2 * 308 :][:300]
    assert (astronaut[:, :75] == 255).all() and (astronaut[:, 375:458] == 255).all()
    photo, telea, filled = (astronaut[:, left : left + 300] for left in (75, 533, 991))
    magenta = (photo == (255, 0, 255)).all(-1)
    assert 0.001 < magenta.mean() < 0.02
    far = cv2.dilate(np.uint8(magenta), np.ones((9, 9))) == 0
    for picture in (telea, filled):
        np.testing.assert_array_equal(picture[far], photo[far])
        assert (picture[magenta] != photo[magenta]).any(-1).mean() > 0.99
    lines = out.splitlines()
    assert lines[1].split() == 2 * ["default", "Telea"]
    ours, other = [], []
    measured = [case.name for case in first_fill.CASES if case.measured]
    for name, line in zip(measured, lines[2:5], strict=True):
        photo, mask, filled, telea = (
            np.asarray(Image.open(tmp_path / f"first/{name}_{what}.png").convert("RGB")).astype(int)
            for what in ("photo", "mask", "filled", "telea")
        )
        hole = mask[..., 0] > 0
        np.testing.assert_array_equal(filled[~hole], photo[~hole])
        np.testing.assert_array_equal(telea, references.telea(photo.astype(np.uint8), hole))
        decibels = [
            10 * np.log10(255**2 / ((picture - photo)[hole] ** 2).mean())
            for picture in (filled, telea)
        ]
        found = re.fullmatch(
            rf"{name}, .*, \d\.\d% +(\S+) dB +(\S+) dB +(0\.\d{{4}}) +(0\.\d{{4}})", line
        )
        np.testing.assert_allclose([float(found[1]), float(found[2])], decibels, atol=0.0051)
        similar = [
            skimage.metrics.structural_similarity(
                photo.astype(np.uint8),
                picture.astype(np.uint8),
                channel_axis=-1,
                data_range=255,
                full=True,
            )[1][hole].mean()
            for picture in (filled, telea)
        ]
        np.testing.assert_allclose([float(found[3]), float(found[4])], similar, atol=2e-4)
        ours.append([decibels[0], float(found[3])])
        other.append([decibels[1], float(found[4])])
    means = [float(word) for word in re.findall(r"\d+\.\d+", lines[5])]
    np.testing.assert_allclose(
        means,
        [np.mean(ours, 0)[0], np.mean(other, 0)[0], np.mean(ours, 0)[1], np.mean(other, 0)[1]],
        atol=0.006,
    )
    assert lines[6].startswith("The last hole removes an object")
    assert re.match(r"Loaded, filled and measured in \d+\.\d s", lines[7])


def test_without_a_default_it_says_so(empty_box, tmp_path, command_line):
    status, out, err = command_line(first_fill.main, f"--output={tmp_path}/first")
    assert (
        status == 1
        and out == ""
        and "--model=default is the model that comes with tfinpaint, and this copy has none" in err
    )
    status, out, err = command_line(first_fill.main)
    assert status == 1 and "--output is missing" in err and not list(tmp_path.iterdir())
