"""A report as text for a terminal, as CSV for a spreadsheet, and as JSON with everything in it."""

import csv
import dataclasses
import io
import json
import math
from typing import Iterator, List, Sequence, Tuple

from tfinpaint.evaluation.cases import Block
from tfinpaint.evaluation.score import Report, Scores
from tfinpaint.metrics import weights_flags
from tfinpaint.metrics.metric import Column
from tfinpaint.metrics.protocols import Table, tables
from tfinpaint.metrics.statistics import Mean
from tfinpaint.systems.specification import in_words
from tfinpaint.wording import counted


def text(report: Report) -> str:
    """The report as text.

    It has a header, a table for each block and region, the differences to the first model, and the
    figures that the paper publishes.
    """
    lines = [f"{word:12s} {said}" for word, said in report.facts]
    lines += ["", "models"]
    for name, about in report.models.items():
        lines.append(f"{name:24s} {describe(about)}")
    first = next(iter(report.models))
    for scores in report.scores:
        block = scores.block
        lines += [
            "",
            f"== {block.title}: {counted(len(block.photos), 'photograph')}, "
            f"{100 * sum(block.shares) / len(block.shares):.1f} % missing on average, set "
            f"{block.fingerprint}",
        ]
        for region, columns in regions(report):
            rows = [[region, *(heading(c) for c in columns)]]
            rows += [
                [m, *(interval(scores.mean(m, c.name), c) for c in columns)] for m in report.models
            ]
            if len(report.models) > 1:
                rows += [[f"difference to {first}", *("" for _ in columns)]]
                rows += [
                    [
                        m,
                        *(
                            interval(scores.difference(m, c.name, first), c, sign=True)
                            for c in columns
                        ),
                    ]
                    for m in report.models
                    if m != first
                ]
            lines += ["", *_aligned(rows), *perfect(report, scores, columns)]
        if report.set_columns:
            rows = [["of all together", *(heading(c) for c in report.set_columns)]]
            rows += [
                [m, *(number(scores.of_set[m][c.name], c) for c in report.set_columns)]
                for m in report.models
            ]
            lines += ["", *_aligned(rows)]
        for table, found in published(report, block):
            lines += ["", f"published, {table.source}: {table.photographs} (not these photographs)"]
            lines += _aligned(
                [["", *table.columns]] + [[row[0], *table.cells(row)] for row in found]
            )
    lines += ["", "  ".join(f"{name} {value}" for name, value in report.versions.items() if value)]
    return "\n".join(lines) + "\n"


def comma_separated(report: Report) -> str:
    """The report as CSV: one row for each block, model and column.

    Figures are in the column's unit (dB, %), with their interval and the paired difference to the
    first model. Figures that are not finite are empty.
    """
    first = next(iter(report.models))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    # fmt: off
    writer.writerow([
        "block", "model", "column", "unit", "mean", "low", "high", "photographs", "difference",
        "difference_low", "difference_high",
    ])
    # fmt: on
    for scores in report.scores:
        for model in report.models:
            for c in report.columns:
                mean, other = scores.mean(model, c.name), scores.difference(model, c.name, first)
                writer.writerow(
                    [
                        scores.block.title,
                        model,
                        c.name,
                        c.unit,
                        *(_plain(c.scale * v) for v in mean[:3]),
                        mean.count,
                        *(_plain(c.scale * v) if model != first else "" for v in other[:3]),
                    ]
                )
            for c in report.set_columns:
                writer.writerow(
                    [
                        scores.block.title,
                        model,
                        c.name,
                        c.unit,
                        _plain(c.scale * scores.of_set[model][c.name]),
                        "",
                        "",
                        len(scores.block.photos),
                        "",
                        "",
                        "",
                    ]
                )
    return out.getvalue()


