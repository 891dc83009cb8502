"""Computes the figures of a table: every method fills every photograph, every metric measures it.

    report = evaluate(settings)      # EvaluationSettings -> Report

Figures are computed for each photograph, on uint8 RGB, and kept. Means, intervals and paired
differences are derived from them (metrics/statistics.py). Some metrics measure a whole block
instead. The list of metrics is in tfinpaint/metrics/__init__.py.
"""

import dataclasses
import datetime
import logging
import platform
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from tfinpaint.evaluation.cases import Block, read_blocks
from tfinpaint.evaluation.methods import Method, open_methods
from tfinpaint.metrics import open_metrics, statistics
from tfinpaint.metrics.metric import Column, Metric, batches, stack
from tfinpaint.metrics.protocols import Protocol, all_protocols
from tfinpaint.metrics.statistics import Mean
from tfinpaint.settings import EvaluationSettings, SettingsError, first_line
from tfinpaint.version import __version__, commit

_log = logging.getLogger("tfinpaint")
_SIDE = 256  # side of the squares in pixels, if no model says on what size it was trained


@dataclasses.dataclass
class Scores:
    """The figures of one block.

    values:  {model: {column: float64 [N]}}, a figure for each photograph.
    of_set:  {model: {column: float}}, the figures of all photographs together.

    Every form of a report asks for the same means. Their intervals take thousands of draws, so each
    mean is computed once and kept: `values` must not change after the first.
    """

    block: Block
    values: Dict[str, Dict[str, np.ndarray]]
    of_set: Dict[str, Dict[str, float]]
    _means: Dict[Tuple[str, ...], Mean] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def mean(self, model: str, column: str) -> Mean:
        """The mean over all photographs, with its interval."""
        asked = (model, column)
        if asked not in self._means:
            self._means[asked] = statistics.mean(self.values[model][column])
        return self._means[asked]

    def difference(self, model: str, column: str, reference: str) -> Mean:
        """The mean of the differences to another model, photograph by photograph."""
        asked = (model, column, reference)
        if asked not in self._means:
            self._means[asked] = statistics.difference(
                self.values[model][column], self.values[reference][column]
            )
        return self._means[asked]


@dataclasses.dataclass
class Report:
    """Everything that a table is made of.

    image_size:            side of the squares, pixels; None for pairs.
    columns, set_columns:  what was measured, per photograph and per block.
    models:                {name: what it is}; differences are to the first.
    scores:                the figures, block by block.
    facts:                 how it was measured, line by line: (word, text).
    versions:              {name: version} of the software, with the date and the device.
    pictures:              {block title: {model: [(rank, number of the photograph, output uint8
                           [H, W, 3])]}}; the rank is "best", "median" or "worst".
    """

    settings: EvaluationSettings
    protocol: Protocol
    image_size: Optional[int]
    columns: Sequence[Column]
    set_columns: Sequence[Column]
    models: Dict[str, dict]
    scores: List[Scores]
    facts: List[tuple]
    versions: Dict[str, Optional[str]]
    pictures: Dict[str, Dict[str, list]]

    @property
    def left_out(self) -> int:
        """Number of photographs that could not be read, or filled by one of the models."""
        return _left_out([scores.block for scores in self.scores])


