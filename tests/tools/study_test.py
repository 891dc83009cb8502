"""The command of the study: its flags, its plan, and one that is made from end to end."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tfinpaint.photo import write_photo
from tools import study
from tools.studies import records
from tools.studies.plan import plan

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def photos(tmp_path):
    """Twelve photographs of colour ramps in each folder."""
    ramp = np.linspace(0, 255, 160)[:, np.newaxis, np.newaxis]
    for data in ("facades", "free"):
        for part in ("train", "val"):
            for k in range(12):
                colour = np.array([k * 20, 120, 250 - k * 20])
                picture = np.broadcast_to((ramp + colour) / 2, (160, 160, 3)).astype(np.uint8)
                path = tmp_path / "photos" / data / part / f"{k:02d}.png"
                write_photo(str(path), np.rot90(picture, k).copy())
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--plan"], "--output is missing"),
        (["--output=o", "--minutes=0"], "--minutes is above 0. Got 0"),
        (["--output=o"], "--photos is missing"),
        (["--output=o", "--photos=nowhere"], "without facades/train"),
        (["--output=o", "--only=nothing"], "--only matches no run"),
        (["--output=o", "--only=(("], "--only is no regular expression"),
        (["--output=o", "--tables_only"], "--output=o is no folder"),
        (["--output=.", "--tables_only", "--page=none.md"], "--page=none.md cannot be read"),
    ],
)
def test_mistakes_are_one_line(command_line, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, err = command_line(study.main, *arguments)
    assert status == 1 and message in err and len(err.splitlines()) == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("flag", ["perceptual_weights", "lpips_weights"])
def test_weights_are_files(command_line, photos, tmp_path, flag):
    status, _, err = command_line(
        study.main, f"--output={tmp_path}/o", f"--photos={photos}", f"--{flag}=imagenet"
    )
    assert status == 1 and f"--{flag} is a file here. Got 'imagenet'" in err
    assert not os.path.exists(tmp_path / "o")


def test_only_takes_names_and_expressions():
    names = [run.name for run in plan()]
    assert [run.name for run in study.chosen(f"{names[3]},{names[1]}")] == [names[1], names[3]]
    found = study.chosen("facades-.*-musical.*-1")
    assert len(found) > 5 and all(run.system == "musical" for run in found)
    assert study.chosen("") == plan()


def test_the_plan_says_how_far_each_run_is(command_line, tmp_path):
    folder = tmp_path / "facades-full-musical-1"
    folder.mkdir()
    records.Record(4800, step=700, seconds=2400.5).write(str(folder))
    failed = tmp_path / "facades-full-multistage-1"
    failed.mkdir()
    records.Record(4800, failure="out of memory").write(str(failed))
    status, out, _ = command_line(study.main, "--plan", f"--output={tmp_path}")
    lines = out.splitlines()
    assert status == 0 and len(lines) == len(plan())
    assert "facades-full-musical-1: 2,400 of 4,800 s, 700 steps" in lines
    assert "facades-full-multistage-1: failed after 0 of 4,800 s, 0 steps: out of memory" in lines
    assert "facades-full-gated_conv-1: not begun" in lines


@pytest.mark.slow
def test_two_systems_from_end_to_end(photos, tmp_path):
    """Trained, measured, shown; the second call makes nothing again and fills a page."""
    output = tmp_path / "study"
    words = [
        *(sys.executable, "-m", "tools.study", f"--photos={photos}", f"--output={output}"),
        *("--minutes=0.02", "--only=facades-reconstruction-(shift_net|partial_conv)-1"),
    ]
    first = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    for name in ("shift_net", "partial_conv"):
        folder = output / f"facades-reconstruction-{name}-1"
        record = records.read(str(folder))
        assert record.done and record.step > 1 and 2.4 <= record.seconds < 6
        assert 2_000_000 < record.parameters < 3_000_000
        assert f"{folder.name}: trains\n{folder.name}: " in first.stdout
    picture = output / "pictures" / "facades-reconstruction-center"
    assert picture.with_suffix(".png").stat().st_size > 1000
    lines = picture.with_suffix(".txt").read_text().splitlines()
    assert lines[1:3] == ["original", "hole"] and len(lines) == 5
    page = tmp_path / "page.md"
    page.write_text("<!-- study: facades reconstruction -->\n<!-- end -->\n")
    before = {path: path.stat().st_mtime_ns for path in output.rglob("report.json")}
    assert len(before) == 6  # of two runs and of the references, two kinds of hole each
    second = subprocess.run([*words, f"--page={page}"], cwd=ROOT, capture_output=True, text=True)
    assert second.returncode == 0 and "trains" not in second.stdout
    assert {path: path.stat().st_mtime_ns for path in output.rglob("report.json")} == before
    # The cost of a run that goes on counts from its first step, not from the next in its log.
    folder = output / "facades-reconstruction-shift_net-1"
    before = records.read(str(folder))
    dataclasses.replace(before, done=False, budget=before.seconds + 3).write(str(folder))
    third = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    after = records.read(str(folder))
    assert third.returncode == 0 and "keeps the" in third.stderr
    assert 1 < after.step - before.step < 45 and 3 <= after.seconds - before.seconds < 6
    text = page.read_text()
    assert text.count("| `shift_net` | 1 | ") == 4 and "| Telea |  | " in text
    assert text.count("not run yet") == 4 * 10
