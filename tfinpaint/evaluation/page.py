"""A report as one self-contained HTML page: how it was measured, tables, plots, and pictures.

It has no script and needs no other file or host. Pictures are embedded as JPEG of at most 320 px:
they are for looking at, not for measuring.
"""

import base64
import html

import cv2
import numpy as np

from tfinpaint.evaluation import plots
from tfinpaint.evaluation.score import Report
from tfinpaint.evaluation.text import (
    describe,
    heading,
    interval,
    number,
    perfect,
    published,
    regions,
)
from tfinpaint.metrics.statistics import FEWEST
from tfinpaint.pictures import blanked
from tfinpaint.wording import counted

_SIDE = 320  # pixels, longer side of a picture in the page
_STYLE = """
:root { --ink: #1d2327; --soft: #5c6870; --line: #d9dee2; --paper: #fff; --good: #0b6e4f; \
--bad: #a8322d }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaed; --soft: #9aa7b0; --line: #39434a; --paper: #15191c; --good: #5fd0a5; \
--bad: #f08a84 } }
body { font: 15px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); max-width: 1180px; margin: 2rem auto; \
padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem }
h2 { margin: 2.4rem 0 .4rem; font-size: 1.2rem } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
p, dd { color: var(--soft); margin: .2rem 0; overflow-wrap: anywhere; min-width: 0 } \
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .4rem 0 1rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); \
white-space: nowrap }
th:first-child, td:first-child { text-align: left } \
thead th { border-bottom: 2px solid var(--line); font-weight: 600 }
td small { display: block; color: var(--soft); font-size: .78rem } \
.better .d { color: var(--good) } .worse .d { color: var(--bad) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; \
font-size: .88rem } \
dt { font-weight: 600 } dd { margin: 0 }
.plots { display: flex; flex-wrap: wrap; gap: .6rem } svg .axis { stroke: var(--line); \
fill: none }
svg .text { fill: var(--soft); font: 11px system-ui, sans-serif } \
svg .title { fill: var(--ink); font-weight: 600; font-size: 12px }
.legend span { margin-right: 1rem } .legend i { display: inline-block; width: .8em; \
height: .8em; margin-right: .35em; border-radius: 2px }
details { border-top: 1px solid var(--line); padding: .4rem 0; width: min(94vw, 1800px); \
margin-left: calc(50% - min(47vw, 900px)) }
summary { cursor: pointer; font-weight: 600 } .row { display: grid; \
grid-template-columns: repeat(3, 1fr); gap: 1.2rem }
@media (max-width: 800px) { .row { grid-template-columns: 1fr } }
figure { margin: 0 } .three { display: flex; gap: 2px; align-items: start }
.three img { display: block; width: 33.3%; max-width: 320px } \
figcaption { font-size: .82rem; color: var(--soft) }
"""


def page(report: Report) -> str:
    """The whole page, as HTML."""
    first = next(iter(report.models))
    blocks = "".join(_block(report, scores, first) for scores in report.scores)
    facts = "".join(
        f"<dt>{escaped(word)}</dt><dd>{escaped(said)}</dd>" for word, said in report.facts
    )
    models = "".join(
        f"<dt>{escaped(name)}</dt><dd>{escaped(describe(about))}</dd>"
        for name, about in report.models.items()
    )
    versions = ", ".join(
        f"{escaped(name)} {escaped(str(value))}" for name, value in report.versions.items() if value
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>'
        f"tfinpaint: {escaped(', '.join(report.models))}</title><style>{_STYLE}</style></head>"
        f"<body><h1>How well holes are filled</h1><p>{escaped(report.protocol.title)}</p>"
        f"<h2>Models</h2><dl>{models}</dl><h2>How it was measured</h2><dl>{facts}</dl>"
        f"<p>{versions}</p>{_plots(report)}{blocks}{_pictures(report)}</body></html>\n"
    )


# ------------------------------------------------------------------------------------------- tables


def _block(report, scores, first):
    block = scores.block
    parts = [
        f"<h2>{escaped(_holes(block))}</h2><p>{counted(len(block.photos), 'photograph')}, "
        f"{escaped(block.about)}; "
        f"{100 * np.mean(block.shares):.1f} % missing on average, set {block.fingerprint}. "
        f"{escaped(_legend(len(block.photos), list(report.models)))}</p>"
    ]
    for region, columns in regions(report):
        rows = "".join(
            f"<tr><td>{escaped(m)}</td>{''.join(_cell(scores, m, c, first) for c in columns)}</tr>"
            for m in report.models
        )
        parts.append(_table(region, map(heading, columns), rows))
        parts += [f"<p>{escaped(line)}</p>" for line in perfect(report, scores, columns)]
    if report.set_columns:
        rows = "".join(
            f"<tr><td>{escaped(m)}</td>"
            + "".join(f"<td>{number(scores.of_set[m][c.name], c)}</td>" for c in report.set_columns)
            + "</tr>"
            for m in report.models
        )
        parts.append(_table("all photographs together", map(heading, report.set_columns), rows))
    for table, found in published(report, block):
        rows = "".join(
            f"<tr><td>{escaped(row[0])}</td>"
            + "".join(f"<td>{cell}</td>" for cell in table.cells(row))
            + "</tr>"
            for row in found
        )
        parts.append(
            f"<h3>Published, {escaped(table.source)}: {escaped(table.photographs)}</h3>"
            "<p>Measured on the paper's photographs, not on these.</p>"
            + _table("", table.columns, rows)
        )
    return "".join(parts)


