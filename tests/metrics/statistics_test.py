"""Bootstrap intervals: known cases, and how often an interval holds the true mean."""

import math

import numpy as np
import pytest

from tfinpaint.metrics import statistics


def test_a_mean_without_photographs_or_with_too_few_has_no_interval():
    assert statistics.mean([]).count == 0 and math.isnan(statistics.mean([]).mean)
    few = statistics.mean(np.arange(9.0))
    assert few.mean == 4.0 and few.count == 9 and math.isnan(few.low) and math.isnan(few.high)
    assert not math.isnan(statistics.mean(np.arange(10.0)).low)


def test_nan_is_not_measured_and_infinity_is_left_out_and_counted():
    values = [1.0, math.nan] * 10
    assert statistics.mean(values) == (1.0, 1.0, 1.0, 10, 0)
    assert statistics.mean([math.inf] + [1.0] * 20 + [math.inf]) == (1.0, 1.0, 1.0, 20, 2)
    exact = statistics.mean([math.inf] * 12)
    assert (
        exact.mean == math.inf and math.isnan(exact.low) and (exact.count, exact.perfect) == (0, 12)
    )


def test_infinite_differences_keep_their_sign():
    exact, poor = np.full(12, math.inf), np.full(12, 20.0)
    assert statistics.difference(exact, poor).mean == math.inf
    assert statistics.difference(poor, exact).mean == -math.inf
    mixed = statistics.difference(np.r_[exact, poor], np.r_[poor, exact])
    assert math.isnan(mixed.mean) and mixed.perfect == 24


def test_the_interval_is_near_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(20, 3, 400)
    found = statistics.mean(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_it_holds_the_true_mean_in_about_95_of_100_cases():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        found = statistics.mean(rng.gamma(2.0, 1.0, 60))  # skewed, as errors are; its mean is 2
        held += found.low <= 2 <= found.high
    assert 180 <= held <= 198


def test_the_same_figures_give_the_same_interval():
    values = np.random.default_rng(3).normal(size=50)
    assert statistics.mean(values) == statistics.mean(values)


def test_a_paired_difference_is_surer_than_two_intervals():
    rng = np.random.default_rng(4)
    hard = rng.normal(25, 5, 100)  # photographs differ far more than the two models do
    a, b = hard + rng.normal(0, 0.1, 100), hard + 0.3 + rng.normal(0, 0.1, 100)
    assert statistics.mean(a).high > statistics.mean(b).low  # the intervals overlap
    found = statistics.difference(b, a)
    assert found.mean == pytest.approx(np.mean(b - a)) and found.low > 0.2 and found.high < 0.4
    opposite = statistics.difference(a, b)
    assert opposite.mean == pytest.approx(-found.mean)


def test_a_difference_leaves_out_what_one_of_the_two_lacks():
    a, b = np.arange(12.0), np.arange(12.0) + 1
    a[3] = math.nan
    assert statistics.difference(b, a) == (1.0, 1.0, 1.0, 11, 0)
    assert statistics.difference([math.inf] * 12, [math.inf] * 12).count == 0
    with pytest.raises(ValueError, match="same photographs"):
        statistics.difference(a, b[:5])
