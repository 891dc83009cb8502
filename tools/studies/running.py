"""Trains one run of the study until its processor time is spent.

    train(command, folder, record, lock)      # -> the record, which is written as it changes

`command` is a process that trains as `python -m tfinpaint.train` does: it writes checkpoints, says
"step N/" once its first step is done, and after SIGTERM saves and ends. (Not SIGINT: a shell may
have switched that off for what it runs in the background.) Its cost is read from /proc. What was
trained after the last checkpoint of a killed process is lost, and so is its cost: the run goes on
from the last checkpoint whose cost is in the record.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from typing import Callable, List, Optional, Tuple

from tools.studies.records import LOG, RUN, Record

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_FIRST_STEP = re.compile(rb"(?m)(?:^|\r)step \d+/")
_PARAMETERS = re.compile(rb", ([\d,]+) parameters")
_LOOK = 0.2  # seconds between two looks at the process
_SAVING = 3600  # seconds that it may take to save; at the lowest priority that may be long


class Failed(Exception):
    """The training ended by itself. Its text is the last line of what it said."""


def train(
    command: Callable[[List[str]], List[str]],
    folder: str,
    record: Record,
    lock: int,
    phases: Tuple[Tuple[str, float], ...] = (),
) -> None:
    """Trains from where the record stands until its budget is spent.

    command:  (flags) -> the words of the process. The flags are --run_dir, --resume and --phases.
    folder:   of the run; the run directory is folder/run.
    phases:   (name, share of the budget), in order.

    Raises: Failed if the process ends by itself. KeyboardInterrupt once the process has saved.
    """
    run_dir = os.path.join(folder, RUN)
    while record.seconds < record.budget:
        if not record.step:
            shutil.rmtree(run_dir, ignore_errors=True)  # what no record knows of
            record.phases = {}
        name, end = record.phase(phases)
        if name:
            record.phases.setdefault(name, record.step)
        flags = [f"--run_dir={run_dir}", *record.phase_flags(phases)]
        if record.step:
            flags.append(f"--resume={record.step}")
        record.starts += 1
        record.cores = len(os.sched_getaffinity(0))
        record.failure = None
        record.write(folder)
        _Session(command(flags), folder, record, lock, end).run()
    record.done = True
    record.write(folder)
    _keep_last_checkpoint(run_dir)


class _Session:
    """One training process, from its start to its end."""

    def __init__(self, words: List[str], folder: str, record: Record, lock: int, end: float):
        self._folder, self._record, self._end = folder, record, end
        self._before = record.seconds
        self._start: Optional[float] = None  # processor time at the end of the first step
        self._log = os.path.join(folder, LOG)
        self._log_from = os.path.getsize(self._log) if os.path.isfile(self._log) else 0
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                preexec_fn=_die_with_parent,
            )

    def run(self) -> None:
        """Raises what `train` does. Whatever happens, no process is left."""
        try:
            while self._process.poll() is None:
                cost = self._look()
                if cost >= self._end:
                    self._stop(cost)
                    break
                time.sleep(_LOOK)
        except BaseException:
            self._stop(self._cost())
            raise
        if self._record.seconds < self._end:
            failure = (self._said() or [f"status {self._process.returncode}"])[-1]
            self._record.failure = failure
            self._record.write(self._folder)
            raise Failed(failure)

    def _look(self) -> float:
        """The cost so far. Records a checkpoint that is new."""
        cost = self._cost()
        step = last_step(self._folder)
        if self._start is not None and step > self._record.step:
            self._record.step, self._record.seconds = step, cost
            self._record.write(self._folder)
        return cost

    def _cost(self) -> float:
        spent = processor_seconds(self._process.pid)
        if spent is None:  # it has ended
            return self._record.seconds
        if self._start is None and _FIRST_STEP.search(self._bytes_said()):
            self._start = spent
            found = _PARAMETERS.search(self._bytes_said())
            if found:
                self._record.parameters = int(found[1].replace(b",", b""))
        return self._before if self._start is None else self._before + spent - self._start

    def _stop(self, cost: float) -> None:
        """Lets the process save and end. The record has its last checkpoint then.

        What saving costs is not counted.
        """
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_SAVING)
            except BaseException:
                self._process.kill()
                self._process.wait()
                raise
        step = last_step(self._folder)
        if step > self._record.step and self._start is not None:
            self._record.step, self._record.seconds = step, max(cost, self._record.seconds)
            self._record.write(self._folder)

    def _bytes_said(self) -> bytes:
        with open(self._log, "rb") as log:
            log.seek(self._log_from)
            return log.read()

    def _said(self) -> List[str]:
        text = self._bytes_said().decode("utf-8", "replace")
        return [line.strip() for line in text.splitlines() if line.strip()]


def last_step(folder: str) -> int:
    """The step of the last checkpoint of a run, 0 if there is none."""
    return max(_checkpoints(os.path.join(folder, RUN)), default=0)


def processor_seconds(pid: int) -> Optional[float]:
    """User and system time of all threads of a process; None once it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b") ")[2].split()  # a name may have spaces
    except (FileNotFoundError, ProcessLookupError):
        return None
    if words[0] == b"Z":
        return None
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _checkpoints(run_dir: str) -> List[int]:
    folder = os.path.join(run_dir, "checkpoints")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [int(found[1]) for name in names if (found := re.fullmatch(r"ckpt-(\d+)\.index", name))]


def _keep_last_checkpoint(run_dir: str) -> None:
    """A checkpoint takes up to 200 MB, and a run that is done needs one."""
    steps = sorted(_checkpoints(run_dir))
    folder = os.path.join(run_dir, "checkpoints")
    for step in steps[:-1]:
        for name in os.listdir(folder):
            if name.startswith(f"ckpt-{step}."):
                os.remove(os.path.join(folder, name))


def _die_with_parent() -> None:
    """In the new process: SIGTERM, upon which it saves and ends, when the study is killed.

    Ctrl-C comes to the study, which passes it on: the process is no part of its group. It stays in
    the session, because Linux may weigh `nice` only within one (sched_autogroup_enabled).
    """
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
