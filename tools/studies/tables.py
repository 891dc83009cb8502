"""The tables of the study as Markdown, for a file of their own or for marked regions of a page.

parts = tables(results)                 # {region: text}
write(parts, "runs/study/tables.md")    # all of them, with headings
fill("docs/study.md", parts)            # <!-- study: REGION --> ... <!-- end -->
"""

import math
import re
from typing import Dict, Iterator, List, Optional, Tuple

from tfinpaint import atomic
from tfinpaint.metrics.statistics import Mean
from tfinpaint.settings import SettingsError
from tools.studies import claims, summary
from tools.studies.markdown import table, table_so_far
from tools.studies.measuring import BLOCKS, REFERENCES
from tools.studies.plan import (
    ABLATIONS,
    BATCH,
    FULL,
    ORDER,
    OURS,
    PARAMETERS,
    RECONSTRUCTION,
    SETS,
    SIZES,
    TERMS,
    ablation_regime,
    system_of,
)
from tools.studies.results import Result, Results

_NAMES = {"telea": "Telea", "navier_stokes": "Navier-Stokes", "mean": "mean colour"}
_REGIMES = {FULL: "all terms", RECONSTRUCTION: "reconstruction alone"}
_DIGITS = {"psnr_in_hole": 2, "ssim_in_hole": 4, "l1_in_hole": 2, "lpips": 4}
_FIGURES = {"psnr_in_hole": "PSNR", "lpips": "LPIPS"}
_UNITS = {"psnr_in_hole": " dB", "ssim_in_hole": "", "l1_in_hole": " %", "lpips": ""}
_HOLES = {block: "centre" if block == "center" else f"strokes of {block}" for block in BLOCKS}


def tables(results: Results) -> Dict[str, str]:
    """{region: Markdown} of all tables."""
    parts = {
        "progress": progress(results),
        "summary claims": summary.of_claims(results, _REGIMES, _HOLES),
        "summary parts": summary.parts(results, _REGIMES, _HOLES),
        "summary ours": summary.ours(results, _REGIMES, _HOLES),
        "sizes": sizes(),
        "claims": verdicts(results),
        "cost": cost(results),
    }
    for data in SETS:
        for regime in (FULL, RECONSTRUCTION):
            begun = any(key[:2] == (data, regime) for key in results.runs)
            blocks = (
                f"**{data}, {_REGIMES[regime]}, {_HOLES[block]}**\n\n"
                + systems(results, data, regime, block)
                for block in BLOCKS
            )
            parts[f"{data} {regime}"] = "\n\n".join(blocks) if begun else "Not run yet."
    parts["ours psnr"], parts["ours lpips"] = ours(results, "psnr_in_hole"), ours(results, "lpips")
    parts["ablations psnr"] = ablations(results, "psnr_in_hole")
    parts["ablations lpips"] = ablations(results, "lpips")
    return parts


def progress(results: Results) -> str:
    """How many of the planned runs are finished."""
    rows = []
    for data in SETS:
        for regime in (FULL, RECONSTRUCTION):
            planned = [r for r in results.planned if (r.data, r.regime) == (data, regime)]
            done = sum(len(of) for key, of in results.runs.items() if key[:2] == (data, regime))
            rows.append([data, _REGIMES[regime], str(done), str(len(planned))])
    total = f"{results.finished} of {len(results.planned)} planned runs are finished."
    found = {r.minutes for seeds in results.records.values() for r in seeds.values()}
    if found:
        minutes = " or ".join(f"{value:g}" for value in sorted(found))
        total += f" Each had {minutes} minutes of two cores."
    return total + "\n\n" + table(["set", "terms", "runs finished", "planned"], rows)


