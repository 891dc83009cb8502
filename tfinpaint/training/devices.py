"""The devices that train one system together: one, several of one machine, or several machines.

`one_device`, `several_devices` and `several_workers` return `Devices`. It tells the training loop
which share of each batch this process reads, whether the process writes files (only worker 0 does),
and what an error means when another worker is lost.

Each device holds the whole system (a replica) and takes an equal part of every batch. Gradients are
added up after each step (tf.distribute). layers/replicas.py has the operations that need the whole
batch.

Workers are the processes that TF_CONFIG lists. All run the same command. Before the first step they
compare what they are about to do. All compute the same weights, so a checkpoint does not depend on
the number of devices, and a run may go on with another number.
"""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import time
import zlib
from typing import Any, Callable, ContextManager, Iterator, List, Optional, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.data.batches import Share
from tfinpaint.layers import replicas
from tfinpaint.settings import SettingsError, first_line

START_SECONDS = 300.0  # how long to wait for the other workers
_EXAMPLE = (
    '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run; see the module's docstring.

    strategy:   that of tf.distribute; with one device, its default strategy.
    addresses:  HOST:PORT of each worker; empty if this process is the only one.
    index:      the number of this process among them.
    """

    strategy: tf.distribute.Strategy
    addresses: Tuple[str, ...] = ()
    index: int = 0

    @property
    def count(self) -> int:
        """The number of devices in all processes together."""
        return self.strategy.num_replicas_in_sync

    @property
    def workers(self) -> int:
        """The number of processes."""
        return max(len(self.addresses), 1)

    @property
    def name(self) -> str:
        """The devices in words."""
        logical = tf.config.list_logical_devices
        if self.count == 1:
            return (logical("GPU") or logical("CPU"))[0].name
        workers = f" of {self.workers} workers" if self.workers > 1 else ""
        return f"{self.count} {'GPUs' if logical('GPU') else 'CPUs'}{workers}"

    @property
    def writes(self) -> bool:
        """Whether this process writes the run directory, validates and draws samples."""
        return self.index == 0

    def scope(self) -> ContextManager[Any]:
        """The context in which the system must be made and compiled."""
        return contextlib.nullcontext() if self.count == 1 else self._scope()

    @contextlib.contextmanager
    def _scope(self):
        with self.strategy.scope(), tf.variable_creator_scope(_alike):
            yield

    def share(self, batch_size: int) -> Optional[Share]:
        """The share of each batch that this process reads; None for the whole batch, undivided.

        Raises: SettingsError if the devices cannot share a batch equally.
        """
        if self.count == 1:
            return None
        if batch_size % self.count:
            raise SettingsError(
                f"`batch_size` is for all {self.count} devices together and must be a multiple of "
                f"{self.count}. Got {batch_size}"
            )
        number = batch_size // self.workers
        return Share(self.index * number, number, self.count // self.workers)

    def fed(self, batches: tf.data.Dataset) -> Any:
        """The batches in the form that `fit` takes.

        batches: what `training_batches` returned for the share of this process.
        """
        if self.count == 1:
            return batches
        return self.strategy.distribute_datasets_from_function(lambda context: batches)

    def agree(self, what: str) -> None:
        """Waits for all workers and compares what they are about to do.

        what: a text that must be the same for all workers.

        Raises: SettingsError if the texts differ.
        """
        if self.workers == 1:
            return
        number = tf.constant(zlib.crc32(what.encode("utf-8", "surrogateescape")), tf.int64)

        @tf.function(autograph=False)
        def gather():
            return self.strategy.run(lambda: replicas.gathered(number))

        every = np.unique(self.strategy.experimental_local_results(gather())[0].numpy())
        if len(every) > 1:
            raise SettingsError(
                "the workers do not agree: all need the same flags, the same photographs in "
                "`source` and, with `resume`, the same checkpoints in `run_dir`, on a file system "
                f"that they share (worker {self.index} of {self.workers} has {what})"
            )

    @contextlib.contextmanager
    def watched(self, step: Optional[Callable[[], int]] = None) -> Iterator[None]:
        """A context that turns an error caused by the end of another worker into a SettingsError.

        step: returns the step that the run has reached, for the message.
        """
        try:
            yield
        except (tf.errors.OpError, RuntimeError) as error:
            gone = self._gone()
            if not gone:
                raise
            numbers = " and ".join(str(k) for k in gone)
            raise SettingsError(
                f"worker{'s' * (len(gone) > 1)} {numbers} of {self.workers} "
                f"({', '.join(self.addresses[k] for k in gone)}) "
                f"{'is' if len(gone) == 1 else 'are'} gone{f' at step {step()}' if step else ''}: "
                "start all workers again with `resume`, which goes on from the last checkpoint "
                f"({type(error).__name__}: {first_line(error)[:80]})"
            ) from error

    def _gone(self) -> List[int]:
        """The other workers whose port does not answer."""
        others = [k for k in range(len(self.addresses)) if k != self.index]
        return [k for k in others if not _answers(self.addresses[k])]


def one_device() -> Devices:
    """The first GPU or, without a GPU, the processor."""
    return Devices(tf.distribute.get_strategy())


def several_devices(number: int = 0) -> Devices:
    """All GPUs of this process, or `number` of them.

    Without a GPU the processor is divided into `number` devices, which is for trying things out.

    Raises: SettingsError if there are fewer devices.
    """
    if tf.config.get_visible_devices("GPU"):  # --device=cpu hides all GPUs
        names = [f"GPU:{k}" for k in range(len(tf.config.list_logical_devices("GPU")))]
    else:
        if number > 1:
            _divide_the_processor(number)
        names = [f"CPU:{k}" for k in range(len(tf.config.list_logical_devices("CPU")))]
    if number > len(names):
        raise SettingsError(
            f"`replicas` is at most {len(names)}, the GPUs that TensorFlow finds. Got {number}"
        )
    names = names[: number or None]
    return one_device() if len(names) == 1 else Devices(tf.distribute.MirroredStrategy(names))


def several_workers() -> Devices:
    """This process, with all its GPUs, and the other workers that TF_CONFIG lists.

    Returns when all workers have started.

    Raises: SettingsError if TF_CONFIG cannot be used, or if a worker has not started within
        START_SECONDS.
    """
    addresses, index = workers_of(os.environ.get("TF_CONFIG", ""))
    if len(addresses) == 1:
        return several_devices()
    _meet(addresses, index)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    # TensorFlow has installed a handler of its own, which only records the signal.
    signal.signal(signal.SIGTERM, on_sigterm or signal.SIG_DFL)
    return Devices(strategy, addresses, index)


def workers_of(tf_config: str) -> Tuple[Tuple[str, ...], int]:
    """The addresses of all workers in TF_CONFIG's JSON, and the number of this one.

    Raises: SettingsError if the JSON is not that of a cluster of workers.
    """
    try:
        found = json.loads(tf_config)
        cluster, task = found["cluster"], found["task"]
        addresses, index = tuple(cluster["worker"]), int(task["index"])
        if set(cluster) != {"worker"} or task["type"] != "worker":
            raise ValueError("only workers are allowed")
        if not 0 <= index < len(addresses) or len(set(addresses)) < len(addresses):
            raise ValueError("an index or an address")
        for address in addresses:
            _host_and_port(address)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(
            "`distribute='multiworker'` needs the environment variable TF_CONFIG, the same for all "
            f"workers but for the index, for example {_EXAMPLE}. Got {tf_config!r}"
        ) from None
    return addresses, index


# ------------------------------------------------------------------------------------------ details


def _alike(create, **kwargs):
    """A variable creator: a variable with one value per replica becomes one with the same value.

    Running statistics, as of batch norm, are such variables. Their moments are those of the whole
    batch, so all replicas compute the same. The value can then be read, for a checkpoint or a
    validation pass, without the other workers.
    """
    apart = kwargs.get("synchronization") == tf.VariableSynchronization.ON_READ
    if apart and kwargs.get("aggregation") == tf.VariableAggregation.MEAN:
        kwargs["synchronization"] = tf.VariableSynchronization.AUTO
        kwargs["aggregation"] = tf.VariableAggregation.NONE
    return create(**kwargs)


def _divide_the_processor(number):
    processor = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            processor, number * [tf.config.LogicalDeviceConfiguration()]
        )
    except RuntimeError:  # TensorFlow has started
        found = len(tf.config.list_logical_devices("CPU"))
        if found < number:
            raise SettingsError(
                f"`replicas` is at most {found} in this program, because TensorFlow has already "
                f"started. Got {number}"
            ) from None


def _host_and_port(address: str) -> Tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host:
        raise ValueError(address)
    return host, int(port)


def _answers(address: str) -> bool:
    """Whether a worker accepts a connection at HOST:PORT within two seconds."""
    try:
        with socket.create_connection(_host_and_port(address), timeout=2.0):
            return True
    except OSError:
        return False


def _meet(addresses, index):
    """Waits until each of the other workers has answered once. Meanwhile this one answers them.

    TensorFlow itself would wait for ever, and could not be interrupted.

    Raises: SettingsError if the port of this worker is in use, or if another does not start.
    """
    missing = {k for k in range(len(addresses)) if k != index}
    end = time.monotonic() + START_SECONDS
    try:
        place = ("", _host_and_port(addresses[index])[1])
        listening = socket.create_server(place, backlog=max(64, len(addresses)))
    except OSError as error:
        raise SettingsError(
            f"TF_CONFIG: worker {index} cannot listen at {addresses[index]}: {error.strerror}"
        ) from None
    with listening:
        while missing := {k for k in missing if not _answers(addresses[k])}:
            if time.monotonic() > end:
                first = min(missing)
                raise SettingsError(
                    f"worker {first} of {len(addresses)} ({addresses[first]}) did not come within "
                    f"{START_SECONDS:.0f} s: start every worker that TF_CONFIG lists, all with the "
                    "same command"
                )
            time.sleep(0.2)
