"""Starts a pipeline: Beam's options, errors in one line, counters at the end.

    options = options_of(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    ran = run(build, options)
    ran["filled"]                                # a counter

`build(pipeline)` adds the steps. Without --runner the pipeline runs on this machine, with Beam's
FnApiRunner. (Its DirectRunner would first look for a binary on the network.)
"""

import contextlib
import dataclasses
import io
import logging
import os
from typing import Callable, Dict, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from tfinpaint.big_jobs import files
from tfinpaint.big_jobs.places import COUNTERS
from tfinpaint.settings import SettingsError

LOCAL = ("FnApiRunner", "DirectRunner", "BundleBasedDirectRunner")
_MANY = ("multi_processing", "multi_threading")
_LONGEST = 400  # characters of an error that a worker reports


@dataclasses.dataclass(frozen=True)
class Ran:
    """The result of a pipeline.

    counters:  {name: count}. `ran[name]` is 0 for a name that was not counted.
    """

    counters: Dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.counters.get(name, 0)


def options_of(arguments: Sequence[str]) -> PipelineOptions:
    """Beam's options, from its command-line arguments.

    Raises: SettingsError for a word that is not one of them.
    """
    wrong = [word for word in arguments if not word.startswith("--")]
    if wrong:
        raise SettingsError(f"Beam's options are written --name=value. Got {wrong[0]!r} after --")
    arguments = list(arguments)
    if not any(word.startswith("--runner") for word in arguments):
        arguments.append("--runner=FnApiRunner")
    logging.getLogger("apache_beam").setLevel(logging.ERROR)  # errors that matter are raised
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):  # argparse prints its usage, and exits
            options = PipelineOptions(arguments)
            known = options.get_all_options()
    except SystemExit:
        reason = said.getvalue().strip().split("error: ")[-1]
        raise SettingsError(f"Beam's options: {reason}") from None
    names = {word[2:].split("=")[0] for word in arguments}
    unknown = sorted(name for name in names if name not in known and f"no_{name}" not in known)
    if unknown and known["runner"] in LOCAL:  # options of a runner in Java are not known here
        raise SettingsError(f"Beam has no option --{unknown[0]}")
    return options


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine."""
    return options.get_all_options()["runner"] in LOCAL


def processes(options: PipelineOptions) -> int:
    """How many processes of this machine work; 1 for a runner elsewhere."""
    found = options.get_all_options()
    if not is_local(options) or found["direct_running_mode"] not in _MANY:
        return 1
    return int(found["direct_num_workers"]) or os.cpu_count() or 1


def run(build: Callable[[beam.Pipeline], None], options: PipelineOptions) -> Ran:
    """Runs a pipeline to its end.

    Raises: SettingsError, with the last line of the worker's error, if it failed.
    """
    try:
        pipeline = beam.Pipeline(options=options)
        build(pipeline)
        result = pipeline.run()
        state = result.wait_until_finish()
    except SettingsError as error:
        raise SettingsError(_last_line(error)) from error
    except Exception as error:
        raise SettingsError(f"the pipeline failed: {_last_line(error)}") from error
    if state not in (PipelineState.DONE, None):
        raise SettingsError(f"the pipeline ended as {state}: its runner's pages say why")
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace(COUNTERS))
    counters: Dict[str, int] = {}
    for counter in found["counters"]:
        name = counter.key.metric.name
        counters[name] = counters.get(name, 0) + counter.result
    return Ran(counters)


@contextlib.contextmanager
def workers_log(output: str) -> Iterator[None]:
    """Redirects the stderr of Beam's processes to OUTPUT.workers.log, if that is a local file.

    These processes inherit stderr, and each prints about thirty lines when it starts.

    Raises: SettingsError if the file cannot be written.
    """
    if not files.is_local(output):
        yield
        return
    path = output.rstrip("/") + ".workers.log"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        log = open(path, "ab")  # noqa: SIM115
    except OSError as error:
        raise SettingsError(
            f"`output={output!r}` cannot be written: {path}: {error.strerror}"
        ) from None
    with log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _last_line(error: Exception) -> str:
    """The last line of an error's text; in a worker's error, the traceback comes before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[-1] if lines else type(error).__name__
    line = line.split(" [while running")[0]
    if "Channel closed" in line:  # Beam's message when a process is gone
        return "a worker ended, perhaps for want of memory; run the same command again to continue"
    for kind in (SettingsError, RuntimeError):
        line = line.split(f"{kind.__name__}: ")[-1]
    return line[:_LONGEST]
