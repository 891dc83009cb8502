"""Metrics of filled photographs, the papers' protocols and published tables, and the statistics of both.

`METRICS` is the list of those that `evaluate` measures. A new metric is one file, with a subclass of
`tfinpaint.metrics.metric.Metric`, and one line here. Nothing of TensorFlow is imported by the list.
"""

import dataclasses
import importlib
from typing import Dict, Optional


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of the list.

    where:         "module:class".
    weights_flag:  name of the flag by which the user gives the file of its weights, without which it is not
                   measured; None: it needs no weights.
    help:          text of that flag.
    """

    where: str
    weights_flag: Optional[str] = None
    help: str = ""


METRICS = (
    Entry("tfinpaint.metrics.quality:ImageQuality"),
    Entry("tfinpaint.metrics.lpips:Lpips", "lpips_weights",
          "LPIPS weights, AlexNet or SqueezeNet with linear heads (.npz): adds the column LPIPS."),
    Entry("tfinpaint.metrics.realism:Realism", "inception_weights",
          "Inception weights (.pb of the published FID, its PyTorch port, or Keras .h5): adds FID and U-IDS / P-IDS, from "
          "2,049 photographs on."),
)


def weights_flags() -> Dict[str, str]:
    """{flag that names a file of weights: its help}."""
    return {entry.weights_flag: entry.help for entry in METRICS if entry.weights_flag}


def open_metrics(settings, protocol) -> list:
    """The metrics of a table, in the order of its columns.

    settings: EvaluationSettings.   protocol: protocols.Protocol.

    Raises: SettingsError where a file of weights is missing or something else.
    """
    given = dict(settings.metric_weights)
    found = []
    for entry in METRICS:
        weights = given.get(entry.weights_flag) or None
        if entry.weights_flag is None or weights:
            module, _, name = entry.where.partition(":")
            found.append(getattr(importlib.import_module(module), name).open(protocol, weights))
    return found
