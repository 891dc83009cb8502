"""The figures of a table: every method fills every photograph of every block, and every metric measures every fill.

    report = evaluate(settings)      # EvaluationSettings -> Report

Figures are computed per photograph on uint8 RGB and kept, so that means, intervals and paired differences can be made
of them (metrics/statistics.py); some metrics are of a whole block. Which metrics: tfinpaint/metrics/__init__.py.
"""

import dataclasses
import datetime
import platform
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from tfinpaint.evaluation.cases import Block, read_blocks
from tfinpaint.evaluation.methods import open_methods
from tfinpaint.metrics import open_metrics, statistics
from tfinpaint.metrics.metric import Column, batches, stack
from tfinpaint.metrics.protocols import PROTOCOLS, Protocol
from tfinpaint.metrics.statistics import Mean
from tfinpaint.settings import EvaluationSettings, SettingsError
from tfinpaint.version import __version__, commit

_SIDE = 256  # of the squares, where no model says another


@dataclasses.dataclass
class Scores:
    """The figures of one block.

    values:  {model: {column: float [N]}}, a figure for each photograph.
    of_set:  {model: {column: float}}, figures of all photographs together.
    """

    block: Block
    values: Dict[str, Dict[str, np.ndarray]]
    of_set: Dict[str, Dict[str, float]]

    def mean(self, model: str, column: str) -> Mean:
        """Of all photographs, with its interval."""
        return statistics.mean(self.values[model][column])

    def difference(self, model: str, column: str, reference: str) -> Mean:
        """To another model, photograph by photograph."""
        return statistics.difference(self.values[model][column], self.values[reference][column])


@dataclasses.dataclass
class Report:
    """All that a table is made of.

    columns, set_columns:  what was measured, per photograph and per block.
    models:                {name: what it is}; the first is the one that the others' differences are to.
    facts:                 how it was measured, line by line: (word, text).
    pictures:              {block title: {model: [(rank, photograph's number, output uint8 [H, W, 3])]}}, rank "best",
                           "median" or "worst".
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


def evaluate(settings: EvaluationSettings,
             progress: Callable[[int, int], None] = lambda done, total: None) -> Report:
    """Makes a report. `progress` is called with the number of filled photographs, and of all, as they come.

    Raises: SettingsError for whatever the person who asked can put right.
    """
    protocol, pairs = PROTOCOLS[settings.protocol], settings.data.startswith("pairs:")
    if pairs and not protocol.composited:
        raise SettingsError(f"--protocol={protocol.name} scores a network's own output of squares: --data=pairs: goes with another "
                            "protocol")
    if settings.detail == "auto" and not protocol.composited:
        raise SettingsError(f"--detail=auto goes with another protocol: --protocol={protocol.name} scores a network's own output")
    metrics = open_metrics(settings, protocol)
    methods = open_methods(list(settings.models), settings.references, protocol.composited, pairs, settings.detail)
    image_size = None if pairs else settings.image_size or next((m.image_size for m in methods if m.image_size), _SIDE)
    for method in methods if image_size else ():
        if image_size % method.stride:
            raise SettingsError(f"--image_size is a multiple of {method.stride} for --model={method.path}. Got {image_size}")
    blocks = read_blocks(settings, protocol, image_size)
    for metric in metrics:
        metric.check(blocks[0].names, blocks[0].photos)  # the photographs of all blocks are the same

    columns = [column for metric in metrics for column in metric.columns]
    set_columns = [column for metric in metrics for column in metric.set_columns]
    done, total = 0, len(methods) * sum(len(block.photos) for block in blocks)
    scores, pictures = [], {}
    for block in blocks:
        values, of_set, pictures[block.title] = {}, {}, {}
        for method in methods:
            measured = {}
            for numbers in batches(block.photos, settings.batch_size):
                photos, holes = stack(block.photos, numbers), stack(block.holes, numbers)
                fills = method(photos, holes)
                for metric in metrics:
                    for name, found in metric.measure(fills, photos, holes).items():
                        measured.setdefault(name, []).append(found)
                for _ in numbers:
                    done += 1
                    progress(done, total)
            measured = {name: np.concatenate(found) for name, found in measured.items()}  # [N, ...]
            values[method.name] = {column.name: np.asarray(measured[column.name], np.float64) for column in columns}
            of_set[method.name] = {name: figure for metric in metrics
                                   for name, figure in metric.measure_set(measured, block.photos).items()}
            pictures[block.title][method.name] = _examples(block, method, values[method.name][columns[0].name], columns[0])
        scores.append(Scores(block, values, of_set))
    return Report(settings, protocol, image_size, columns, set_columns, {m.name: m.about for m in methods}, scores,
                  _facts(settings, protocol, image_size, blocks, [*columns, *set_columns]), _versions(), pictures)


def _examples(block, method, figures, column):
    """The best, the median and the worst photograph by a column, filled again: keeping all would take the memory of all."""
    order = np.argsort(figures if column.more_is_better else -figures, kind="stable")
    chosen = {"best": order[-1], "median": order[len(order) // 2], "worst": order[0]}
    return [(rank, int(k), method(block.photos[k][np.newaxis], block.holes[k][np.newaxis])[0]) for rank, k in chosen.items()]


# ---------------------------------------------------------------------------------------------------------------- facts


def _facts(settings, protocol, image_size, blocks, columns):
    size = f"centred squares of {image_size} px, the shorter side resized (bicubic)" if image_size else "each at its own size"
    reduced = ", reduced where it is larger than the network's working size" if settings.detail == "auto" else ""
    filled = ("the whole square at once" + reduced if image_size else "in a window around each hole, as `inpaint` does")
    facts = [
        ("protocol", f"{protocol.name}: {protocol.title}"),
        *(("note", note) for note in protocol.notes),
        ("photographs", f"{len(blocks[0].photos)} of {settings.data}, {size}"
         + (f"; {blocks[0].unread} could not be read and are left out" if blocks[0].unread else "")),
        *(("holes", f"{block.about}, set {block.fingerprint}") for block in blocks),
        ("filled", filled),
        ("detail", "off: the networks alone" if settings.detail == "off" else
         "auto: what is thicker than 24 pixels in a hole has texture from the known part, as `inpaint` fills"),
        ("scored", "composites: all but the hole is the original's, uint8 RGB" if protocol.composited
         else "the network's own output everywhere, known pixels too, uint8 RGB; references change the hole alone"),
        *(("column", f"{column.title}: {column.definition}") for column in columns),
    ]
    facts.append(("intervals", f"{100 * statistics.CONFIDENCE:g} %, bootstrap over photographs, {statistics.RESAMPLES:,} draws (none "
                  f"under {statistics.FEWEST} photographs); figures are computed per photograph, then averaged (infinite "
                  "ones are left out and counted); differences are paired"))
    return facts


def _versions():
    import cv2
    import tensorflow as tf

    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]
    return {"made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "tfinpaint": __version__,
            "commit": commit(), "python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__,
            "opencv": cv2.__version__, "device": device.device_type}
