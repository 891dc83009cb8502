"""Every figure of a made-up report, in each of its files, against those computed one by one."""

import csv
import dataclasses
import io
import json
import re

import numpy as np
import pytest

from tfinpaint.evaluation import page, text
from tfinpaint.evaluation.cases import Block
from tfinpaint.evaluation.score import Report, Scores
from tfinpaint.metrics import statistics
from tfinpaint.metrics.metric import Column
from tfinpaint.metrics.protocols import OWN
from tfinpaint.settings import EvaluationSettings

PSNR = Column("psnr_in_hole", "PSNR", "a ratio", "dB", True, "hole")
L1 = Column("l1", "L1", "a share", "%", False)
FID = Column("fid", "FID", "a distance")
NAMES = ("first", "better", "worse", "same")


@pytest.fixture(scope="module")
def report():
    """`better` is surely better than `first` in both columns, and `same` in neither."""
    rng = np.random.default_rng(0)
    hard = rng.normal(25, 4, 12)
    values = {
        name: {
            "psnr_in_hole": hard + lead + rng.normal(0, 0.2, 12),
            "l1": (20 - lead + rng.normal(0, 0.2, 12)) / 100,
        }
        for name, lead in zip(NAMES, (0, 1, -1, 0))
    }
    hole = np.zeros((8, 8), np.uint8)
    hole[:4] = 1
    block = Block("center", "half", [str(k) for k in range(12)], [None] * 12, [hole] * 12)
    scores = Scores(block, values, {name: {"fid": 10.5 + k} for k, name in enumerate(NAMES)})
    models = {name: {"kind": "reference", "what": name} for name in NAMES}
    settings = EvaluationSettings(NAMES, "samples:")
    return Report(settings, OWN, 64, [PSNR, L1], [FID], models, [scores], [], {}, {})


def expected(report, name, column):
    """Mean, low and high, and those of the difference to the first, in the column's unit."""
    values = report.scores[0].values
    mine, first = (column.scale * values[model][column.name] for model in (name, "first"))
    return [*statistics.mean(mine)[:3], *statistics.mean(mine - first)[:3]]


def test_csv_has_each_mean_interval_and_difference(report):
    rows = list(csv.DictReader(io.StringIO(text.comma_separated(report))))
    names = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
    assert [(row["model"], row["column"]) for row in rows] == [
        (model, column.name) for model in NAMES for column in (PSNR, L1, FID)
    ]
    for row in rows:
        column = {c.name: c for c in (PSNR, L1, FID)}[row["column"]]
        assert row["unit"] == column.unit and row["photographs"] == "12"
        found = [float(row[name]) if row[name] else None for name in names]
        if column == FID:
            wanted = [10.5 + NAMES.index(row["model"])] + [None] * 5
        else:
            wanted = expected(report, row["model"], column)
            wanted = wanted[:3] + [None] * 3 if row["model"] == "first" else wanted
        assert found == pytest.approx(wanted, rel=1e-4, abs=1e-4), row


def test_json_has_every_figure_in_the_columns_unit(report):
    (block,) = json.loads(text.as_json(report))["blocks"]
    for name in NAMES:
        for column in (PSNR, L1):
            figure = block["models"][name][column.name]
            other = figure["difference"]
            found = [of[k] for of in (figure, other) for k in ("mean", "low", "high")]
            assert found == pytest.approx(expected(report, name, column), abs=1e-6)
            each = column.scale * report.scores[0].values[name][column.name]
            assert figure["each"] == pytest.approx(each)
    assert block["models"]["worse"]["fid"] == {"mean": 12.5}


@pytest.mark.parametrize("column", [PSNR, L1], ids=lambda column: column.name)
def test_text_and_page_show_the_same_figures(report, column):
    """In the page, a difference is in colour if its interval does not include 0."""
    shown, cells = text.text(report), page._block(report, report.scores[0], "first")
    digits = 2 if column.unit == "dB" else 3
    for name in NAMES:
        mean, low, high, *other = expected(report, name, column)
        assert f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]" in shown
        if name == "first":
            assert f"<td>{mean:.{digits}f}<small>" in cells
            continue
        paired = "{:+.{d}f} [{:+.{d}f}, {:+.{d}f}]".format(*other, d=digits)
        (cell,) = re.findall(rf'<td class="(\w*)">{mean:.{digits}f}<small>([^<]*)</small>', cells)
        assert cell == (name.replace("same", ""), f"{low:.{digits}f} to {high:.{digits}f}")
        assert paired in shown and paired in cells


def test_each_interval_is_drawn_once(report, monkeypatch):
    """For all forms of a report together: the draws of a large one take seconds each time."""
    (scores,) = report.scores
    fresh = dataclasses.replace(report, scores=[dataclasses.replace(scores)])
    drawn = []
    of_figures, of_differences = statistics.mean, statistics.difference

    def mean(values):
        drawn.append("mean")
        return of_figures(values)

    def difference(values, reference):
        drawn.append("difference")
        return of_differences(values, reference)

    monkeypatch.setattr(statistics, "mean", mean)
    monkeypatch.setattr(statistics, "difference", difference)
    for form in (text.text, text.comma_separated, text.as_json):
        form(fresh)
    page._block(fresh, fresh.scores[0], "first")
    # `difference` calls `mean` too
    assert drawn.count("difference") == 4 * 2 and drawn.count("mean") == 2 * 4 * 2
    assert fresh.scores[0].mean("worse", "l1") == of_figures(scores.values["worse"]["l1"])
