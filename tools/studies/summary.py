"""Short tables of what the study shows.

of_claims(results, ...) a row for each claim, set of photographs and regime with a verdict
parts(results, ...)     whether a system is better or worse with one part changed
ours(results, ...)      how many of the published systems our own system, `residual`, beats
"""

from typing import Dict, List

from tools.studies import claims
from tools.studies.markdown import table_so_far
from tools.studies.measuring import BLOCKS
from tools.studies.plan import ABLATIONS, ORDER, OURS, ablation_regime, system_of
from tools.studies.results import Results


def of_claims(results: Results, regimes: Dict[str, str], holes: Dict[str, str]) -> str:
    """The verdicts on claims that were tested. Claims that hold come first.

    regimes, holes: {regime: its words} and {block: its words}.
    """
    found = []
    for claim in claims.CLAIMS:
        if claim.obstacle:
            continue
        for data in dict.fromkeys(case[0] for case in claim.cases):
            for regime in claim.regimes:
                said = {
                    block: claims.tested(results, claim, data, regime, block)[1]
                    for of, block in claim.cases
                    if of == data
                }
                verdicts = list(said.values())
                if set(verdicts) <= {claims.NOT_RUN}:
                    continue
                rank = verdicts.count(claims.CONTRADICTED) - verdicts.count(claims.HOLDS)
                cells = [said.get(block, "") for block in BLOCKS]
                found.append((rank, [claim.words, data, regimes[regime], *cells]))
    rows = [row for _, row in sorted(found, key=lambda pair: pair[0])]
    return table_so_far(["claim", "set", "terms", *(holes[block] for block in BLOCKS)], rows)


def parts(results: Results, regimes: Dict[str, str], holes: Dict[str, str]) -> str:
    """Whether systems with one part changed are better, worse or the same, on facades.

    Each cell has the verdicts by PSNR / LPIPS. Designs that cannot be tested here are left out.
    regimes, holes: see `of_claims`.
    """
    rows = []
    untestable = {claim.better for claim in claims.CLAIMS if claim.obstacle}
    for design, (changed, _) in ABLATIONS.items():
        if design in untestable:
            continue
        regime = ablation_regime(design)
        cells = [_sides(results, regime, design, block) for block in BLOCKS]
        if any(cells):
            rows.append([f"`{system_of(design)}`: {changed}", regimes[regime], *cells])
    return table_so_far(["", "terms", *(holes[block] for block in BLOCKS)], rows)


def _sides(results: Results, regime: str, design: str, block: str) -> str:
    """How a design compares with its system by PSNR / LPIPS: "better / same"; "" if not run."""
    words = {claims.HOLDS: "better", claims.CONTRADICTED: "worse", claims.NO: "same"}
    verdicts = [
        claims.verdict(
            results.difference("facades", regime, design, system_of(design), block, column), column
        )
        for column in (claims.PSNR, claims.LPIPS)
    ]
    if set(verdicts) <= {claims.NOT_RUN}:
        return ""
    return " / ".join(words.get(verdict, "-") for verdict in verdicts)


def ours(results: Results, regimes: Dict[str, str], holes: Dict[str, str]) -> str:
    """How many of the published systems `residual` beats, by the rule of `claims.verdict`.

    regimes, holes: see `of_claims`.
    """
    rows = []
    for data, regime, design in results.runs:
        if design != OURS:
            continue
        for column, name in (("psnr_in_hole", "PSNR"), ("lpips", "LPIPS")):
            cells = [_counts(results, data, regime, block, column) for block in BLOCKS]
            rows.append([data, regimes[regime], name, *cells])
    head = ["set", "terms", "figure", *(holes[block] for block in BLOCKS)]
    return table_so_far(head, rows)


def _counts(results, data, regime, block, column):
    """How many others `residual` beats, and how many beat it: "11 of 11", "10 of 11, 1 better"."""
    differences = (
        results.difference(data, regime, OURS, other, block, column)
        for other in ORDER
        if other != OURS
    )
    found: List[str] = [claims.verdict(d, column) for d in differences if d]
    words = f"{found.count(claims.HOLDS)} of {len(found)}"
    worse = found.count(claims.CONTRADICTED)
    return words + (f", {worse} better" if worse else "")
