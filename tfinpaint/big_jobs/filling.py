"""Fills the photographs of a pipeline, batch by batch. Each worker loads the model once.

    bad, filled = fill(jobs, Filling(model, How(), batch_size=16, threads=0))

Inputs:  a collection of `Job`s, on any file system.
Outputs: the files they name; the jobs that were filled, each with the seconds that the model took;
    rows (photograph, mask, reason) of those that could not be filled.

A photograph whose output exists is not filled again. A disk that is full or cannot be written to
ends the whole work, because it affects every photograph.
"""

import atexit
import contextlib
import dataclasses
import errno
import logging
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, Optional, Tuple

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tfinpaint import command
from tfinpaint.big_jobs import files
from tfinpaint.big_jobs.places import BAD, COUNTERS
from tfinpaint.fill_file import How, Report, outcomes
from tfinpaint.jobs import Job
from tfinpaint.settings import SettingsError, first_line

# errors of the output's disk, not of a photograph
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)
_AT_ONCE = 4  # outputs that are copied to their places at the same time
_SAID_EVERY = 30.0  # seconds
_log = logging.getLogger("tfinpaint")


@dataclasses.dataclass(frozen=True)
class Filling:
    """How a big job fills.

    model:       as for `tfinpaint.load`; every worker must see the path.
    how:         the flags of `inpaint`.
    batch_size:  photographs that a worker takes at a time. While one is filled, the next one of the
                 batch is read and the previous one is written.
    threads:     TensorFlow's threads in each worker; 0: as many as there are cores.
    device:      "cpu", "gpu" or "gpu:N"; None: TensorFlow's choice.
    """

    model: str = "default"
    how: How = How()
    batch_size: int = 16
    threads: int = 0
    device: Optional[str] = None


def load_painter(filling: Filling) -> Any:
    """Loads the painter of a worker.

    Raises: SettingsError if the model cannot be loaded, or does not take a seed that is given.
    """
    import tensorflow as tf

    from tfinpaint.loading import load

    with contextlib.suppress(RuntimeError):  # too late if TensorFlow has begun to compute
        command.choose_device(filling.device)
        tf.config.threading.set_intra_op_parallelism_threads(filling.threads)
    painter = load(filling.model)
    if filling.how.seed:
        painter.check_takes("seed", "seed")
    return painter


def fill(jobs: Any, filling: Filling) -> Tuple[Any, Any]:
    """Adds the steps that fill the jobs.

    Returns: two collections of a pipeline: bad rows, and (job, seconds) of the filled photographs.
    """
    results = (
        jobs
        | "LeaveOutDone" >> beam.FlatMap(_not_done)
        | "Spread" >> beam.Reshuffle()
        | "Batch"
        >> beam.BatchElements(min_batch_size=filling.batch_size, max_batch_size=filling.batch_size)
        | "Fill" >> beam.ParDo(_Fill(filling)).with_outputs(BAD, main="filled")
    )
    return results[BAD], results.filled


def counted_bad(row: tuple) -> tuple:
    """Counts a bad row and returns it."""
    Metrics.counter(COUNTERS, "bad").inc()
    return row


def _not_done(job: Job) -> Iterator[Job]:
    if files.exists(job.output):
        Metrics.counter(COUNTERS, "already").inc()
    else:
        yield job


class _Fill(beam.DoFn):
    """Fills a batch."""

    def __init__(self, filling: Filling):
        super().__init__()
        self._filling, self._shared = filling, Shared()
        self._painter: Any = None
        self._loading = 0
        self._said, self._count = time.monotonic(), 0

    def setup(self):
        """Called by Beam when a worker begins. All threads of a process share one model."""
        start = time.monotonic()
        self._painter = self._shared.acquire(lambda: load_painter(self._filling))
        self._loading = _microseconds(start, time.monotonic())
        # Drops the model before the interpreter ends: TensorFlow prints errors about functions that
        # outlive its modules.
        atexit.register(self._shared.acquire, set, "the end")

    def teardown(self):
        """Called by Beam when a worker ends."""
        self._painter = None

    def process(self, batch: List[Job]) -> Iterator:
        """Called by Beam for each batch."""
        start, cpu = time.monotonic(), time.process_time()
        Metrics.counter(COUNTERS, "loading_us").inc(self._loading)  # Beam counts nothing in `setup`
        self._loading = 0
        with files.local_copies(batch) as (here, names), ThreadPoolExecutor(_AT_ONCE) as pool:
            filled = outcomes(self._painter, here, self._filling.how)
            finished = [
                (job, pool.submit(_finish, outcome, copy.output, job.output))
                for job, copy, outcome in zip(batch, here, filled)
            ]
            for job, report in finished:
                try:
                    seconds = report.result().seconds
                except Exception as error:  # any error affects this photograph only
                    yield self._bad(job, error, names)
                    continue
                Metrics.counter(COUNTERS, "filled").inc()
                Metrics.counter(COUNTERS, "model_us").inc(round(1_000_000 * seconds))
                yield job, seconds
        Metrics.counter(COUNTERS, "busy_us").inc(_microseconds(start, time.monotonic()))
        Metrics.counter(COUNTERS, "cpu_us").inc(_microseconds(cpu, time.process_time()))
        self._count += len(batch)
        if time.monotonic() - self._said >= _SAID_EVERY:
            self._said = time.monotonic()
            _log.info("%d photographs so far", self._count)

    def _bad(self, job: Job, error: Exception, names: Dict[str, str]):
        cause = error.__context__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        text = str(error) if isinstance(error, SettingsError) else ""
        text = text or f"could not be filled: {type(error).__name__}: {first_line(error)}"
        for copy, path in sorted(names.items(), reverse=True):  # "a/12" before "a/1"
            text = text.replace(copy, path)
        if cause is not None and cause.errno in _OF_THE_DISK and "cannot be written" in text:
            raise SettingsError(text)
        return beam.pvalue.TaggedOutput(BAD, counted_bad((job.image, job.mask, text)))


def _finish(outcome: "Future[Report]", here: str, path: str) -> Report:
    """Waits until a photograph is written, and copies it to its place."""
    report = outcome.result()
    if here != path:
        files.put(here, path)
        os.remove(here)
    return report


def _microseconds(start: float, end: float) -> int:
    return round(1_000_000 * (end - start))
