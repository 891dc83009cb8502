"""The figures of a table: every filler fills every photograph of every block, and every result is measured.

    report = evaluate(settings)      # EvaluationSettings -> Report

Figures are computed per photograph on uint8 RGB and kept, so that means, intervals and paired differences can be made of them
(metrics/statistics.py). FID and U-IDS / P-IDS are of a whole block. Batches hold photographs of one size.
"""

import dataclasses
import datetime
import itertools
import platform
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from tfinpaint.evaluation import trained
from tfinpaint.evaluation.cases import Block, read_blocks
from tfinpaint.evaluation.fillers import open_fillers
from tfinpaint.metrics import quality, statistics
from tfinpaint.metrics.protocols import PROTOCOLS, Protocol
from tfinpaint.metrics.statistics import Mean
from tfinpaint.settings import EvaluationSettings, SettingsError
from tfinpaint.version import __version__

_SIDE = 256  # of the squares, where no model says another
_PIXELS = 2**21  # of a batch; a larger photograph goes alone


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
        return statistics.mean(self.values[model][column])

    def difference(self, model: str, column: str, reference: str) -> Mean:
        return statistics.difference(self.values[model][column], self.values[reference][column])


@dataclasses.dataclass
class Report:
    """All that a table is made of.

    columns, set_columns:  what was measured, per photograph and per block.
    models:                {name: what it is}; the first is the one that the others' differences are to.
    facts:                 how it was measured, line by line: (word, text).
    pictures:              {block title: {model: [(rank, photograph's number, output uint8 [H, W, 3])]}}, rank "best", "median" or "worst".
    """

    settings: EvaluationSettings
    protocol: Protocol
    image_size: Optional[int]
    columns: Sequence
    set_columns: Sequence[trained.Column]
    models: Dict[str, dict]
    scores: List[Scores]
    facts: List[tuple]
    versions: Dict[str, Optional[str]]
    pictures: Dict[str, Dict[str, list]]


def evaluate(settings: EvaluationSettings, progress: Callable[[int, int], None] = lambda done, total: None) -> Report:
    """Makes a report. `progress` is called with the number of filled photographs, and of all, as they come.

    Raises: SettingsError for whatever the person who asked can put right.
    """
    protocol, pairs = PROTOCOLS[settings.protocol], settings.data.startswith("pairs:")
    if pairs and not protocol.composited:
        raise SettingsError(f"`protocol={protocol.name!r}` scores a network's own output of squares: `data='pairs:'` goes with another "
                            "protocol")
    if settings.detail == "auto" and not protocol.composited:
        raise SettingsError(f"`detail='auto'` goes with another protocol: `protocol={protocol.name!r}` scores a network's own output")
    lpips = trained.Perceptual(settings.lpips_weights) if settings.lpips_weights else None
    realism = trained.Realism(settings.inception_weights) if settings.inception_weights else None
    fillers = open_fillers(list(settings.models), settings.references, protocol.composited, pairs, settings.detail)
    image_size = None if pairs else settings.image_size or next((f.image_size for f in fillers if f.image_size), _SIDE)
    for filler in fillers if image_size else ():
        if image_size % filler.stride:
            raise SettingsError(f"`image_size` is a multiple of {filler.stride} for `model={filler.path!r}`. Got {image_size}")
    blocks = read_blocks(settings, protocol, image_size)
    for network in filter(None, (lpips, realism)):
        network.check(blocks)

    columns = list(protocol.measures) + ([lpips.column] if lpips else [])
    done, total = itertools.count(1), len(fillers) * sum(len(block.photos) for block in blocks)
    scores, pictures = [], {}
    # The photographs of all blocks are the same.
    real = np.concatenate([realism.features(_stack(blocks[0].photos, b)) for b in _batches(blocks[0], 8)]) if realism else None
    for block in blocks:
        values, of_set, pictures[block.title] = {}, {}, {}
        for filler in fillers:
            figures, features = {column.name: np.empty(len(block.photos)) for column in columns}, []
            for batch in _batches(block, settings.batch_size):
                photos, holes = _stack(block.photos, batch), _stack(block.holes, batch)
                outputs = filler(photos, holes)
                measured = quality.measure(outputs, photos, holes, protocol.measures)
                if lpips:
                    measured[lpips.column.name] = lpips.measure(outputs, photos)
                for name, value in measured.items():
                    figures[name][batch] = value
                if realism:
                    features.append(realism.features(outputs))
                for _ in batch:
                    progress(next(done), total)
            values[filler.name] = figures
            of_set[filler.name] = realism.compare(real, np.concatenate(features)) if realism else {}
            pictures[block.title][filler.name] = _examples(block, filler, figures[columns[0].name], columns[0])
        scores.append(Scores(block, values, of_set))
    of_sets = realism.columns if realism else ()
    return Report(settings, protocol, image_size, columns, of_sets, {f.name: f.about for f in fillers}, scores,
                  _facts(settings, protocol, image_size, blocks, [*columns, *of_sets]), _versions(), pictures)


def _stack(arrays, numbers):
    return np.stack([arrays[k] for k in numbers])


def _batches(block, size):
    """Numbers of photographs of one size, at most `size` at a time, in their order."""
    for shape, numbers in itertools.groupby(range(len(block.photos)), lambda k: block.photos[k].shape[:2]):
        alike, most = list(numbers), max(1, min(size, _PIXELS // (shape[0] * shape[1])))
        yield from (alike[k:k + most] for k in range(0, len(alike), most))


def _examples(block, filler, figures, column):
    """The best, the median and the worst photograph by a column, filled again: keeping all would take the memory of all."""
    order = np.argsort(figures if column.more_is_better else -figures, kind="stable")
    chosen = {"best": order[-1], "median": order[len(order) // 2], "worst": order[0]}
    return [(rank, int(k), filler(block.photos[k][np.newaxis], block.holes[k][np.newaxis])[0]) for rank, k in chosen.items()]


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

    from tfinpaint.export.model_card import commit

    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]
    return {"made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "tfinpaint": __version__,
            "commit": commit(), "python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__,
            "opencv": cv2.__version__, "device": device.device_type}
