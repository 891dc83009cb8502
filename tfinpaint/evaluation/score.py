"""The figures of a table: every filler fills every photograph of every block, and every result is measured.

    report = evaluate(settings)      # EvaluationSettings -> Report

Figures are computed per photograph on uint8 RGB and kept, so that means, intervals and paired differences can be made of them
(metrics/statistics.py). FID and U-IDS / P-IDS are of a whole block. Batches hold photographs of one size.
"""

import dataclasses
import datetime
import importlib.util
import itertools
import platform
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

import tfinpaint
from tfinpaint.evaluation.cases import Block, read_blocks
from tfinpaint.evaluation.fillers import open_fillers
from tfinpaint.metrics import quality, statistics
from tfinpaint.metrics.protocols import PROTOCOLS, Protocol
from tfinpaint.metrics.statistics import Mean
from tfinpaint.settings import EvaluationSettings, SettingsError

_SIDE = 256  # of the squares, where no model says another
_PIXELS = 2**21  # of a batch; a larger photograph goes alone


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure that is no `quality.Measure`, with what tables need of one."""

    name: str
    label: str
    definition: str
    unit: str = ""
    scale: int = 1
    more_is_better: bool = False
    region: str = "whole"

    @property
    def title(self) -> str:
        return self.label


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
    set_columns: Sequence[Column]
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
        raise SettingsError(f"--protocol={protocol.name} scores a network's own output of squares: --data=pairs: goes with another "
                            "protocol")
    lpips, inception = _networks(settings)
    fillers = open_fillers(list(settings.models), settings.references, protocol.composited, pairs)
    image_size = None if pairs else settings.image_size or next((f.image_size for f in fillers if f.image_size), _SIDE)
    for filler in fillers if image_size else ():
        if image_size % filler.stride:
            raise SettingsError(f"--image_size is a multiple of {filler.stride} for --model={filler.path}. Got {image_size}")
    blocks = read_blocks(settings, protocol, image_size)
    if inception:
        inception.check_enough(min(len(block.photos) for block in blocks))
    if lpips:
        _check_sizes(lpips, blocks)

    columns = list(protocol.measures) + ([_lpips_column(lpips)] if lpips else [])
    done, total = itertools.count(1), len(fillers) * sum(len(block.photos) for block in blocks)
    scores, pictures = [], {}
    real = _features(inception, blocks[0]) if inception else None  # the photographs of all blocks are the same
    for block in blocks:
        values, of_set, pictures[block.title] = {}, {}, {}
        for filler in fillers:
            figures, features = {column.name: np.empty(len(block.photos)) for column in columns}, []
            for batch in _batches(block, settings.batch_size):
                photos, holes = np.stack([block.photos[k] for k in batch]), np.stack([block.holes[k] for k in batch])
                outputs = filler(photos, holes)
                measured = quality.measure(outputs, photos, holes, protocol.measures)
                if lpips:
                    measured["lpips"] = np.asarray(lpips(outputs, photos))
                for name, value in measured.items():
                    figures[name][batch] = value
                if inception:
                    features.append(inception.features(outputs))
                for _ in batch:
                    progress(next(done), total)
            values[filler.name] = figures
            of_set[filler.name] = inception.compare(real, np.concatenate(features)) if inception else {}
            pictures[block.title][filler.name] = _examples(block, filler, figures[columns[0].name], columns[0])
        scores.append(Scores(block, values, of_set))
    return Report(settings, protocol, image_size, columns, inception.columns if inception else (), {f.name: f.about for f in fillers},
                  scores, _facts(settings, protocol, image_size, blocks, columns, inception), _versions(), pictures)


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


# ------------------------------------------------------------------------------------------------------ trained measures


class _Realism:
    """FID and U-IDS / P-IDS of a block, with the user's Inception network."""

    columns = (Column("fid", "FID", "Frechet distance of Inception features to those of the originals, over the whole block"),
               Column("u_ids", "U-IDS", "share of originals and results that a linear classifier takes for each other", "%", 100, True),
               Column("p_ids", "P-IDS", "share of results that it calls more real than their own original", "%", 100, True))

    def __init__(self, path):
        from tfinpaint.metrics import realism

        if importlib.util.find_spec("sklearn") is None:  # known now, not after hours of filling
            raise SettingsError("--inception_weights: U-IDS needs scikit-learn, which is not installed: pip install -e .[metrics]")
        self._realism = realism
        self.network = realism.Inception(path)

    def check_enough(self, count):
        self._realism.check_enough(count)

    def features(self, images):
        return self.network.features(images)

    def compare(self, real, filled):
        u_ids, p_ids = self._realism.ids(real, filled)
        return {"fid": self._realism.fid(real, filled), "u_ids": u_ids, "p_ids": p_ids}


def _networks(settings):
    """LPIPS and Inception, where their weights are given."""
    lpips = None
    if settings.lpips_weights:
        from tfinpaint.metrics.lpips import Lpips

        lpips = Lpips(settings.lpips_weights)
    return lpips, _Realism(settings.inception_weights) if settings.inception_weights else None


def _check_sizes(lpips, blocks):
    for name, photo in ((n, p) for block in blocks for n, p in zip(block.names, block.photos)):
        if min(photo.shape[:2]) < lpips.least:
            raise SettingsError(f"--lpips_weights: LPIPS {lpips.network} needs photographs of at least {lpips.least} px. Got {name} of "
                                f"{photo.shape[1]}x{photo.shape[0]}")


def _lpips_column(lpips):
    return Column("lpips", f"LPIPS {lpips.network}", f"learned perceptual distance, version 0.1, {lpips.network} (weights "
                  f"{lpips.fingerprint}), RGB in [-1, 1], whole picture")


def _features(inception, block):
    return np.concatenate([inception.features(np.stack([block.photos[k] for k in batch])) for batch in _batches(block, 8)])


# ---------------------------------------------------------------------------------------------------------------- facts


def _facts(settings, protocol, image_size, blocks, columns, inception):
    size = f"centred squares of {image_size} px, the shorter side resized (bicubic)" if image_size else "each at its own size"
    filled = ("the whole square at once" if image_size else "in a window around each hole, as `inpaint` does")
    facts = [
        ("protocol", f"{protocol.name}: {protocol.title}"),
        *(("note", note) for note in protocol.notes),
        ("photographs", f"{len(blocks[0].photos)} of {settings.data}, {size}"
         + (f"; {blocks[0].unread} could not be read and are left out" if blocks[0].unread else "")),
        *(("holes", f"{block.about}, set {block.fingerprint}") for block in blocks),
        ("filled", filled),
        ("scored", "composites: all but the hole is the original's, uint8 RGB" if protocol.composited
         else "the network's own output everywhere, known pixels too, uint8 RGB; references change the hole alone"),
        *(("column", f"{column.title}: {column.definition}") for column in columns),
    ]
    if inception:
        facts += [("column", f"{c.label}: {c.definition} ({inception.network.description}, weights {inception.network.fingerprint})")
                  for c in inception.columns]
    facts.append(("intervals", f"{100 * statistics.CONFIDENCE:g} %, bootstrap over photographs, {statistics.RESAMPLES:,} draws (none "
                  f"under {statistics.FEWEST} photographs); figures are computed per photograph, then averaged (infinite "
                  "ones are left out and counted); differences are paired"))
    return facts


def _versions():
    import cv2
    import tensorflow as tf

    from tfinpaint.serving.model_card import commit

    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]
    return {"made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "tfinpaint": tfinpaint.__version__,
            "commit": commit(), "python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__,
            "opencv": cv2.__version__, "device": device.device_type}