def as_json(report: Report) -> str:
    """The report as JSON, with everything in it.

    It holds the settings, versions, models with the hashes of their weights, columns, means, and
    the figures of every photograph. Figures are in the units of their columns. Those that are not
    finite (such as an infinite PSNR) are null.
    """
    first = next(iter(report.models))
    blocks = []
    for scores in report.scores:
        models = {}
        for model in report.models:
            figures = {}
            for c in report.columns:
                mean, other = scores.mean(model, c.name), scores.difference(model, c.name, first)
                figures[c.name] = {
                    **_interval_json(mean, c.scale),
                    "photographs": mean.count,
                    "infinite": mean.perfect,
                    "difference": _interval_json(other, c.scale),
                    "each": [_finite(c.scale * v) for v in scores.values[model][c.name]],
                }
            models[model] = {
                **figures,
                **{
                    c.name: {"mean": _finite(c.scale * scores.of_set[model][c.name])}
                    for c in report.set_columns
                },
            }
        blocks.append(
            {
                "title": scores.block.title,
                "about": scores.block.about,
                "hole_set": scores.block.fingerprint,
                "photographs": list(scores.block.names),
                "hole_shares": scores.block.shares,
                "models": models,
            }
        )
    content = {
        "protocol": report.protocol.name,
        "facts": [list(fact) for fact in report.facts],
        "settings": _settings(report.settings),
        "image_size": report.image_size,
        "versions": report.versions,
        "models": report.models,
        "first_model": first,
        "columns": {
            c.name: {
                "label": c.label,
                "unit": c.unit,
                "more_is_better": c.more_is_better,
                "region": c.region,
                "definition": c.definition,
            }
            for c in [*report.columns, *report.set_columns]
        },
        "blocks": blocks,
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


# --------------------------------------------------------------- what the page shares with the text


def regions(report: Report) -> Iterator[Tuple[str, List[Column]]]:
    """Yields (title, columns) for the whole picture and for the hole, if they have columns."""
    for title, region in (("whole picture", "whole"), ("in the hole", "hole")):
        columns = [c for c in report.columns if c.region == region]
        if columns:
            yield title, columns


def published(report: Report, block: Block) -> Iterator[Tuple[Table, List[tuple]]]:
    """Yields (table, its rows for this block).

    It yields nothing unless the squares are of 256 pixels, as in the papers, and the paper has such
    a block.
    """
    if report.image_size != 256:
        return
    kind = "center" if block.title == "center" else "strokes"  # also holes from mask files
    for table in tables(report.protocol.name, kind):
        rows = [row for row in table.rows if row[1] == block.title]
        if rows:
            yield table, rows


def perfect(report: Report, scores: Scores, columns: Sequence[Column]) -> Iterator[str]:
    """Yields a line for each model and column whose mean leaves out infinite figures."""
    for model in report.models:
        for c in columns:
            found = scores.mean(model, c.name)
            if found.perfect:
                yield (
                    f"{model}: {found.perfect} of {len(scores.block.photos)} photographs have an "
                    f"infinite {c.title} and are not in its means"
                )


def heading(column: Column) -> str:
    """The label, the unit, and an arrow: ↑ if larger figures are better, else ↓."""
    return (
        f"{column.label}{' ' + column.unit if column.unit else ''} "
        f"{'↑' if column.more_is_better else '↓'}"
    )


def number(value: float, column: Column, sign: bool = False) -> str:
    """A figure in the column's unit, with as many digits as papers give.

    value: as measured, before `column.scale`.
    sign: whether a positive figure has a plus sign.
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "-inf" if value < 0 else "+inf" if sign else "inf"
    digits = 2 if column.unit == "dB" else 3 if column.unit == "%" else 4
    return f"{column.scale * value:{'+' if sign else ''}.{digits}f}"


def interval(mean: Mean, column: Column, sign: bool = False) -> str:
    """A mean with its interval, "MEAN [LOW, HIGH]"; the mean alone if there is no interval."""
    shown = number(mean.mean, column, sign)
    return (
        shown
        if math.isnan(mean.low)
        else f"{shown} [{number(mean.low, column, sign)}, {number(mean.high, column, sign)}]"
    )


def describe(about: dict) -> str:
    """A model in words. about: what `Method.about` says of it."""
    if about["kind"] == "reference":
        return about["what"]
    parts = [in_words(about["system"], about["variant"])]
    if about.get("steps") is not None:
        parts.append(f"step {about['steps']:,}")
    if about.get("parameters"):
        parts.append(f"{about['parameters']:,} parameters")
    if about.get("image_size"):
        on = f" on {about['trained_on']}" if about.get("trained_on") else ""
        parts.append(f"trained{on} at {about['image_size']} px")
    if about.get("weights_sha256"):
        parts.append(f"weights {about['weights_sha256'][:12]}")
    return ", ".join(parts) + ("" if about["kind"] == "run" else " (export)")


def _settings(settings):
    """{name: value} of the settings; the file of a metric's weights by the name of its flag."""
    values = {}
    for name, value in dataclasses.asdict(settings).items():
        values.update(
            {flag: dict(value).get(flag) for flag in weights_flags()}
            if name == "metric_weights"
            else {name: value}
        )
    return values


def _aligned(rows):
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(max(widths[0], 16)),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:])),
            ]
        ).rstrip()
        for row in rows
    ]


def _interval_json(mean, scale):
    return {name: _finite(scale * value) for name, value in zip(("mean", "low", "high"), mean[:3])}


def _finite(value):
    return float(value) if math.isfinite(value) else None


def _plain(value):
    return f"{value:.6g}" if math.isfinite(value) else ""
