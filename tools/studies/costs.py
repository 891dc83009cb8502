"""What a step of each run costs, and how many steps a run gets for its minutes.

    table = read(COSTS)
    table.steps(run, 40)      # {"edges": 900, "inpainting": 1100, ...}; {"": 2100} without phases

The table, costs.json, has the processor seconds of one step of each (regime, design, phase), as
measured on the one machine that it names. The steps of a run follow from the table, so that a run
is the same on every machine. A step costs the same on all sets of photographs and with all seeds.
"""

import dataclasses
import json
import os
from typing import Any, Dict, List, Sequence, Tuple

from tfinpaint import atomic
from tfinpaint.settings import SettingsError
from tools.studies.plan import RECONSTRUCTION, Run

COSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "costs.json")
SECONDS = 120  # processor seconds in a minute of two cores
# The run that is measured again on another machine, to convert its costs to those of the table.
ANCHOR = Run("facades", RECONSTRUCTION, "multistage", 1)

Key = Tuple[str, str, str]  # regime, design, phase ("" without phases)


@dataclasses.dataclass
class Costs:
    """The table.

    machine:  the machine on which it was measured.
    seconds:  {(regime, design, phase): processor seconds of a step}.
    """

    machine: str
    seconds: Dict[Key, float]

    def steps(self, run: Run, minutes: float) -> Dict[str, int]:
        """{phase: its steps}, in the order of the phases; {"": steps} for a run without phases.

        minutes: the cost of the run, in minutes of two cores.

        Raises: SettingsError if the table lacks a cost of the run.
        """
        self.check([run])
        shares = dict(run.phases) or {"": 1.0}
        budget = SECONDS * minutes
        return {
            key[2]: max(1, round(shares[key[2]] * budget / self.seconds[key])) for key in keys(run)
        }

    def lacks(self, run: Run) -> bool:
        return any(key not in self.seconds for key in keys(run))

    def check(self, runs: Sequence[Run]) -> None:
        """Raises SettingsError if the table lacks a cost of one of the runs."""
        missing = [run.name for run in runs if self.lacks(run)]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            raise SettingsError(
                f"--costs lacks the cost of a step of {missing[0]}{more}: --measure_costs measures "
                "it, --only leaves runs out"
            )

    def write(self, path: str) -> None:
        """Writes the table, sorted."""
        nested: Dict[str, Dict[str, Any]] = {}
        for (regime, design, phase), seconds in sorted(self.seconds.items()):
            designs = nested.setdefault(regime, {})
            if phase:
                designs.setdefault(design, {})[phase] = seconds
            else:
                designs[design] = seconds
        content = {"machine": self.machine, "seconds": nested}
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        atomic.write_text(path, json.dumps(content, indent=1) + "\n")


def keys(run: Run) -> List[Key]:
    """The keys of a run's costs in the table: one for each of its phases."""
    return [(run.regime, run.design, name) for name in (dict(run.phases) or [""])]


def read(path: str) -> Costs:
    """The table in a file; an empty one if there is no file.

    Raises: SettingsError if the file is no such table.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        seconds = {
            (regime, design, phase): float(value)
            for regime, designs in content["seconds"].items()
            for design, cost in designs.items()
            for phase, value in (cost if isinstance(cost, dict) else {"": cost}).items()
        }
        if not all(0 < value < float("inf") for value in seconds.values()):
            raise ValueError("a cost is above 0 and finite")
        return Costs(str(content["machine"]), seconds)
    except FileNotFoundError:
        return Costs("", {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"--costs={path} is no table of costs: {error!r}") from None
