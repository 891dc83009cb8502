"""The results of the study: figures of each photograph, means over seeds, paired differences.

    results = read("docs/study")
    results.mean("facades", "full", "musical", "center", "psnr_in_hole")       # Result
    results.difference("facades", "full", "musical", "shift_net", "center", "psnr_in_hole")

If a design has several seeds, the figure of a photograph is the mean over the seeds. Intervals are
computed as in `evaluate`: bootstrap over photographs, for differences over pairs. They do not tell
how much a second training would differ, so the mean of each seed is kept beside them. A difference
uses the seeds that both designs have.
"""

import dataclasses
from typing import Dict, List, Optional, Tuple

import numpy as np

from tfinpaint.metrics import statistics
from tfinpaint.metrics.statistics import Mean
from tools.studies import measuring, records
from tools.studies.plan import SETS, Run, plan
from tools.studies.records import Record

MORE_IS_BETTER = {"psnr_in_hole": True, "ssim_in_hole": True, "l1_in_hole": False, "lpips": False}
Key = Tuple[str, str, str]  # data, regime, design
Blocks = Dict[str, Dict[str, np.ndarray]]  # {block: {column: float [N]}}; nan if left out


@dataclasses.dataclass(frozen=True)
class Result:
    """A mean with its interval over photographs, and the mean of each seed."""

    mean: Mean
    of_seeds: Dict[int, float]


@dataclasses.dataclass
class Results:
    """The results of all finished runs.

    runs:         {(data, regime, design): {seed: its figures}}.
    records:      {(data, regime, design): {seed: its record}}.
    fixed:        {data: {reference: its figures}}.
    photographs:  {data: names}, in the order of the figures.
    planned:      every run of the plan.
    """

    runs: Dict[Key, Dict[int, Blocks]]
    records: Dict[Key, Dict[int, Record]]
    fixed: Dict[str, Dict[str, Blocks]]
    photographs: Dict[str, List[str]]
    planned: List[Run]

    @property
    def finished(self) -> int:
        return sum(map(len, self.runs.values()))

    def seeds(self, data: str, regime: str, design: str, block: str, column: str):
        """{seed: float [N]} of a design; {0: ...} of a reference; empty if there is no result."""
        if design in self.fixed.get(data, {}):
            found = {0: self.fixed[data][design]}
        else:
            found = self.runs.get((data, regime, design), {})
        return {s: blocks[block][column] for s, blocks in found.items() if column in blocks[block]}

    def mean(
        self, data: str, regime: str, design: str, block: str, column: str
    ) -> Optional[Result]:
        """The mean of a design or reference; None if it was not run or not measured."""
        return _result(self.seeds(data, regime, design, block, column))

    def difference(
        self, data: str, regime: str, design: str, other: str, block: str, column: str
    ) -> Optional[Result]:
        """`design` minus `other`; None if they have no seed with the same cost in common."""
        ours, theirs = (self.seeds(data, regime, d, block, column) for d in (design, other))
        if other in self.fixed.get(data, {}):  # a reference is the same for all seeds
            theirs = {seed: theirs[0] for seed in ours} if theirs else {}
            common = sorted(ours.keys() & theirs.keys())
        else:
            costs, others = (self.records.get((data, regime, d), {}) for d in (design, other))
            common = sorted(
                seed
                for seed in ours.keys() & theirs.keys()
                if costs[seed].minutes == others[seed].minutes
            )
        return _result({seed: ours[seed] - theirs[seed] for seed in common})


def _result(of_seeds: Dict[int, np.ndarray]) -> Optional[Result]:
    if not of_seeds:
        return None
    return Result(
        statistics.mean(np.mean(list(of_seeds.values()), axis=0)),
        {seed: statistics.mean(values).mean for seed, values in of_seeds.items()},
    )


def read(folder: str) -> Results:
    """The results in a folder."""
    results = Results({}, {}, {}, {}, plan())
    for data in SETS:
        record = records.read(folder, records.reference_name(data))
        if record:
            order = results.photographs.setdefault(data, record.photographs)
            results.fixed[data] = {
                name: _figures(blocks, record.photographs, order)
                for name, blocks in record.figures.items()
            }
    for run in results.planned:
        record = records.read(folder, run.name)
        if record:
            order = results.photographs.setdefault(run.data, record.photographs)
            key = run.data, run.regime, run.design
            figures = _figures(record.figures, record.photographs, order)
            results.runs.setdefault(key, {})[run.seed] = figures
            results.records.setdefault(key, {})[run.seed] = record
    return results


def _figures(
    blocks: Dict[str, Dict[str, List[Optional[float]]]], names: List[str], order: List[str]
) -> Blocks:
    return {
        block: {
            column: np.array(measuring.in_order(each, names, order), float)
            for column, each in columns.items()
        }
        for block, columns in blocks.items()
    }
