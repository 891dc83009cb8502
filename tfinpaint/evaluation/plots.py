"""Plots of a report as SVG, without a plotting library: figures over the share of missing pixels.

Axes and texts take their colours from the page's CSS classes (`axis`, `text`), so plots also suit a
dark page. The colours of the series can be told apart by people with colour blindness (Okabe and
Ito 2008). From the ninth series on, the colours repeat, with dashed lines and hollow marks.
"""

import html
import math
from typing import Dict, List, NamedTuple, Sequence

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a800")
_WIDTH, _HEIGHT = 340, 230  # pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 26, 34  # margins
_TICKS = 5  # numbers along an axis, more or less


class Point(NamedTuple):
    """One mark: x, the share of missing pixels in %; y, a figure; its interval (nan: none)."""

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan


def lines(title: str, series: Dict[str, List[Point]]) -> str:
    """An SVG plot of {name: points}. Each series is a line, with the intervals of its points."""
    return _plot(title, series, joined=True)


def scatter(title: str, series: Dict[str, List[Point]]) -> str:
    """An SVG plot of {name: points}. Each series is a set of dots."""
    return _plot(title, series, joined=False)


def legend(names: Sequence[str]) -> str:
    """The colour of each series, as HTML."""
    return (
        '<p class="legend">'
        + " ".join(
            f'<span><i style="{_patch(k)}"></i>{html.escape(name)}</span>'
            for k, name in enumerate(names)
        )
        + "</p>"
    )


def ticks(low: float, high: float) -> List[float]:
    """About `_TICKS` round numbers that cover low to high."""
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high)):  # no more than rounding
        span = abs(high) or 1.0
    raw = span / _TICKS
    step = next(
        m * 10 ** math.floor(math.log10(raw))
        for m in (1, 2, 5, 10)
        if m * 10 ** math.floor(math.log10(raw)) >= raw * (1 - 1e-9)
    )
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, max(last, first + 1) + 1)]


def _plot(title, series, joined):
    points = [p for s in series.values() for p in s if math.isfinite(p.y)]
    if not points:
        return ""
    ys = [v for p in points for v in (p.y, p.low, p.high) if math.isfinite(v)]
    x_ticks, y_ticks = (
        ticks(min(p.x for p in points), max(p.x for p in points)),
        ticks(min(ys), max(ys)),
    )

    def x(value):
        return _LEFT + (value - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]) * (_WIDTH - _LEFT - _RIGHT)

    def y(value):
        return (
            _HEIGHT
            - _BOTTOM
            - (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (_HEIGHT - _TOP - _BOTTOM)
        )

    parts = [f'<text class="text title" x="{_LEFT}" y="15">{html.escape(title)}</text>']
    for tick in y_ticks:
        parts.append(
            f'<path class="axis" d="M{_LEFT} {y(tick):.1f}H{_WIDTH - _RIGHT}"/><text class="text" '
            f'text-anchor="end" x="{_LEFT - 6}" y="{y(tick) + 4:.1f}">{tick:g}</text>'
        )
    for tick in x_ticks:
        parts.append(
            f'<text class="text" text-anchor="middle" x="{x(tick):.1f}" '
            f'y="{_HEIGHT - _BOTTOM + 15}">{tick:g}</text>'
        )
    parts.append(
        f'<text class="text" text-anchor="end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}">% '
        "missing</text>"
    )
    for k, marks in enumerate(series.values()):
        marks = [p for p in marks if math.isfinite(p.y)]
        colour = _colour(k)
        if joined and len(marks) > 1:
            path = "L".join(f"{x(p.x):.1f} {y(p.y):.1f}" for p in marks)
            dashes = ' stroke-dasharray="5 3"' if _again(k) else ""
            parts.append(
                f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dashes}/>'
            )
        for p in marks:
            if math.isfinite(p.low):
                parts.append(
                    f'<path d="M{x(p.x):.1f} {y(p.low):.1f}V{y(p.high):.1f}" stroke="{colour}" '
                    'stroke-width="1.2" opacity=".6"/>'
                )
            parts.append(
                f'<circle cx="{x(p.x):.1f}" cy="{y(p.y):.1f}" r="{2.6 if joined else 2.2}" '
                + (f'fill="none" stroke="{colour}"/>' if _again(k) else f'fill="{colour}"/>')
            )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)} over the share of missing pixels">{"".join(parts)}</svg>'
    )


def _colour(k):
    return COLOURS[k % len(COLOURS)]


def _again(k):
    """Whether an earlier series has the same colour."""
    return k >= len(COLOURS)


def _patch(k):
    """The CSS of a series' patch in the legend."""
    colour = _colour(k)
    if _again(k):
        return f"background:none;border:2px dashed {colour};box-sizing:border-box"
    return f"background:{colour}"
