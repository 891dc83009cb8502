"""Labels of cells: the cheapest of all where the cells form a tree, and cheap on a grid."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting.detail import beliefs

LABELS = 3


def _cheapest(own, places, grid, costs):
    """costs [2, n, k, k]: what a cell's label and that of the next one, right or below, cost."""
    number = {tuple(place): k for k, place in enumerate(places)}
    next_of = [
        [number.get((row + down, column + 1 - down), len(places)) for row, column in places]
        for down in (0, 1)
    ]

    def meeting(neighbour):
        direction = next_of.index(neighbour.numpy().tolist())
        is_cell = tf.reshape(neighbour < len(places), [-1, 1, 1])
        return tf.where(is_cell, tf.constant(costs[direction], tf.float32), 0.0)

    return beliefs.cheapest(
        tf.constant(own, tf.float32), meeting, tf.constant(places), tf.constant(grid)
    ).numpy()


def _sum(labels, own, places, costs):
    number = {tuple(place): k for k, place in enumerate(places)}
    total = sum(own[k][label] for k, label in enumerate(labels))
    for (row, column), k in number.items():
        for direction, after in enumerate(((row, column + 1), (row + 1, column))):
            if after in number:
                total += costs[direction][k][labels[k]][labels[number[after]]]
    return total


@pytest.mark.parametrize(
    "places",
    [
        [[0, c] for c in range(7)],
        [[r, 1] for r in range(5)],
        [[1, 0], [1, 1], [1, 2], [1, 3], [0, 1], [2, 1], [3, 1]],
        [[0, 0], [0, 3], [4, 3]],  # no neighbours
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_in_a_tree_the_labels_are_the_cheapest_of_all(places, seed):
    rng = np.random.default_rng(seed)
    own = rng.uniform(0, 4, (len(places), LABELS))
    costs = rng.uniform(0, 3, (2, len(places), LABELS, LABELS))
    found = _cheapest(own, places, [5, 7], costs)
    every = itertools.product(range(LABELS), repeat=len(places))
    best = min(every, key=lambda labels: _sum(labels, own, places, costs))
    assert tuple(found) == best


def test_on_a_grid_no_single_change_is_cheaper():
    rng = np.random.default_rng(5)
    places = [[r, c] for r in range(6) for c in range(8) if (r, c) != (2, 3)]
    own = rng.uniform(0, 2, (len(places), LABELS))
    costs = rng.uniform(0.4, 1.2, (2, len(places), 1, 1)) * (1 - np.eye(LABELS))
    labels = _cheapest(own, places, [6, 8], costs)
    total = _sum(labels, own, places, costs)
    for k in range(len(places)):
        for label in range(LABELS):
            changed = labels.copy()
            changed[k] = label
            assert total <= _sum(changed, own, places, costs) + 1e-6
    assert total < _sum(own.argmin(1), own, places, costs)  # neighbours matter
