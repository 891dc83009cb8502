"""Trains a run of the study to its last step, in a process of its own.

    train(words, folder, counts, lock)      # counts: {phase: steps}, as costs.py returns them

`words` start a process that trains as `python -m tfinpaint.train` does. It goes on from the last
checkpoint of its run directory. After SIGTERM, it saves and ends. (SIGINT is not used, because a
shell may have switched it off for background processes.) A run counts as trained once its run
directory has a checkpoint of the last step, whoever made it.
"""

import ctypes
import glob
import json
import os
import re
import signal
import subprocess
from typing import Any, Callable, Dict, List, Optional

RUN, LOG = "run", "train.log"  # names in the folder of a run
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_SAVING = 3600  # seconds that saving may take, which may be long at the lowest priority


class Failed(Exception):
    """A run cannot be trained or measured. The message says why."""


def train(words: List[str], folder: str, counts: Dict[str, int], lock: int) -> None:
    """Trains from the last checkpoint to the last step, unless that is done. Keeps one checkpoint.

    words:   the words of the command, without --run_dir, --steps, --phases and --resume.
    folder:  that of the run; the run directory is folder/run.
    counts:  {phase: its steps}; {"": steps} without phases.
    lock:    the file descriptor that the process holds too (locks.py).

    Raises: Failed if the run cannot be trained. KeyboardInterrupt once the process has saved.
    """
    run_dir, steps = os.path.join(folder, RUN), sum(counts.values())
    if not is_trained(run_dir, counts):
        _make_way(run_dir, counts)
        _train(words, folder, counts, lock)
    _keep_checkpoint(run_dir, steps)


def is_trained(run_dir: str, counts: Dict[str, int]) -> bool:
    """Whether a run directory is at the last step and was trained in these phases.

    Raises: Failed if it is beyond the last step, or if its phases cannot be read.
    """
    steps, step = sum(counts.values()), last_step(run_dir)
    if step > steps:
        raise Failed(
            f"{run_dir} is at step {step:,}, beyond the {steps:,} of this run: raise --minutes, or "
            "move it away"
        )
    return step == steps and ("" in counts or _has_phases(_settings(run_dir), counts))


def _train(words: List[str], folder: str, counts: Dict[str, int], lock: int) -> None:
    """Trains in a process of its own. Raises: Failed, KeyboardInterrupt."""
    run_dir = os.path.join(folder, RUN)
    words = [*words, f"--run_dir={run_dir}", *_step_flags(counts), "--resume"]
    log_path = os.path.join(folder, LOG)
    start = os.path.getsize(log_path) if os.path.isfile(log_path) else 0
    with open(log_path, "ab") as log:
        process = start_process(words, log, lock)
    try:
        process.wait()
    except BaseException:
        _end(process)
        raise
    if not is_at(run_dir, sum(counts.values())):
        raise Failed(last_line(log_path, start) or f"status {process.returncode}")


def _step_flags(counts: Dict[str, int]) -> List[str]:
    """The flags --steps and --phases of train. The last phase goes on to the end."""
    flags = [f"--steps={sum(counts.values())}"]
    if "" not in counts:
        flags.append(f"--phases={_phases(counts)}")
    return flags


def is_at(run_dir: str, step: int) -> bool:
    """Whether a run directory has a checkpoint of the step `step`."""
    return os.path.isfile(os.path.join(run_dir, "checkpoints", f"ckpt-{step}.index"))


def last_step(run_dir: str) -> int:
    """The step of the last checkpoint in a run directory; 0 if there is none."""
    folder = os.path.join(run_dir, "checkpoints")
    if not os.path.isdir(folder):
        return 0
    from tfinpaint import checkpoint_files  # late: it imports TensorFlow

    return max(checkpoint_files.numbered(folder), default=0)


def start_process(
    words: List[str], log, lock: Optional[int] = None, first: Callable[[], None] = lambda: None
) -> subprocess.Popen:
    """Starts a process that gets SIGTERM when this one is killed.

    words:  the words of the command.
    log:    open file for its output.
    lock:   the file descriptor that the process holds too (locks.py); None for none.
    first:  is called in the new process.
    """

    def prepare() -> None:
        _die_with_parent()
        first()

    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=() if lock is None else (lock,),
        preexec_fn=prepare,
    )


def last_line(path: str, start: int = 0) -> str:
    """The last line of a log after its first `start` bytes; "" if there is none.

    A carriage return, as of a progress bar, ends a line too.
    """
    with open(path, "rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", "replace")
    return ([line.strip() for line in re.split(r"[\r\n]", text) if line.strip()] or [""])[-1]


def _make_way(run_dir: str, counts: Dict[str, int]) -> None:
    """Moves a run directory aside that cannot go on, because its phases have other steps.

    Phases are shares of the steps, so a run in phases begins anew when it gets more steps.

    Raises: Failed if its phases cannot be read.
    """
    if "" in counts or not last_step(run_dir):
        return
    before = _settings(run_dir)
    if not _has_phases(before, counts):
        os.rename(run_dir, _unused(f"{run_dir}_of_{before['steps']}_steps"))


def _settings(run_dir: str) -> Dict[str, Any]:
    """{"steps": ..., "phases": {name: steps}} of a run directory.

    Raises: Failed if they cannot be read.
    """
    path = os.path.join(run_dir, "settings.json")
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        return {"steps": content["steps"], "phases": dict(content["phases"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"{path} cannot be read: {error!r}") from None


def _has_phases(before: Dict[str, Any], counts: Dict[str, int]) -> bool:
    return bool(before["phases"]) and _phases(before["phases"]) == _phases(counts)


def _phases(counts: Dict[str, int]) -> str:
    *others, last = counts
    return ",".join([*(f"{name}:{counts[name]}" for name in others), last])


def _unused(path: str) -> str:
    number, found = 1, path
    while os.path.exists(found):
        number += 1
        found = f"{path}_{number}"
    return found


def _keep_checkpoint(run_dir: str, step: int) -> None:
    """Deletes all checkpoints but that of `step`. One takes up to 200 MB."""
    folder = os.path.join(run_dir, "checkpoints")
    for path in glob.glob(os.path.join(glob.escape(folder), "ckpt-*")):
        if not os.path.basename(path).startswith(f"ckpt-{step}."):
            os.remove(path)


def _end(process: subprocess.Popen) -> None:
    """Lets a process save and end. If it does not end in time, it is killed."""
    try:
        process.terminate()
        process.wait(_SAVING)
    finally:
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    """Is called in the new process. If the study is killed, it gets SIGTERM, so it saves and ends.

    The process gets a process group of its own, so that Ctrl-C reaches only the study, which passes
    it on. It stays in the session, because Linux may apply `nice` only within a session
    (sched_autogroup_enabled).
    """
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