def _legend(photographs, models):
    """What a cell of a block's tables has below its mean; "" for nothing.

    models: their names. Differences are to the first, so one model alone has none.
    """
    first, *others = models
    if photographs < FEWEST:
        return f"Below each mean is the paired difference to {first}." if others else ""
    if not others:
        return "Below each mean is its interval."
    return (
        f"Below each mean are its interval and the paired difference to {first}, in colour if its "
        "interval does not include 0."
    )


def _table(corner, headings, rows):
    head = "".join(f"<th>{escaped(h)}</th>" for h in headings)
    return (
        f'<div class="wide"><table><thead><tr><th>{escaped(corner)}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(scores, model, column, first):
    mean = scores.mean(model, column.name)
    between = (
        ""
        if np.isnan(mean.low)
        else f"<small>{number(mean.low, column)} to {number(mean.high, column)}</small>"
    )
    if model == first:
        return f"<td>{number(mean.mean, column)}{between}</td>"
    other = scores.difference(model, column.name, first)
    sure = other.low > 0 or other.high < 0
    verdict = ("better" if (other.mean > 0) == column.more_is_better else "worse") if sure else ""
    paired = f'<small class="d">{escaped(interval(other, column, sign=True))}</small>'
    return f'<td class="{verdict}">{number(mean.mean, column)}{between}{paired}</td>'


# ------------------------------------------------------------------------------- plots and pictures


def _plots(report):
    drawn = []
    for c in report.columns:
        title = f"{c.title}{', ' + c.unit if c.unit else ''}"
        if len(report.scores) > 1:
            series = {
                m: [
                    plots.Point(
                        100 * float(np.mean(s.block.shares)),
                        *(c.scale * v for v in s.mean(m, c.name)[:3]),
                    )
                    for s in report.scores
                ]
                for m in report.models
            }
            drawn.append(plots.lines(title, series))
        elif len(set(report.scores[0].block.shares)) > 1:
            (s,) = report.scores
            series = {
                m: [
                    plots.Point(100 * share, c.scale * v)
                    for share, v in zip(s.block.shares, s.values[m][c.name])
                ]
                for m in report.models
            }
            drawn.append(plots.scatter(title, series))
    if not drawn:
        return ""
    return (
        f"<h2>By the share of missing pixels</h2>{plots.legend(list(report.models))}<div "
        f'class="plots">{"".join(drawn)}</div>'
    )


def _pictures(report):
    column = report.columns[0]
    parts = [
        "<h2>Best, median and worst photographs</h2>"
        f"<p>For each model, by {escaped(column.title)}. "
        "From left to right: input with its hole in white, output, original.</p>"
    ]
    middle = len(report.scores) // 2
    for k, scores in enumerate(report.scores):
        parts.append(
            f"<details{' open' if k == middle else ''}>"
            f"<summary>{escaped(_holes(scores.block))}</summary>"
        )
        for model in report.models:
            figures = "".join(
                _figure(scores, model, column, *example)
                for example in report.pictures[scores.block.title][model]
            )
            parts.append(f'<h3>{escaped(model)}</h3><div class="row">{figures}</div>')
        parts.append("</details>")
    return "".join(parts)


def _figure(scores, model, column, rank, k, output):
    block = scores.block
    images = "".join(
        f'<img alt="{what}" src="{_jpeg(pixels)}">'
        for what, pixels in (
            ("input", blanked(block.photos[k], block.holes[k])),
            ("output", output),
            ("original", block.photos[k]),
        )
    )
    figure = number(scores.values[model][column.name][k], column)
    return (
        f'<figure><div class="three">{images}</div><figcaption>{rank}: '
        f"{escaped(block.names[k])}, {100 * block.shares[k]:.0f} % missing, "
        f"{escaped(column.title)} {figure} {column.unit}</figcaption></figure>"
    )


def _jpeg(pixels):
    scale = _SIDE / max(pixels.shape[:2])
    if scale < 1:
        height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _holes(block):
    return {"center": "A centred hole", "pairs": "Their own holes"}.get(
        block.title, f"Holes of {block.title}"
    )


def escaped(text):
    return html.escape(str(text))
