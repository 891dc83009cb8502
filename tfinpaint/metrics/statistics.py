"""How certain a mean over photographs is: bootstrap confidence intervals.

`mean` gives the interval of a figure, `difference` that of the paired difference between two
models. Photographs are drawn with replacement, and the interval is the middle 95 % of the resulting
means (percentile bootstrap, Efron 1979). The draws are fixed: the same figures give the same
interval. Two models that filled the same holes are compared photograph by photograph. That is much
more certain than comparing two intervals.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 2000
CONFIDENCE = 0.95
# With fewer photographs there is no interval: draws from so few are too much alike, so that the
# interval would be too narrow.
FEWEST = 10


class Mean(NamedTuple):
    """A mean, its interval, and the number of photographs in it.

    With fewer than `FEWEST` photographs the interval is nan.

    perfect: number of photographs that are left out because their figure is infinite (the PSNR of
        an exact fill). A single one would make the mean infinite. If all figures are infinite and
        of one sign, so is the mean.
    """

    mean: float
    low: float
    high: float
    count: int  # type: ignore[assignment]  # in place of tuple.count
    perfect: int = 0


def mean(values: Any) -> Mean:
    """The mean of `values`, float [N], with its interval. A nan counts as not measured."""
    values = np.asarray(values, np.float64)
    finite, infinite = values[np.isfinite(values)], values[np.isinf(values)]
    perfect = infinite.size
    if not finite.size:
        of_one_sign = np.unique(infinite).size == 1
        return Mean(float(infinite[0]) if of_one_sign else np.nan, np.nan, np.nan, 0, perfect)
    values = finite
    average = float(np.mean(values))
    if values.size < FEWEST:
        return Mean(average, np.nan, np.nan, values.size, perfect)
    if np.ptp(values) == 0:
        return Mean(average, average, average, values.size, perfect)
    interval = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, 2**22 // values.size),
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return Mean(average, float(interval.low), float(interval.high), values.size, perfect)


def difference(values: Any, reference: Any) -> Mean:
    """The mean paired difference of `values` to `reference`.

    Both are float [N], figures of the same photographs in the same order.

    Raises: ValueError if their shapes differ.
    """
    values, reference = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    if values.shape != reference.shape:
        raise ValueError(
            f"`values` and `reference` are figures of the same photographs. Got {values.shape} "
            f"and {reference.shape}"
        )
    # inf - inf is nan: both fills are exact, and such a pair counts as not measured.
    with np.errstate(invalid="ignore"):
        return mean(values - reference)
