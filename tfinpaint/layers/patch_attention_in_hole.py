"""Patch attention for the positions in the hole alone.

In the hole it gives what the equations of patch_attention.py give over the whole map. What it
returns for other positions means nothing. If most of a map is known, as is often the case, it saves
most of the time.

`official` (`attend_by_patches`) lists the queries whose patches touch the hole, and scores them.

`paper` (`attend_by_pixels`) makes no patches. A product of patches is a sum of products of their
pixels, with query and key shifted together. (8) is such a sum, too. So is the sum of all values
that reach a pixel, one from each patch that covers it. Each sum is taken along one axis of the map
and then along the other (shifts.py). Each sum needs neighbours, so each earlier step works on a
longer list of queries. There are four lists (position_lists.py), each in the order that its sums
need:

    list         in order of   what it holds first      what it holds after its sums
    multiplied   columns       products of pixels       products of patches, half summed
    scored       rows          the same                 products of patches (6); (8), half summed
    weighted     columns       the same                 (8); from the softmax of it (7), weights of
                                                        patches: weights of pixels, half summed
    pasted       rows          the same                 weights of pixels, for the values

Example: a map of 4x4 positions of which the first is missing, 3x3 patches, no propagation.

     0  1  2  3         positions, counted row by row;
     4  5  6  7         16 stands for all that are beyond the border
     8  9 10 11
    12 13 14 15

    hole        pasted      weighted    scored      multiplied
    # . . .     # # . .     # # . .     # # # .     # # # .
    . . . .     . . . .     # # . .     # # # .     # # # .
    . . . .     . . . .     . . . .     . . . .     # # # .
    . . . .     . . . .     . . . .     . . . .     . . . .

The lists are made from the last to the first. Position 0 lies in the patches around 0, 1, 4 and 5.
Their weights are summed along rows at last, so 0 and 1 are `pasted`; before that along columns, so
0 and 4, 1 and 5 are `weighted`. Their scores compare 3x3 pixels: a sum along rows needs one more
column (`scored`), the one before it, along columns, one more row (`multiplied`). In memory:

    pasted       0  1 16 16
    weighted     0  4 16  1  5 16 16
    scored       0  1  2 16  4  5  6 16 16
    multiplied   0  4  8 16  1  5  9 16  2  6 10 16 16

With propagation over 3 shifts, `weighted` and `scored` reach one position further.
"""

from typing import Callable, NamedTuple, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers import formulations
from tfinpaint.layers.position_lists import (
    COLUMNS,
    ROWS,
    chosen_first,
    indices,
    line_up,
    move,
    pick,
    put_back,
)
from tfinpaint.layers.shapes import flat, shape
from tfinpaint.layers.shifts import diagonal_sum

_NO_SCORE = -1e9  # before the softmax: a key that takes no part


class Lists(NamedTuple):
    """See the top of the file. If a patch is a pixel, the first and the last are not needed."""

    multiplied: Optional[tf.Tensor]
    scored: tf.Tensor
    weighted: tf.Tensor
    pasted: Optional[tf.Tensor]


