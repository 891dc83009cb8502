"""How far a run of the study is, in OUTPUT/NAME/record.json, and which process has it.

    with taken(folder) as lock:     # None where another process has the run
        record = read(folder) or Record(budget)
        ...
        record.write(folder)

The cost of a run is processor time (user and system, of all threads) of its training process, from
the end of its first step on. Imports and tracing before that are not counted: they come anew with
every start, and would punish a run that was interrupted.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from typing import Dict, Iterator, List, Optional, Tuple

from tfinpaint import atomic

RECORD, LOCK, RUN, LOG = "record.json", "lock", "run", "train.log"
MEASURED = ("center", "strokes")  # folders of what was measured
AFTER = "after_"  # and the seconds of a finished run that was to go on


@dataclasses.dataclass
class Record:
    """How far a run has come.

    budget:      processor seconds that it gets.
    step:        of the last checkpoint whose cost is known.
    seconds:     the cost up to there.
    phases:      {phase: the step after which it began}.
    starts:      how often a training process was started.
    cores:       those that the last one could use.
    parameters:  of the generator.
    failure:     the last line of a training that ended by itself; None if there was none.
    done:        whether the budget is spent.
    """

    budget: float
    step: int = 0
    seconds: float = 0.0
    phases: Dict[str, int] = dataclasses.field(default_factory=dict)
    starts: int = 0
    cores: int = 0
    parameters: int = 0
    failure: Optional[str] = None
    done: bool = False

    def write(self, folder: str) -> None:
        text = json.dumps(dataclasses.asdict(self), indent=1) + "\n"
        atomic.write_text(os.path.join(folder, RECORD), text)

    def phase(self, shares: Tuple[Tuple[str, float], ...]) -> Tuple[Optional[str], float]:
        """The phase that the next step is of (None without phases), and the cost at its end."""
        end = 0.0
        for name, share in shares[:-1]:
            end += share * self.budget
            if self.seconds < end:
                return name, end
        return (shares[-1][0] if shares else None), self.budget

    def phase_flags(self, shares: Tuple[Tuple[str, float], ...]) -> List[str]:
        """--phases of train: those that are over with their steps, and the one that goes on.

        The next step's phase must have its entry in `phases`.
        """
        begun = [name for name, _ in shares if name in self.phases]
        ends = [self.phases[name] for name in begun[1:]]
        steps = [end - self.phases[name] for name, end in zip(begun, ends)]
        parts = [f"{name}:{count}" for name, count in zip(begun, steps)] + begun[-1:]
        return [f"--phases={','.join(parts)}"] if begun else []


def raised(folder: str, record: Record, budget: float, in_phases: bool) -> Record:
    """The record of a run that gets more than it was planned to.

    A finished run goes on from where it ended. What it had come to stays in folder/after_SECONDS.
    Phases are shares of the cost, so a run in phases begins anew.
    """
    if record.done:
        before = os.path.join(folder, f"{AFTER}{record.budget:g}")
        os.makedirs(before, exist_ok=True)
        record.write(before)
        for kind in MEASURED:
            if os.path.isdir(os.path.join(folder, kind)):
                shutil.rmtree(os.path.join(before, kind), ignore_errors=True)
                os.rename(os.path.join(folder, kind), os.path.join(before, kind))
    if in_phases:
        return Record(budget)
    return dataclasses.replace(record, budget=budget, done=False)


def outcomes(folder: str) -> List[str]:
    """The folder of a run, and those of what it had come to at lower cost, the dearest first."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    costs = sorted(float(n[len(AFTER) :]) for n in names if n.startswith(AFTER))
    return [folder, *(os.path.join(folder, f"{AFTER}{cost:g}") for cost in reversed(costs))]


def read(folder: str) -> Optional[Record]:
    """The record of a run, or None if it was never begun."""
    try:
        with open(os.path.join(folder, RECORD), encoding="utf-8") as file:
            return Record(**json.load(file))
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def taken(folder: str, wait: bool = False) -> Iterator[Optional[int]]:
    """Takes a folder for this process. Yields the lock, or None where another process has it.

    wait:  until the other one is done with it, or dead.

    The lock is the system's: it is gone once every process that has the file open has ended. A
    training process gets it too (`pass_fds`), so that one whose parent was killed keeps others away
    until it has written its checkpoint.
    """
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, LOCK), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file.fileno()
