"""Adding a metric takes one file and one line: a made-up one goes through `evaluate`.

It has weights, a figure for each photograph, and one for all photographs together.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

METRIC = '''
"""How much brighter a fill is than the original."""

import json

import numpy as np

from tfinpaint.metrics.metric import Column, Metric
from tfinpaint.settings import SettingsError


class Brightness(Metric):
    def __init__(self, path):
        with open(path) as f:
            self.scale = json.load(f)
        self.columns = (Column("brightness", "Brightness", "mean difference", "%", region="hole"),)
        self.set_columns = (Column("brightest", "Brightest", "largest", more_is_better=True),)

    def check(self, names, photos):
        for name, photo in zip(names, photos):
            if photo.max() == 0:
                raise SettingsError(f"`brightness_weights`: {name} is black")

    def measure(self, fills, photos, holes):
        inside = holes[..., None] > 0
        total = np.where(inside, fills.astype(float) - photos, 0).sum((1, 2, 3))
        difference = total / (3 * inside.sum((1, 2, 3)))
        return {"brightness": self.scale * difference / 255, "levels": difference}

    def measure_set(self, measured, photos):
        assert len(measured["levels"]) == len(photos)
        return {"brightest": float(measured["levels"].max())}
'''
# The one line of tfinpaint/metrics/__init__.py, and the command.
COMMAND = """
from tfinpaint import metrics
metrics.METRICS += (
    metrics.Entry("brightness:Brightness", "brightness_weights", "Factor of brightness (.json)."),)
from tfinpaint import evaluate
evaluate.cli()
"""


@pytest.fixture
def evaluate(tmp_path):
    """evaluate("--flag=value", ...) -> the process, which has ended."""
    (tmp_path / "brightness.py").write_text(METRIC)
    (tmp_path / "two.json").write_text("2")
    root = str(pathlib.Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    return lambda *flags: subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, flags)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_its_flag(evaluate):
    text = evaluate("--help").stdout
    assert "--brightness_weights: Factor of brightness" in text and "--lpips_weights" in text


@pytest.mark.slow
def test_its_columns_are_in_every_file(evaluate, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(3):
        photo, mask = (
            rng.integers(0, 200, (20 + k, 30, 3), dtype=np.uint8),
            np.zeros((20 + k, 30), np.uint8),
        )
        photo[5:9, 5:12] = 50 * k
        mask[5:9, 5:12] = 255
        Image.fromarray(photo).save(tmp_path / f"photos/{k}.png")
        Image.fromarray(mask).save(tmp_path / f"photos/{k}_mask.png")
    common = ["--model=mean", "--noreferences", "--data=pairs:photos"]
    done = evaluate(*common, "--brightness_weights=two.json", "--output=report")
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "report/report.json").read_text())
    assert (
        data["settings"]["brightness_weights"] == "two.json"
        and data["settings"]["lpips_weights"] is None
    )
    assert data["columns"]["brightness"] == {
        "label": "Brightness",
        "unit": "%",
        "more_is_better": False,
        "region": "hole",
        "definition": "mean difference",
    }
    figures = data["blocks"][0]["models"]["mean"]
    for k, figure in enumerate(figures["brightness"]["each"]):
        photo = np.asarray(Image.open(tmp_path / f"photos/{k}.png")).astype(float)
        known = np.ones(photo.shape[:2], bool)
        known[5:9, 5:12] = False
        levels = np.rint(photo[known].mean(0)).mean() - 50 * k
        assert figure == pytest.approx(100 * 2 * levels / 255)
        if k == 0:
            assert figures["brightest"]["mean"] == pytest.approx(levels)
    rows = {row["column"]: row for row in csv.DictReader((tmp_path / "report/report.csv").open())}
    assert float(rows["brightness"]["mean"]) == pytest.approx(
        figures["brightness"]["mean"], rel=1e-5
    )
    assert rows["brightest"]["photographs"] == "3"
    for name in ("report.txt", "report.html"):
        text = (tmp_path / "report" / name).read_text()
        assert (
            "Brightness % ↓" in text
            and "Brightest ↑" in text
            and "Brightness in the hole: mean difference" in text
        )


@pytest.mark.slow
def test_it_is_not_measured_without_its_weights_and_what_it_refuses_is_a_line(evaluate, tmp_path):
    (tmp_path / "photos").mkdir()
    photo, mask = np.full((20, 30, 3), 90, np.uint8), np.zeros((20, 30), np.uint8)
    mask[5:9, 5:12] = 255
    Image.fromarray(photo).save(tmp_path / "photos/0.png")
    Image.fromarray(mask).save(tmp_path / "photos/0_mask.png")
    common = ["--model=mean", "--noreferences", "--data=pairs:photos"]
    plain = evaluate(*common, "--output=plain")
    assert plain.returncode == 0 and "brightness" not in (tmp_path / "plain/report.csv").read_text()

    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "photos/0.png")
    refused = evaluate(*common, "--brightness_weights=two.json", "--output=refused")
    assert refused.returncode == 1 and "--brightness_weights: 0 is black" in refused.stderr
    assert not (tmp_path / "refused").exists()
