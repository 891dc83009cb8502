"""tfinpaint.layers.position_lists, and sums of scores over listed neighbours, against loops."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import layers
from tfinpaint.layers import patch_attention_in_hole, position_lists
from tfinpaint.layers.patch_attention_in_hole import merge_equal
from tfinpaint.layers.shifts import diagonal_sum


def test_listed_puts_the_chosen_first_in_order():
    order, most = position_lists.chosen_first(np.array([[0, 1, 0, 1, 1], [0, 0, 0, 1, 0]], bool))
    assert order.numpy().tolist() == [[1, 3, 4, 0, 2], [3, 0, 1, 2, 4]] and int(most) == 3
    assert int(position_lists.chosen_first(np.zeros((2, 5), bool))[1]) == 1


def test_put_back():
    found = np.arange(1, 5, dtype=np.float32).reshape(1, 2, 2)
    assert position_lists.put_back(found, tf.constant([[3, 0]]), 4).numpy().tolist() == [
        [[3, 4], [0, 0], [0, 0], [1, 2]]
    ]


def chosen_map(seed, share):
    return np.random.RandomState(seed).uniform(size=(2, 5, 7)) < share


def test_line_up_by_hand():
    """Columns of a 2 x 3 map in which (1, 0) is chosen: (1, 0), the position above it, one beyond
    the border, and (0, 1) after it. Zeros fill the end."""
    chosen = np.zeros((1, 2, 3), bool)
    chosen[0, 1, 0] = True
    listed, near = position_lists.line_up(chosen, 0, 2, 1)
    # 6 is beyond the map; the last three are in any case.
    assert listed.numpy().tolist() == [[0, 3, 6, 1, 6, 6, 6]]
    assert near.numpy().astype(int).tolist() == [[[1, 1, 0], [1, 0, 0]]]
    listed, near = position_lists.line_up(chosen, 1, 1, 1)
    # The position before (1, 0) lies beyond the end of the first row.
    assert listed.numpy().tolist() == [[6, 3, 4, 6, 6]]
    assert near.numpy().astype(int).tolist() == [[[0, 0, 0], [1, 1, 0]]]


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("taps", [3, 5])
def test_sums_over_listed_neighbours(share, taps):
    """Along columns and then along rows, for the chosen positions only: as the sum over all shifts
    of the whole map's scores."""
    h, w, reach = 5, 7, taps // 2
    n = h * w
    chosen = chosen_map(0, share)
    scores = np.random.RandomState(1).standard_normal((2, n + 1, h, w))
    scores[:, n] = 0
    second, near = position_lists.line_up(chosen, 1, reach, reach)
    first, _ = position_lists.line_up(near, 0, reach, reach)
    got = diagonal_sum(tf.gather(scores, first, batch_dims=1), taps)  # [B, R, H, W]
    got = diagonal_sum(position_lists.move(got, first, second, n), taps).numpy()  # [B, R, W, H]

    padded = np.zeros((2, h + 2 * reach, w + 2 * reach, h + 2 * reach, w + 2 * reach))
    inner = slice(reach, -reach)
    padded[:, inner, inner, inner, inner] = scores[:, :n].reshape(2, h, w, h, w)
    want = sum(
        padded[:, i : i + h, j : j + w, i : i + h, j : j + w]
        for i in range(taps)
        for j in range(taps)
    )
    for picture in range(2):
        seen = 0
        for row, position in enumerate(second.numpy()[picture]):
            if position < n and chosen[picture].ravel()[position]:
                y, x = divmod(position, w)
                np.testing.assert_allclose(
                    got[picture, row].T, want[picture, y, x], rtol=1e-12, atol=1e-12
                )
                seen += 1
        assert seen == chosen[picture].sum()


def test_merged_keys_count_as_often_as_they_were():
    keys = np.random.RandomState(5).standard_normal((2, 6, 3))
    alike = np.array([[0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    keys[0, alike[0]] = keys[0, 1]
    merged, bias = merge_equal(tf.constant(keys), alike)
    assert merged.shape == (2, 6, 3)  # as many as the other picture needs
    query = np.random.RandomState(6).standard_normal((2, 4, 3))
    results = [
        tf.matmul(tf.nn.softmax(tf.matmul(query, k, transpose_b=True) + b), k)
        for k, b in ((keys, np.zeros((2, 1, 6))), (merged, bias))
    ]
    np.testing.assert_allclose(*results, rtol=1e-10)
    assert merge_equal(tf.constant(keys[:1]), alike[:1])[0].shape == (1, 4, 3)


@pytest.mark.parametrize("variant", [pytest.param("paper", marks=pytest.mark.slow), "official"])
def test_a_batch_of_nothing(variant):
    any_size = tf.function(
        lambda f, h: layers.PatchAttention(1, 3, variant)([f, h]),
        input_signature=[tf.TensorSpec([None, None, None, channels]) for channels in (4, 1)],
    )
    assert any_size(
        np.zeros((0, 8, 8, 4), np.float32), np.zeros((0, 8, 8, 1), np.float32)
    ).shape == (0, 8, 8, 4)


def test_the_drawn_example():
    """The lists that the top of patch_attention_in_hole.py shows, for each number in it."""
    drawn = re.findall(
        r"^    (multiplied|scored|weighted|pasted)  +(\d[\d ]+)$",
        patch_attention_in_hole.__doc__,
        re.M,
    )
    wanted = np.zeros((1, 4, 4), bool)
    wanted[0, 0, 0] = True
    lists = patch_attention_in_hole.lists_of_queries(tf.constant(wanted), 3, 1)
    assert {name: [int(number) for number in numbers.split()] for name, numbers in drawn} == {
        name: positions.numpy()[0].tolist() for name, positions in lists._asdict().items()
    }
    maps = [
        line.split("     ")
        for line in patch_attention_in_hole.__doc__.splitlines()
        if re.match(r"    [#.] [#.]", line)
    ]
    for column, name in enumerate(("pasted", "weighted", "scored", "multiplied"), start=1):
        listed = set(getattr(lists, name).numpy()[0].tolist())
        assert ["".join(row[column].split()) for row in maps] == [
            "".join("#" if 4 * y + x in listed else "." for x in range(4)) for y in range(4)
        ]
