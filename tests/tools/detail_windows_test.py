"""The set of windows and its command: equal windows every time, every figure by its definition."""

import json
import os
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from tfinpaint.metrics import references
from tools import detail_windows, window_set


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders: one with a large photograph, one with two small ones."""
    made = []
    for name, sizes in (("large", [(1700, 1300)]), ("small", [(300, 420), (280, 290)])):
        made.append(tmp_path_factory.mktemp(name))
        for number, (height, width) in enumerate(sizes):
            noise = np.random.default_rng(number).integers(
                0, 256, (height // 10, width // 10, 3), np.uint8
            )
            Image.fromarray(cv2.resize(noise, (width, height))).save(made[-1] / f"{number}.png")
    return made


@pytest.fixture(scope="module")
def windows(folders):
    return window_set.make([sorted(map(str, folder.iterdir())) for folder in folders], 12, seed=3)


def test_the_same_seed_gives_the_same_windows_and_another_one_others(folders, windows):
    paths = [sorted(map(str, folder.iterdir())) for folder in folders]
    assert [w.fingerprint for w in window_set.make(paths, 12, seed=3)] == [
        w.fingerprint for w in windows
    ]
    assert [w.fingerprint for w in window_set.make(paths, 4, seed=3)] != [
        w.fingerprint for w in window_set.make(paths, 4, seed=4)
    ]


def test_holes_have_their_size_and_lie_in_a_window_with_context(windows):
    kinds = set()
    for window in windows:
        left, top, width, height = cv2.boundingRect(window.hole)
        assert 120 <= min(height, width) and max(height, width) <= 600
        kind, size = window.name.split("_")[1:]
        kinds.add(kind)
        assert size == f"{width}x{height}"
        around = top, left, window.hole.shape[0] - top - height, window.hole.shape[1] - left - width
        assert min(around) >= 24 and max(around) <= max(height, width)
        share = window.hole[top : top + height, left : left + width].mean()
        assert (
            share == 1
            if kind == "box"
            else abs(share - np.pi / 4) < (0.01 if kind == "ellipse" else 0.25)
        )
        assert cv2.connectedComponents(window.hole)[0] == 2
    assert kinds == set(window_set.SHAPES)


def test_strokes_are_as_thick_as_their_name_says_and_cover_a_tenth(folders):
    paths = [sorted(map(str, folder.iterdir())) for folder in folders]
    windows = window_set.make_strokes(paths, 12, seed=3)
    again = window_set.make_strokes(paths, 12, seed=3)
    assert [w.fingerprint for w in again] == [w.fingerprint for w in windows]
    for window in windows:
        assert window.photo.shape == (*window.hole.shape, 3) and max(window.hole.shape) <= 400
        assert 0.1 <= window.hole.mean() < 0.2
        thickness = int(window.name.split("_")[-1])
        assert 9 <= thickness <= 24
        # A disc a little thinner is inside somewhere.
        bordered = cv2.copyMakeBorder(window.hole, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        assert cv2.distanceTransform(bordered, cv2.DIST_L2, 5).max() > 0.45 * thickness
    assert len({window.name for window in windows}) == 12


def test_a_photograph_that_is_too_small_is_named(tmp_path):
    Image.fromarray(np.zeros((200, 400, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a.png is too small.* Got 400x200"):
        window_set.make([[str(tmp_path / "a.png")]], 1)


class Grey:
    """Paints holes grey; with detail, 10 levels brighter."""

    def fill(self, photo, mask, detail="auto"):
        return np.where(mask[..., None] > 0, np.uint8(100 if detail == "off" else 110), photo)


def test_the_command_reports_every_fill(command_line, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("tfinpaint.load", lambda path: Grey())
    monkeypatch.setattr(detail_windows.importlib.util, "find_spec", lambda name: None)
    chosen = window_set.make([sorted(map(str, folder.iterdir())) for folder in folders], 2, seed=3)
    os.makedirs(tmp_path / "out" / "patchmatch")  # of the first window, kept from an earlier call
    Image.fromarray(255 - chosen[0].photo).save(
        tmp_path / "out" / "patchmatch" / f"{chosen[0].fingerprint}.png"
    )
    kept = tmp_path / "out" / "patchmatch" / f"{chosen[0].fingerprint}.seconds.txt"
    kept.write_text("12.500\n")
    data = ",".join(f"folder:{folder}" for folder in folders)
    flags = "--model=x", f"--data={data}", "--count=2", "--seed=3", f"--output={tmp_path / 'out'}"
    status, out, err = command_line(detail_windows.main, *flags)
    assert (status, err) == (0, "") and "mean of 2" in out
    found = json.loads((tmp_path / "out" / "report.json").read_text())["windows"]
    for row, window in zip(found, chosen, strict=True):
        inside = window.hole > 0
        fills = {
            "Telea": references.telea(window.photo, window.hole),
            "network": 100,
            "with detail": 110,
        }
        assert list(row)[2:] == (
            ["Telea", "patchmatch-cython", *list(fills)[1:]] if window is chosen[0] else list(fills)
        )
        if window is chosen[0]:
            assert row["patchmatch-cython"]["seconds"] == 12.5  # not those of reading the file
        for name, fill in fills.items():
            error = (
                np.broadcast_to(fill, window.photo.shape)[inside]
                - window.photo[inside].astype(float)
            ) ** 2
            assert row[name]["psnr"] == pytest.approx(10 * np.log10(255**2 / error.mean()))
        assert (tmp_path / "out" / f"{window.name}.png").stat().st_size
    assert "network" in (tmp_path / "out" / "report.txt").read_text()


def test_the_command_takes_strokes(command_line, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("tfinpaint.load", lambda path: Grey())
    flags = f"--data=folder:{folders[1]}", "--count=2", f"--output={tmp_path / 'out'}"
    status, _, _ = command_line(detail_windows.main, "--model=x", "--strokes", *flags)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert status == 0 and report["strokes"]
    paths = [sorted(map(str, folders[1].iterdir()))]
    assert [row["fingerprint"] for row in report["windows"]] == [
        window.fingerprint for window in window_set.make_strokes(paths, 2)
    ]


def test_columns_without_figures_are_left_out(command_line, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("tfinpaint.load", lambda path: Grey())
    monkeypatch.setattr(detail_windows.importlib.util, "find_spec", lambda name: None)
    flags = "--model=x", f"--data=folder:{folders[1]}", "--count=1", "--seed=3"
    status, out, _ = command_line(detail_windows.main, *flags, f"--output={tmp_path / 'a'}")
    assert status == 0 and "nan" not in out and "patchmatch" not in out
    names, measures, window, mean = out.splitlines()
    assert names.split() == ["Telea", "network", "with", "detail"]
    assert measures.split() == ["PSNR", "s"] * 3
    assert len(window.split()) == 1 + 6 and len(mean.split()) == 3 + 6
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    assert set(report["windows"][0]["network"]) == {"psnr", "seconds"}

    monkeypatch.setattr(detail_windows, "_lpips", lambda path: lambda filled, window: 0.125)
    status, out, _ = command_line(detail_windows.main, *flags, f"--output={tmp_path / 'b'}")
    lines = out.splitlines()
    assert lines[1].split() == ["LPIPS", "PSNR", "s"] * 3
    assert all(line.split()[-9::3] == ["0.125"] * 3 for line in lines[2:])
    assert len({len(line) for line in lines}) == 1  # the columns stand under their titles


@pytest.mark.parametrize(
    "place, expected",
    [((60, 70), np.s_[20:150, 30:200]), ((0, 150), np.s_[0:90, 110:280])],
)
def test_lpips_is_of_the_holes_box_and_40_pixels_around_it(monkeypatch, place, expected):
    rng = np.random.default_rng(0)
    photo, filled = rng.integers(0, 256, (2, 160, 300, 3)).astype(np.uint8)
    hole = np.zeros((160, 300), np.uint8)
    hole[place[0] : place[0] + 50, place[1] : place[1] + 90] = 1
    seen = []

    def distance(one, other):
        seen.append((one[0], other[0]))
        return np.array([0.5])

    monkeypatch.setattr("tfinpaint.metrics.lpips.Lpips", lambda path: distance)
    measure = detail_windows._lpips("a.npz")
    assert measure(filled, window_set.Window("a", photo, hole)) == 0.5
    np.testing.assert_array_equal(seen[0], [filled[expected], photo[expected]])


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--data=folder:x", "--output=o"], "--model is missing"),
        (["--model=x", "--output=o"], "--data is missing"),
        (
            ["--model=x", "--data=samples:", "--output=o"],
            "--data is folder:PATH here.* Got 'samples:'",
        ),
        (["--model=x", "--data=folder:", "--output=o"], "--data is folder:PATH.* Got 'folder:'"),
        (
            ["--model=x", "--data=folder:nowhere", "--output=o"],
            "--data=folder:nowhere: there is no such folder$",
        ),
    ],
)
def test_mistakes_are_one_line(command_line, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = command_line(detail_windows.main, *arguments)
    assert status == 1 and len(err.splitlines()) == 1
    assert re.search(words, err), err


def test_thickness_and_noise_of_the_windows(command_line, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("tfinpaint.load", lambda path: Grey())
    data = ",".join(f"folder:{folder}" for folder in folders)
    made = {}
    for noise in (0, 8):
        output = tmp_path / str(noise)
        flags = [f"--data={data}", "--count=2", f"--output={output}", "--strokes"]
        flags += ["--model=x", "--thickness=3,5", f"--noise={noise}"]
        assert command_line(detail_windows.main, *flags)[0] == 0
        made[noise] = json.loads((output / "report.json").read_text())["windows"]
        assert all(3 <= int(row["window"].split("_")[-1]) <= 5 for row in made[noise])
    paths = [sorted(map(str, folder.iterdir())) for folder in folders]
    plain = window_set.make_strokes(paths, 2, 0, (3, 5))
    assert [row["fingerprint"] for row in made[0]] == [window.fingerprint for window in plain]
    noisy = [window_set.with_noise(window, 8, 0) for window in plain]
    assert [row["fingerprint"] for row in made[8]] == [window.fingerprint for window in noisy]
    middle = (plain[0].photo > 50) & (plain[0].photo < 200)
    change = noisy[0].photo.astype(float) - plain[0].photo
    assert abs(change[middle].std() - 8) < 0.5 and (change[middle.all(-1)].std(-1) == 0).all()


@pytest.mark.parametrize(
    "flag", ["--thickness=3", "--thickness=5,3", "--thickness=0,3", "--thickness=a,b", "--noise=-1"]
)
def test_thickness_and_noise_that_cannot_be(command_line, tmp_path, flag):
    flags = [
        "--model=x",
        f"--data=folder:{tmp_path}",
        f"--output={tmp_path}/out",
        "--strokes",
        flag,
    ]
    status, _, err = command_line(detail_windows.main, *flags)
    name, value = flag.split("=")
    assert status == 1 and name in err.splitlines()[-1] and value in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_thickness_is_that_of_strokes(command_line, tmp_path):
    flags = ["--model=x", f"--data=folder:{tmp_path}", f"--output={tmp_path}/out"]
    status, _, err = command_line(detail_windows.main, *flags, "--thickness=3,8")
    assert status == 1 and "--thickness is that of --strokes" in err
