"""Plots: round ticks that cover the data, and marks at the positions of the figures."""

import math
import re

import pytest

from tfinpaint.evaluation import plots
from tfinpaint.evaluation.plots import Point


@pytest.mark.parametrize(
    "low,high,expected",
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (13.1, 29.7, [10, 15, 20, 25, 30]),
        (0.8113, 0.9337, [0.8, 0.85, 0.9, 0.95]),
        (5, 5, [5, 6]),
        (0, 0, [0, 0.2]),
        (0.9, 0.9 + 3e-16, [0.8, 1.0]),  # rounding alone
    ],
)
def test_ticks(low, high, expected):
    assert plots.ticks(low, high) == pytest.approx(expected)


def test_ticks_cover_the_data():
    for low, high in ((1e-7, 3e-6), (-3.2, 7.9), (12345, 54321), (0.1, 0.3)):
        found = plots.ticks(low, high)
        assert found[0] <= low + 1e-12 and found[-1] >= high - 1e-12 and 2 <= len(found) <= 8


def test_marks_stand_where_the_figures_are():
    svg = plots.lines(
        "PSNR <dB>",
        {
            "a & b": [Point(10, 20, 18, 22), Point(30, 10)],
            "c": [Point(10, math.nan), Point(30, 30)],
        },
    )
    assert "PSNR &lt;dB&gt;" in svg
    circles = [
        tuple(map(float, c)) for c in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    ]
    assert len(circles) == 3  # NaN gets no mark
    (x0, y0), (x1, y1), (x2, y2) = circles
    assert x0 < x1 == x2 and y2 < y0 < y1  # SVG counts downwards
    assert (y0 - y2) == pytest.approx(y1 - y0, abs=0.11)
    assert svg.count('opacity=".6"') == 1  # one interval


def test_two_series_of_one_colour_are_told_apart():
    count = len(plots.COLOURS) + 1
    svg = plots.lines("x", {str(k): [Point(10, k), Point(20, k)] for k in range(count)})
    lines = re.findall(r"<path d=[^>]*stroke-width=.1.6.[^>]*>", svg)
    alike = [line for line in lines if plots.COLOURS[0] in line]
    assert len(lines) == count and ["dasharray" in line for line in alike] == [False, True]
    marks = [m for m in re.findall(r"<circle[^>]*>", svg) if plots.COLOURS[0] in m]
    assert ['fill="none"' in mark for mark in marks] == [False, False, True, True]
    assert plots.legend([str(k) for k in range(count)]).count("dashed") == 1


def test_nothing_to_show_is_no_plot():
    assert plots.scatter("x", {"a": [Point(1, math.nan)]}) == ""


def test_a_legend_names_every_series_in_its_colour():
    text = plots.legend(["a<b", "c"])
    assert "a&lt;b" in text and plots.COLOURS[0] in text and plots.COLOURS[1] in text