def evaluate(
    settings: EvaluationSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Makes a report.

    progress: is called after each photograph with the number done and the total, over all methods.

    Raises: SettingsError for whatever the user can put right.
    """
    protocol, pairs = all_protocols()[settings.protocol], settings.data.startswith("pairs:")
    if pairs and not protocol.composited:
        raise SettingsError(
            f"`protocol={protocol.name!r}` scores a network's own output of squares: "
            "`data='pairs:'` goes with another protocol"
        )
    if settings.detail == "auto" and not protocol.composited:
        raise SettingsError(
            f"`detail='auto'` goes with another protocol: `protocol={protocol.name!r}` scores a "
            "network's own output"
        )
    metrics = open_metrics(dict(settings.metric_weights), protocol)
    methods = open_methods(
        list(settings.models), settings.references, protocol.composited, pairs, settings.detail
    )
    image_size = None if pairs else _image_size(settings, methods)
    blocks = read_blocks(settings, protocol, image_size)
    for metric in metrics:
        metric.check(blocks[0].names, blocks[0].photos)  # all blocks have the same photographs

    columns = [column for metric in metrics for column in metric.columns]
    set_columns = [column for metric in metrics for column in metric.set_columns]
    done, total = 0, len(methods) * sum(len(block.photos) for block in blocks)

    def advance():
        nonlocal done
        done += 1
        progress(done, total)

    scores: List[Scores] = []
    pictures: Dict[str, Dict[str, list]] = {}
    for block in blocks:
        block, every = _measured(metrics, methods, block, settings.batch_size, advance)
        values: Dict[str, Dict[str, np.ndarray]] = {}
        of_set: Dict[str, Dict[str, float]] = {}
        pictures[block.title] = {}
        for method in methods:
            measured = every[method.name]
            values[method.name] = {
                column.name: np.asarray(measured[column.name], np.float64) for column in columns
            }
            of_set[method.name] = {}
            for metric in metrics:
                of_set[method.name].update(metric.measure_set(measured, block.photos))
            ranking = columns[0]
            pictures[block.title][method.name] = _examples(
                block, method, values[method.name][ranking.name], ranking
            )
        scores.append(Scores(block, values, of_set))
    return Report(
        settings=settings,
        protocol=protocol,
        image_size=image_size,
        columns=columns,
        set_columns=set_columns,
        models={method.name: method.about for method in methods},
        scores=scores,
        facts=_facts(
            settings,
            protocol,
            image_size,
            [s.block for s in scores],
            [*columns, *set_columns],
            methods,
        ),
        versions=_versions(),
        pictures=pictures,
    )


def _image_size(settings: EvaluationSettings, methods: Sequence[Method]) -> int:
    """The side of the squares. Raises SettingsError if a method cannot fill such squares."""
    trained_on = (method.image_size for method in methods if method.image_size)
    image_size = settings.image_size or next(trained_on, _SIDE)
    for method in methods:
        if image_size % method.stride:
            raise SettingsError(
                f"`image_size` is a multiple of {method.stride} for `model={method.path!r}`. "
                f"Got {image_size}"
            )
    return image_size


def _measured(
    metrics: Sequence[Metric],
    methods: Sequence[Method],
    block: Block,
    batch_size: int,
    advance: Callable[[], None],
) -> Tuple[Block, Dict[str, Dict[str, np.ndarray]]]:
    """Fills a block with every method and measures it.

    Photographs that a method cannot fill are named in a warning. They are left out for all methods,
    because differences are paired.

    Returns: the block without these photographs, and what the metrics measured:
        {method: {name: [N, ...]}}.
    Raises: if no photograph is left, the exception of the first.
    """
    every: Dict[str, Dict[str, Dict[int, np.ndarray]]] = {}
    faults: Dict[int, Exception] = {}
    for method in methods:
        every[method.name] = _measure(metrics, method, block, batch_size, advance, faults)
    kept = [k for k in range(len(block.photos)) if k not in faults]
    if not kept:
        raise faults[min(faults)]
    if faults:
        block = dataclasses.replace(
            block,
            names=[block.names[k] for k in kept],
            photos=[block.photos[k] for k in kept],
            holes=[block.holes[k] for k in kept],
            unfilled=[block.names[k] for k in sorted(faults)],
        )
    return block, {
        method: {name: np.stack([figures[k] for k in kept]) for name, figures in measured.items()}
        for method, measured in every.items()
    }


def _measure(
    metrics: Sequence[Metric],
    method: Method,
    block: Block,
    batch_size: int,
    advance: Callable[[], None],
    faults: Dict[int, Exception],
) -> Dict[str, Dict[int, np.ndarray]]:
    """Fills a block and returns what the metrics measured: {name: {photograph's number: [...]}}.

    faults: {photograph's number: exception}. Photographs that cannot be filled are added.
    """
    measured: Dict[str, Dict[int, np.ndarray]] = {}
    waiting = list(batches(block.photos, batch_size))
    while waiting:
        numbers = waiting.pop(0)
        photos, holes = stack(block.photos, numbers), stack(block.holes, numbers)
        try:
            fills = method(photos, holes)
            found = [metric.measure(fills, photos, holes) for metric in metrics]
        except Exception as error:
            if len(numbers) > 1:  # try them one by one, to find the one that fails
                waiting = [[k] for k in numbers] + waiting
                continue
            (number,) = numbers
            if number not in faults:
                _log.warning(
                    "%s: photograph left out, %s cannot fill it: %s: %s",
                    block.names[number],
                    method.name,
                    type(error).__name__,
                    first_line(error),
                )
            faults.setdefault(number, error)
            found = []
        for figures in found:
            for name, rows in figures.items():
                measured.setdefault(name, {}).update(zip(numbers, rows))
        for _ in numbers:
            advance()
    return measured


def _examples(
    block: Block, method: Method, figures: np.ndarray, column: Column
) -> List[Tuple[str, int, np.ndarray]]:
    """The best, the median and the worst photograph by a column.

    They are filled again, because keeping every output would take too much memory.

    figures: those of the column, float [N].

    Returns: [(rank, number of the photograph, output uint8 [H, W, 3])].
    """
    order = np.argsort(figures if column.more_is_better else -figures, kind="stable")
    chosen = {"best": order[-1], "median": order[len(order) // 2], "worst": order[0]}
    return [
        (rank, int(k), method(block.photos[k][np.newaxis], block.holes[k][np.newaxis])[0])
        for rank, k in chosen.items()
    ]


# ------------------------------------------------------------------------------------------ facts


def _facts(settings, protocol, image_size, blocks, columns, methods):
    size, filled = "each at its own size", "in a window around each hole, as `inpaint` does"
    if image_size:
        size = f"centred squares of {image_size} px, the shorter side resized (bicubic)"
        filled = "the whole square at once"
        reduced = [m.name for m in methods if m.largest and image_size > m.largest]
        if reduced:
            filled += f"; by {', '.join(reduced)} reduced to the network's working size"
        own = [method.name for method in methods if method.in_windows]
        if own:
            filled += (
                f"; by {', '.join(own)} in a window around each hole, of which it fills only the "
                "centre"
            )
    count = _left_out(blocks)
    lost = f"; {count} could not be read or filled and are left out" if count else ""
    detail = "off: the networks alone"
    if settings.detail == "auto":
        detail = (
            "auto: what is thicker than 8 pixels in a hole gets texture from the known part of the "
            "photograph, and the rest its grain, as in `inpaint`"
        )
    scored = "composites, uint8 RGB: pixels outside the hole are the original's"
    if not protocol.composited:
        scored = (
            "the network's own output everywhere, known pixels too, uint8 RGB; references change "
            "only the hole"
        )
    return [
        ("protocol", f"{protocol.name}: {protocol.title}"),
        *(("note", note) for note in protocol.notes),
        ("photographs", f"{len(blocks[0].photos)} of {settings.data}, {size}{lost}"),
        *(("holes", f"{block.about}, set {block.fingerprint}") for block in blocks),
        ("filled", filled),
        ("detail", detail),
        ("scored", scored),
        *(("column", f"{column.title}: {column.definition}") for column in columns),
        (
            "intervals",
            f"{100 * statistics.CONFIDENCE:g} %, bootstrap over photographs, "
            f"{statistics.RESAMPLES:,} draws (none under {statistics.FEWEST} photographs); "
            "figures are computed per photograph, then averaged (infinite ones are left out and "
            "counted); differences are paired",
        ),
    ]


def _left_out(blocks):
    """Number of photographs that at least one block lacks. All blocks read the same ones."""
    return blocks[0].unread + len({name for block in blocks for name in block.unfilled})


def _versions():
    import cv2
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "made": now.isoformat(timespec="seconds"),
        "tfinpaint": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "device": devices[0].device_type,
    }