def attend_by_pixels(
    queries: Tuple[tf.Tensor, tf.Tensor],
    keys: Tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    hole: tf.Tensor,
    patch_size: int,
    propagation: int,
) -> tf.Tensor:
    """`paper`: for each missing position the sum of the values of all patches that cover it.

    Args:
        queries: features [B, H, W, C], and what their scores are multiplied by [B, H, W, 1].
        keys: background [B, H, W, C]; what their scores are multiplied by [B, H, W, 1]; and what is
            added to them before the softmax [B, H, W, 1].
        hole: [B, H, W, 1], 1 where missing.
        patch_size, propagation: of PatchAttention.

    Returns: [B, H, W, C].
    """
    (features, query_scale), (background, key_scale, key_bias) = queries, keys
    b, h, w, c = shape(features)
    n = h * w

    def attend(positions):
        """[B, R] -> [B, R, C]."""
        wanted = tf.scatter_nd(indices(positions), tf.ones_like(positions), [b, n]) > 0
        lists = lists_of_queries(tf.reshape(wanted, [b, h, w]), patch_size, propagation)
        scores = _products_of_patches(features, background, lists, patch_size)  # [B, R, W, H]
        scores *= _listed(query_scale, lists.scored)[..., tf.newaxis]
        scores *= tf.reshape(_swap(key_scale), [b, 1, w, h])  # (6), times lambda
        scores = diagonal_sum(scores, propagation)  # (8), the first axis
        scores = move(scores, lists.scored, lists.weighted, n)
        scores = diagonal_sum(scores, propagation)  # (8), the second axis
        scores = tf.reshape(scores, [b, -1, n])  # [B, R, N]
        weights = tf.nn.softmax(scores + tf.reshape(key_bias, [b, 1, n]))  # (7)
        if patch_size == 1:
            return pick(tf.matmul(weights, flat(background)), lists.weighted, positions, n)
        weights = _weights_of_pixels(weights, lists, h, w, patch_size)  # [B, R, N] by columns
        return pick(tf.matmul(weights, flat(_swap(background))), lists.pasted, positions, n)

    # The first list holds positions as far away as all sums together reach.
    reach = 2 * (patch_size // 2) + propagation // 2
    around = tf.nn.max_pool2d(hole, 2 * reach + 1, 1, "SAME")
    asked, scored = (tf.reshape(x > 0, [b, n]) for x in (hole, around))
    return tf.reshape(_in_turns(attend, asked, scored, c, features.dtype), [b, h, w, c])


def lists_of_queries(wanted: tf.Tensor, patch_size: int, propagation: int) -> Lists:
    """The lists that it takes to fill the wanted positions, bool [B, H, W]."""
    multiplied = pasted = None
    patch, both = patch_size // 2, patch_size // 2 + propagation // 2
    gap = max(patch_size, propagation) // 2
    if patch_size > 1:
        pasted, wanted = line_up(wanted, ROWS, patch, gap)
    weighted, wanted = line_up(wanted, COLUMNS, both, gap)
    scored, wanted = line_up(wanted, ROWS, both, gap)
    if patch_size > 1:
        multiplied, _ = line_up(wanted, COLUMNS, patch, gap)
    return Lists(multiplied, scored, weighted, pasted)


def _products_of_patches(features, background, lists, patch_size):
    """Of the queries `scored` and all keys: [B, R, W, H]."""

    def of_pixels(queries, keys):  # [B, R], [B, H, W, C] -> [B, R, H, W]
        scores = tf.matmul(_listed(features, queries), flat(keys), transpose_b=True)  # [B, R, N]
        return tf.reshape(scores, [b, -1, *shape(keys)[1:3]])

    b, h, w, _ = shape(features)
    if patch_size == 1:
        return of_pixels(lists.scored, _swap(background))
    scores = diagonal_sum(of_pixels(lists.multiplied, background), patch_size)  # [B, R, H, W]
    return diagonal_sum(move(scores, lists.multiplied, lists.scored, h * w), patch_size)


def _weights_of_pixels(weights, lists, h, w, patch_size):
    """Weights of patches, of the queries `weighted`, to those of pixels, of the queries `pasted`.

    [B, R, N] -> [B, R', N], keys counted column by column.
    """
    b, n = shape(weights)[0], h * w
    weights *= tf.cast(lists.weighted < n, weights.dtype)[..., tf.newaxis]  # none beyond the border
    weights = diagonal_sum(tf.reshape(weights, [b, -1, h, w]), patch_size)
    weights = move(weights, lists.weighted, lists.pasted, n)  # [B, R', W, H]
    return tf.reshape(diagonal_sum(weights, patch_size), [b, -1, n])


def _listed(x, positions):
    """Vectors of the listed positions, zeros beyond the border: [B, H, W, C] -> [B, R, C]."""
    return tf.gather(tf.pad(flat(x), [[0, 0], [0, 1], [0, 0]]), positions, batch_dims=1)


def _swap(x):
    """Columns first: [B, H, W, C] -> [B, W, H, C]."""
    return tf.transpose(x, [0, 2, 1, 3])


def attend_by_patches(
    queries: tf.Tensor, keys: tf.Tensor, hole: tf.Tensor, touched: tf.Tensor, patch_size: int
) -> tf.Tensor:
    """`official`: for each patch that touches the hole the weighted sum of the keys.

    queries, keys: [B, H, W, P].   hole, touched: [B, H, W, 1], missing pixels; patches with any.
    Returns: [B, H, W, P]. Patches of other positions may be there or zeros. They reach no position
    in the hole.
    """
    b, h, w, p = shape(queries)
    queries, keys = flat(queries), flat(keys)  # [B, N, P]
    empty = tf.nn.max_pool2d(1 - hole, patch_size, 1, "SAME") <= 0  # nothing of the key is known
    keys, bias = merge_equal(keys, tf.reshape(empty, [b, h * w]))  # [B, K, P]

    def attend(positions):
        """[B, R] -> [B, R, P]."""
        listed = tf.gather(queries, positions, batch_dims=1)
        scores = tf.matmul(listed, keys, transpose_b=True)  # [B, R, K]
        return tf.matmul(tf.nn.softmax(scores + bias), keys)

    asked = tf.reshape(touched > 0, [b, h * w])
    return tf.reshape(_in_turns(attend, asked, asked, p, queries.dtype), [b, h, w, p])


def merge_equal(keys: tf.Tensor, equal: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """Leaves out all but one of the keys that are equal. It counts as often as there were.

    keys [B, N, P], equal bool [B, N] -> keys [B, K, P], and what to add to their scores [B, 1, K]:
    for the one that is left the logarithm of their number.
    """
    number = tf.cumsum(tf.cast(equal, keys.dtype), axis=1)
    log_number = tf.math.log(tf.maximum(number[:, -1:], 1))
    bias = tf.where(equal, tf.where(number < 1.5, log_number, _NO_SCORE), 0.0)  # [B, N]
    order, most = chosen_first(bias > _NO_SCORE)
    kept = order[:, :most]
    bias = tf.gather(bias, kept, batch_dims=1)[:, tf.newaxis]
    return tf.gather(keys, kept, batch_dims=1), bias


def _in_turns(attend: Callable, asked: tf.Tensor, scored: tf.Tensor, channels, dtype) -> tf.Tensor:
    """attend(positions [B, R]) -> [B, R, channels], for all that are asked for: [B, N, channels].

    asked, scored: bool [B, N], the positions that are asked for, and those whose scores it takes.
    It takes all at once if they surely fit into memory, and some at a time if not.
    """
    b, n = shape(asked)
    order, most = chosen_first(asked)
    if formulations.answers_all_at_once(b, n):
        positions = order[:, :most]
        return put_back(attend(positions), positions, n)
    most_scored = tf.maximum(tf.reduce_max(tf.reduce_sum(tf.cast(scored, tf.int32), axis=1)), most)
    size = tf.maximum(formulations.queries_of_a_turn(b, n) * most // most_scored, 1)
    turns = (most + size - 1) // size
    size = (most + turns - 1) // turns  # all turns of one size

    def turn(done, values):
        # The last turn begins earlier, to be full. No turn has a position twice: the gradient of
        # the scatter would count it twice.
        positions = tf.slice(order, [0, tf.minimum(done, n - size)], tf.stack([b, size]))
        values = tf.tensor_scatter_nd_update(values, indices(positions), attend(positions))
        return done + size, values

    nothing = tf.zeros(tf.stack([b, n, channels]), dtype)
    return tf.while_loop(lambda done, _: done < most, turn, [0, nothing], parallel_iterations=1)[1]
