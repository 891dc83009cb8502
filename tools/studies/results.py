"""What came out of the study: figures of each photograph, means over seeds, paired differences.

    results = read(output)
    results.mean("facades", "full", "musical", "center", "psnr_in_hole")       # Result
    results.difference("facades", "full", "musical", "shift_net", "center", "psnr_in_hole")

Of several seeds the figure of a photograph is the mean over the seeds. Intervals are those of
`evaluate`: bootstrap over photographs, of differences paired. They say nothing of another training,
so each seed's own mean is kept beside them. A difference takes the seeds that both designs have.
"""

import dataclasses
import os
from typing import Dict, List, Optional, Tuple

import numpy as np

from tfinpaint.metrics import statistics
from tfinpaint.metrics.statistics import Mean
from tools.studies import measuring, records
from tools.studies.plan import SETS, Run, plan

MORE_IS_BETTER = {"psnr_in_hole": True, "ssim_in_hole": True, "l1_in_hole": False, "lpips": False}
Key = Tuple[str, str, str]  # data, regime, design


@dataclasses.dataclass(frozen=True)
class Result:
    """A mean with its interval over photographs, and the mean of each seed."""

    mean: Mean
    of_seeds: Dict[int, float]


@dataclasses.dataclass
class Results:
    """All that is finished.

    runs:     {(data, regime, design): {seed: {block: {column: float [N]}}}}.
    records:  {(data, regime, design): {seed: its record}}.
    fixed:    {data: {reference: {block: {column: float [N]}}}}.
    planned:  every run of the plan.
    """

    runs: Dict[Key, Dict[int, Dict[str, Dict[str, np.ndarray]]]]
    records: Dict[Key, Dict[int, records.Record]]
    fixed: Dict[str, Dict[str, Dict[str, Dict[str, np.ndarray]]]]
    planned: List[Run]

    @property
    def finished(self) -> int:
        return sum(map(len, self.runs.values()))

    def seeds(self, data: str, regime: str, design: str, block: str, column: str):
        """{seed: float [N]}; of a reference {0: ...}; empty where there is nothing."""
        if design in self.fixed.get(data, {}):
            found = {0: self.fixed[data][design]}
        else:
            found = self.runs.get((data, regime, design), {})
        return {s: blocks[block][column] for s, blocks in found.items() if column in blocks[block]}

    def mean(
        self, data: str, regime: str, design: str, block: str, column: str
    ) -> Optional[Result]:
        """None where it was not run, or not measured."""
        return _result(self.seeds(data, regime, design, block, column))

    def difference(
        self, data: str, regime: str, design: str, other: str, block: str, column: str
    ) -> Optional[Result]:
        """`design` minus `other`. None where they have no seed, at the same cost, in common."""
        ours, theirs = (self.seeds(data, regime, d, block, column) for d in (design, other))
        if other in self.fixed.get(data, {}):  # it has no seed: the same for all
            theirs = {seed: theirs[0] for seed in ours} if theirs else {}
            common = sorted(ours.keys() & theirs.keys())
        else:
            costs, others = (self.records.get((data, regime, d), {}) for d in (design, other))
            common = sorted(
                seed
                for seed in ours.keys() & theirs.keys()
                if costs[seed].budget == others[seed].budget
            )
        return _result({seed: ours[seed] - theirs[seed] for seed in common})


def _result(of_seeds: Dict[int, np.ndarray]) -> Optional[Result]:
    if not of_seeds:
        return None
    return Result(
        statistics.mean(np.mean(list(of_seeds.values()), axis=0)),
        {seed: statistics.mean(values).mean for seed, values in of_seeds.items()},
    )


def read(output: str) -> Results:
    """The results of the runs of a folder that are trained and measured.

    Of a run that goes on at a higher cost, those of the lower one until it is done.
    """
    results = Results({}, {}, {}, plan())
    photographs: Dict[str, Dict[str, List[str]]] = {data: {} for data in SETS}  # in one order
    for data in SETS:
        folder = measuring.reference_folder(output, data)
        if measuring.is_measured(folder):
            for block, models in measuring.figures(folder, photographs[data]).items():
                for name, columns in models.items():
                    results.fixed.setdefault(data, {}).setdefault(name, {})[block] = columns
    for run in results.planned:
        for folder in records.outcomes(os.path.join(output, run.name)):
            record = records.read(folder)
            if record is None or not record.done or not measuring.is_measured(folder):
                continue
            key = run.data, run.regime, run.design
            results.runs.setdefault(key, {})[run.seed] = {
                block: next(iter(models.values()))
                for block, models in measuring.figures(folder, photographs[run.data]).items()
            }
            results.records.setdefault(key, {})[run.seed] = record
            break
    return results