def sizes() -> str:
    """The size and the flags of each system."""
    rows = []
    for design in ORDER:
        own, full, alone = SIZES[design], TERMS[FULL], TERMS[RECONSTRUCTION]
        cells = (" ".join(words) for words in (own, full.get(design, ()), alone.get(design, ())))
        rows.append(
            [f"`{design}`", f"{PARAMETERS[design]:,}", *(f"`{c}`" if c else "" for c in cells)]
        )
    return table(["system", "parameters", "flags", "all terms", "reconstruction alone"], rows)


def cost(results: Results) -> str:
    """The steps and squares that each design got for its minutes."""
    rows = []
    for data in SETS:
        for regime in (FULL, RECONSTRUCTION):
            for design in (*ORDER, *ABLATIONS):
                found = results.records.get((data, regime, design), {}).values()
                for record in list(found)[:1]:
                    rows.append(
                        [
                            f"`{design}`",
                            data,
                            _REGIMES[regime],
                            f"{record.parameters:,}",
                            f"{record.minutes:g}",
                            f"{record.steps:,}",
                            f"{record.steps * BATCH:,}",
                        ]
                    )
    head = ["system", "set", "terms", "parameters", "minutes", "steps", "squares"]
    return table_so_far(head, rows)


def systems(results: Results, data: str, regime: str, block: str) -> str:
    """The figures of all systems and references on one kind of hole, the best PSNR first."""
    found, missing = [], []
    for design in (*ORDER, *REFERENCES):
        result = results.mean(data, regime, design, block, "psnr_in_hole")
        if result is None:
            missing.append(_name(design))
        else:
            found.append((result.mean.mean, design, result))
    rows = []
    for _, design, result in sorted(found, key=lambda one: -one[0]):
        seeds = "" if design in REFERENCES else str(len(result.of_seeds))
        other = results.difference(data, regime, design, "telea", block, "psnr_in_hole")
        more = [
            _figure(results.mean(data, regime, design, block, column), column)
            for column in ("ssim_in_hole", "l1_in_hole", "lpips")
        ]
        difference = "" if design == "telea" else _difference(other, "psnr_in_hole")
        psnr = _figure(result, "psnr_in_hole")
        rows.append([_name(design), seeds, psnr, _spread(result), difference, *more])
    head = ["", "seeds", "PSNR", "of the seeds", "difference to Telea", "SSIM", "L1", "LPIPS"]
    return table_so_far(head, rows, missing)


def ablations(results: Results, column: str) -> str:
    """The differences of designs with one part changed to their systems, on facades."""
    rows, missing = [], []
    for design, (words, _) in ABLATIONS.items():
        system, regime = system_of(design), ablation_regime(design)
        found = [
            results.difference("facades", regime, design, system, block, column) for block in BLOCKS
        ]
        name = f"`{system}`: {words}"
        if any(found):
            seeds = max(len(result.of_seeds) for result in found if result)
            cells = [_difference(result, column) for result in found]
            rows.append([name, _REGIMES[regime], str(seeds), *cells])
        else:
            missing.append(name)
    return table_so_far(["", "terms", "seeds", *_HOLES.values()], rows, missing)


def ours(results: Results, column: str) -> str:
    """The differences of `residual` to each published system, at equal cost and size."""
    rows = []
    for data in SETS:
        for regime in (RECONSTRUCTION, FULL):
            for other in ORDER:
                if other == OURS:
                    continue
                found = [
                    results.difference(data, regime, OURS, other, block, column) for block in BLOCKS
                ]
                if any(found):
                    cells = [_difference(result, column) for result in found]
                    seeds = max(len(result.of_seeds) for result in found if result)
                    rows.append([f"`{other}`", data, _REGIMES[regime], str(seeds), *cells])
    return table_so_far(["less", "set", "terms", "seeds", *_HOLES.values()], rows)


