"""Metrics of filled photographs, the papers' protocols and published tables, and statistics.

`METRICS` lists what `evaluate` measures. To add a metric, write one file with a subclass of
`tfinpaint.metrics.metric.Metric` and add one line here. The list imports no TensorFlow, so that
`--help` can list the flags of the metrics.
"""

import dataclasses
import importlib
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional

if TYPE_CHECKING:
    from tfinpaint.metrics.metric import Metric
    from tfinpaint.metrics.protocols import Protocol


@dataclasses.dataclass(frozen=True)
class Entry:
    """One metric of the list.

    path:          "module:class".
    weights_flag:  the flag that names the file of the metric's weights; the metric is measured
                   only if the flag is given. None: the metric needs no weights.
    help:          the help of this flag.
    """

    path: str
    weights_flag: Optional[str] = None
    help: str = ""


METRICS = (
    Entry("tfinpaint.metrics.quality:ImageQuality"),
    Entry(
        "tfinpaint.metrics.lpips:Lpips",
        "lpips_weights",
        "LPIPS weights, AlexNet or SqueezeNet with linear heads (.npz): adds the column LPIPS.",
    ),
    Entry(
        "tfinpaint.metrics.realism:Realism",
        "inception_weights",
        "Inception weights (.pb of the published FID, its PyTorch port, or Keras .h5): adds FID "
        "and U-IDS / P-IDS, which need at least 2,049 photographs.",
    ),
)


def weights_flags() -> Dict[str, str]:
    """{flag that names a file of weights: its help}."""
    return {entry.weights_flag: entry.help for entry in METRICS if entry.weights_flag}


def open_metrics(given: Mapping[str, str], protocol: "Protocol") -> List["Metric"]:
    """The metrics of a table, in the order of their columns.

    given: {flag of `weights_flags`: file of weights}; a metric whose flag is missing is left out.

    Raises: SettingsError if a file of weights is missing or is not what its metric needs.
    """
    metrics = []
    for entry in METRICS:
        weights = given.get(entry.weights_flag) if entry.weights_flag else None
        if entry.weights_flag is None or weights:
            module, _, name = entry.path.partition(":")
            metric = getattr(importlib.import_module(module), name)
            metrics.append(metric.open(protocol, weights))
    return metrics
