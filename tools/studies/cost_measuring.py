"""Measures what a step of each run costs, and adds it to the table of costs.py.

    fill(path, runs, command, say, warn)

A cost is the processor time, user and system, of all threads of a process on one core, between two
lines of its progress. It hardly depends on what else the machine does.
"""

import os
import re
import tempfile
import time
from typing import Callable, Dict, List, Optional

from tfinpaint.processor import described
from tfinpaint.settings import SettingsError
from tools.studies import costs, running
from tools.studies.plan import Run

# Steps between which the time is measured (the first steps trace), and steps of the run. The
# process is stopped at TO.
FROM, TO, STEPS = 5, 30, 40
_LOOK = 0.02  # seconds between two checks of the process
_STEP = re.compile(rb"(?:^|[\r\n])step (\d+)/")


def fill(
    path: str,
    runs: List[Run],
    command: Callable[[Run], List[str]],
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Measures the costs that a table lacks for some runs, and writes each as soon as it is known.

    path:     the file of the table. If the table has figures, costs measured here are scaled by the
              anchor's cost in the table divided by its cost here. If not, the table becomes that of
              this machine.
    command:  takes a run and returns the words of the command that trains it, without --run_dir and
              --steps.
    say:      is called with each line of progress.
    warn:     is called with a line for each cost that cannot be measured.

    Raises: SettingsError if the table lacks the anchor, or if the anchor cannot be measured.
    """
    table = costs.read(path)
    todo = list(dict.fromkeys(key for run in runs for key in costs.keys(run)))
    todo = [key for key in todo if key not in table.seconds]
    if not todo:
        say("no cost is missing")
        return
    (anchor,) = costs.keys(costs.ANCHOR)
    if table.seconds and anchor not in table.seconds:
        raise SettingsError(
            f"--costs={path} lacks the anchor, {' '.join(anchor[:2])}, with which another machine "
            "is compared"
        )
    try:
        here = seconds_per_step(command(costs.ANCHOR))
    except running.Failed as failure:
        raise SettingsError(f"the cost of a step cannot be measured: {failure}") from None
    if not table.seconds:
        table = costs.Costs(machine(), {anchor: _rounded(here)})
        table.write(path)
    there = table.seconds[anchor]
    scale = there / here
    say(f"{' '.join(anchor[:2])}: {here:.4g} s a step here, {there:.4g} in the table")
    for key in todo:
        if key == anchor:
            continue
        regime, design, phase = key
        words = command(Run(costs.ANCHOR.data, regime, design, costs.ANCHOR.seed))
        try:
            found = seconds_per_step(words + ([f"--phases={phase}"] if phase else []))
        except running.Failed as failure:
            warn(f"the cost of {' '.join(key).strip()} cannot be measured: {failure}")
            continue
        table = costs.read(path)  # another process may have added to it
        table.seconds[key] = _rounded(scale * found)
        table.write(path)
        say(f"{' '.join(key).strip()}: {found:.4g} s a step, {table.seconds[key]:.4g} in the table")


def seconds_per_step(words: List[str]) -> float:
    """Processor seconds of a training step: the mean of the steps after FROM, up to TO.

    words:  the words of the command, without run directory and steps.

    Raises: Failed if the process ends before TO.
    """
    with tempfile.TemporaryDirectory(prefix="tfinpaint_cost_") as folder:
        path = os.path.join(folder, running.LOG)
        with open(path, "wb") as log:
            process = running.start_process(
                [
                    *words,
                    f"--run_dir={os.path.join(folder, running.RUN)}",
                    f"--steps={STEPS}",
                    f"--log_every={FROM}",
                    "--checkpoint_every=1000",
                ],
                log,
                first=_on_one_core,
            )
        spent_at: Dict[int, float] = {}  # {step: processor seconds}
        try:
            while TO not in spent_at:
                ended = process.poll() is not None
                spent = _processor_seconds(process.pid)
                if ended or spent is None:
                    raise running.Failed(running.last_line(path) or f"status {process.poll()}")
                with open(path, "rb") as file:
                    for step in _STEP.findall(file.read()):
                        spent_at.setdefault(int(step), spent)
                time.sleep(_LOOK)
        finally:
            process.kill()
            process.wait()
    if FROM not in spent_at or spent_at[TO] <= spent_at[FROM]:
        raise running.Failed("its steps cost no time that can be measured")
    return (spent_at[TO] - spent_at[FROM]) / (TO - FROM)


def _processor_seconds(pid: int) -> Optional[float]:
    """User and system seconds of all threads of a process; None once it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b") ")[2].split()  # the name before may have spaces
    except (FileNotFoundError, ProcessLookupError):
        return None
    if words[0] == b"Z":
        return None
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """This machine in words."""
    names = described("flags", "Features").split()
    kinds = [word for word in ("avx512_bf16", "avx512f", "avx2") if word in names][:1]
    import tensorflow as tf  # late: it takes seconds

    name = described("model name") or os.uname().machine
    own = f" ({kinds[0]})" if kinds else ""
    return f"{name}{own}, one core, TensorFlow {tf.__version__}, float32"


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.4g}")


def _on_one_core() -> None:
    """Is called in the new process. On two cores, two threads would waste some of their time."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