def verdicts(results: Results) -> str:
    """The papers' claims, what was compared, the differences, and the verdicts."""
    rows: List[List[str]] = []
    missing: Dict[Tuple[str, str], List[str]] = {}
    for claim in claims.CLAIMS:
        obstacle = f" (here {claim.obstacle})" if claim.obstacle else ""
        pair = f"`{claim.better}` - `{claim.worse}`"
        about = [claim.where, claim.words + obstacle, pair]
        for data, block in claim.cases:
            on = f"{data}, {_HOLES[block]}, {_FIGURES[claim.column]}"
            for regime in claim.regimes:
                result, found, unlearned = claims.tested(results, claim, data, regime, block)
                if found == claims.NOT_RUN:
                    missing.setdefault((data, _REGIMES[regime]), []).append(pair)
                    continue
                seeds = str(len(result.of_seeds)) if result else ""
                difference = _difference(result, claim.column)
                if unlearned:
                    found += f" (`{unlearned}`)"
                rows.append([*about, on, _REGIMES[regime], seeds, difference, found])
                about, on = ["", "", ""], ""
    head = ["paper", "claim", "compared here", "on", "terms", "seeds", "difference", "verdict"]
    left = [
        f"{data}, {terms}: {', '.join(dict.fromkeys(pairs))}"
        for (data, terms), pairs in missing.items()
    ]
    return table_so_far(head, rows, left)


# ---------------------------------------------------------------------------------------- writing


def write(parts: Dict[str, str], path: str) -> None:
    """Writes all parts into one file."""
    text = "\n\n".join(f"## {name}\n\n{part}" for name, part in parts.items())
    atomic.write_text(path, text + "\n")


def fill(path: str, parts: Dict[str, str]) -> None:
    """Puts the parts into the regions of a page that are marked with their names.

    Raises: SettingsError if the page cannot be read, or if it has no region, a region without an
        end, or a region that is not in `parts`.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        raise SettingsError(f"--page={path} cannot be read: {error}") from None
    found = list(_regions(text))
    unknown = [name for name in found if name not in parts]
    if unknown or not found:
        what = f"has a region {unknown[0]!r}" if unknown else "has no region"
        raise SettingsError(
            f"--page={path} {what}; regions are <!-- study: NAME --> ... <!-- end -->, with the "
            f"names {', '.join(parts)}"
        )
    if len(found) != text.count("<!-- study: "):
        raise SettingsError(f"--page={path}: a region has no end mark <!-- end -->")
    atomic.write_text(path, _REGION.sub(lambda f: f"{f[1]}\n{parts[f[2]]}\n\n{f[3]}", text))


# A region cannot contain the beginning of another, so that no text is lost if an end mark is.
_REGION = re.compile(r"(?s)(<!-- study: ([a-z ]+) -->\n)(?:(?!<!-- study: ).)*?(<!-- end -->)")


def _regions(text: str) -> Iterator[str]:
    return (found[2] for found in _REGION.finditer(text))


def _name(design: str) -> str:
    return _NAMES.get(design, f"`{design}`")


def _figure(result: Optional[Result], column: str) -> str:
    if result is None:
        return ""
    return f"{result.mean.mean:.{_DIGITS[column]}f}{_UNITS[column]}"


def _difference(result: Optional[Result], column: str) -> str:
    """A difference with its interval, "MEAN [LOW, HIGH]", with signs; "" if there is none.

    Without an interval, the mean alone.
    """
    if result is None:
        return ""
    mean: Mean = result.mean
    if math.isnan(mean.low):  # too few photographs for an interval
        return f"{mean.mean:+.{_DIGITS[column]}f}"
    low, high = (f"{value:+.{_DIGITS[column]}f}" for value in mean[1:3])
    return f"{mean.mean:+.{_DIGITS[column]}f} [{low}, {high}]"


def _spread(result: Result) -> str:
    """The lowest and the highest mean of the seeds; "" for a single seed."""
    if len(result.of_seeds) < 2:
        return ""
    low, high = min(result.of_seeds.values()), max(result.of_seeds.values())
    return f"{low:.2f} to {high:.2f}"
