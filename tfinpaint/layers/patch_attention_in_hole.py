"""Patch attention that computes only the positions in the hole.

In the hole the result is that of patch_attention.py. Elsewhere it is arbitrary. Usually most of a
map is known, and then this saves most of the time.

`official` (`attend_by_patches`) lists the queries whose patches touch the hole, and scores them.

`paper` (`attend_by_pixels`) makes no patches. The product of two patches is a sum of products of
their pixels, with query and key shifted together. (8) is such a sum too, and so is the sum of the
values of all patches that cover a pixel. Each sum is taken along one axis of the map and then along
the other (shifts.py). A sum needs the neighbours of its positions, so the steps before it work on a
longer list of queries. There are four lists of queries (position_lists.py). Each is ordered by rows
or by columns of the map, as its sums need:

    list         ordered by   what is computed for its queries
    multiplied   columns      products of pixels; their sum along columns
    scored       rows         the sum along rows, which gives products of patches (6); the sum (8)
                              along one axis
    weighted     columns      the sum (8) along the other axis; the softmax (7), which gives weights
                              of patches; their sum along columns
    pasted       rows         the sum along rows, which gives weights of pixels; the output

Example: a map of 4x4 positions of which only position 0 is missing, 3x3 patches, no propagation.

     0  1  2  3         positions, numbered row by row;
     4  5  6  7         16 stands for any position beyond the border
     8  9 10 11
    12 13 14 15

    hole        pasted      weighted    scored      multiplied
    # . . .     # # . .     # # . .     # # # .     # # # .
    . . . .     . . . .     # # . .     # # # .     # # # .
    . . . .     . . . .     . . . .     . . . .     # # # .
    . . . .     . . . .     . . . .     . . . .     . . . .

The lists are made from the last to the first. Position 0 lies in the patches around 0, 1, 4 and 5.
The last sum of their weights runs along rows, so 0 and 1 are `pasted`. The sum before it runs along
columns, so 0 and 4, 1 and 5 are `weighted`. Their scores compare 3x3 pixels. The sum of these along
rows needs one more column (`scored`), and the sum along columns before it one more row
(`multiplied`). In memory:

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

_NO_SCORE = -1e9  # added before the softmax to the score of a key that takes no part


class Lists(NamedTuple):
    """See the top of the file. With patches of one pixel, the first and the last list are None."""

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
        queries: features [B, H, W, C], and factors of their scores [B, H, W, 1].
        keys: background [B, H, W, C], factors of their scores [B, H, W, 1], and offsets that are
            added to their scores before the softmax [B, H, W, 1].
        hole: [B, H, W, 1], 1 where missing.
        patch_size, propagation: see PatchAttention.

    Returns: [B, H, W, C], arbitrary where known.
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

    # The sums together reach this far, so the first list has all positions within this distance.
    reach = 2 * (patch_size // 2) + propagation // 2
    around = tf.nn.max_pool2d(hole, 2 * reach + 1, 1, "SAME")
    asked, scored = (tf.reshape(x > 0, [b, n]) for x in (hole, around))
    return tf.reshape(_in_turns(attend, asked, scored, c, features.dtype), [b, h, w, c])


def lists_of_queries(wanted: tf.Tensor, patch_size: int, propagation: int) -> Lists:
    """The lists of queries that are needed to fill the wanted positions, bool [B, H, W]."""
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
    """The products of patches, (6), of the queries `scored` and all keys: [B, R, W, H]."""

    def of_pixels(queries, keys):  # [B, R], [B, H, W, C] -> [B, R, H, W]
        scores = tf.matmul(_listed(features, queries), flat(keys), transpose_b=True)  # [B, R, N]
        return tf.reshape(scores, [b, -1, *shape(keys)[1:3]])

    b, h, w, _ = shape(features)
    if patch_size == 1:
        return of_pixels(lists.scored, _swap(background))
    scores = diagonal_sum(of_pixels(lists.multiplied, background), patch_size)  # [B, R, H, W]
    return diagonal_sum(move(scores, lists.multiplied, lists.scored, h * w), patch_size)


def _weights_of_pixels(weights, lists, h, w, patch_size):
    """From weights of patches (queries `weighted`) to weights of pixels (queries `pasted`).

    [B, R, N] -> [B, R', N], with keys numbered column by column.
    """
    b, n = shape(weights)[0], h * w
    weights *= tf.cast(lists.weighted < n, weights.dtype)[..., tf.newaxis]  # 0 beyond the border
    weights = diagonal_sum(tf.reshape(weights, [b, -1, h, w]), patch_size)
    weights = move(weights, lists.weighted, lists.pasted, n)  # [B, R', W, H]
    return tf.reshape(diagonal_sum(weights, patch_size), [b, -1, n])


def _listed(x, positions):
    """The vectors at the listed positions, 0 beyond the border: [B, H, W, C] -> [B, R, C]."""
    return tf.gather(tf.pad(flat(x), [[0, 0], [0, 1], [0, 0]]), positions, batch_dims=1)


def _swap(x):
    """Exchanges rows and columns: [B, H, W, C] -> [B, W, H, C]."""
    return tf.transpose(x, [0, 2, 1, 3])


def attend_by_patches(
    queries: tf.Tensor, keys: tf.Tensor, hole: tf.Tensor, touched: tf.Tensor, patch_size: int
) -> tf.Tensor:
    """`official`: for each patch that touches the hole the weighted sum of the keys.

    Args:
        queries, keys: [B, H, W, P].
        hole: [B, H, W, 1], 1 where missing.
        touched: [B, H, W, 1], 1 where the patch has a missing pixel.

    Returns: [B, H, W, P]. Patches that do not touch the hole are arbitrary.
    """
    b, h, w, p = shape(queries)
    queries, keys = flat(queries), flat(keys)  # [B, N, P]
    empty = tf.nn.max_pool2d(1 - hole, patch_size, 1, "SAME") <= 0  # no pixel of the key is known
    keys, bias = merge_equal(keys, tf.reshape(empty, [b, h * w]))  # [B, K, P]

    def attend(positions):
        """[B, R] -> [B, R, P]."""
        listed = tf.gather(queries, positions, batch_dims=1)
        scores = tf.matmul(listed, keys, transpose_b=True)  # [B, R, K]
        return tf.matmul(tf.nn.softmax(scores + bias), keys)

    asked = tf.reshape(touched > 0, [b, h * w])
    return tf.reshape(_in_turns(attend, asked, asked, p, queries.dtype), [b, h, w, p])


def merge_equal(keys: tf.Tensor, equal: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """Keeps one of the keys marked as equal, with the weight of all of them in a softmax.

    keys [B, N, P], equal bool [B, N] -> keys [B, K, P], and offsets of their scores [B, 1, K]: for
    the key that stands for the equal ones, the logarithm of their number; 0 for the others.
    """
    number = tf.cumsum(tf.cast(equal, keys.dtype), axis=1)
    log_number = tf.math.log(tf.maximum(number[:, -1:], 1))
    bias = tf.where(equal, tf.where(number < 1.5, log_number, _NO_SCORE), 0.0)  # [B, N]
    order, most = chosen_first(bias > _NO_SCORE)
    kept = order[:, :most]
    bias = tf.gather(bias, kept, batch_dims=1)[:, tf.newaxis]
    return tf.gather(keys, kept, batch_dims=1), bias


def _in_turns(attend: Callable, asked: tf.Tensor, scored: tf.Tensor, channels, dtype) -> tf.Tensor:
    """Calls attend(positions [B, R]) -> [B, R, channels] for all positions asked for.

    It does so at once if all scores are certain to fit into memory, else in several turns.

    asked: bool [B, N], the positions to compute.   scored: bool [B, N], those whose scores are
    needed for them. -> [B, N, channels].
    """
    b, n = shape(asked)
    order, most = chosen_first(asked)
    if formulations.answers_all_at_once(b, n):
        positions = order[:, :most]
        return put_back(attend(positions), positions, n)
    most_scored = tf.maximum(tf.reduce_max(tf.reduce_sum(tf.cast(scored, tf.int32), axis=1)), most)
    size = tf.maximum(formulations.queries_of_a_turn(b, n) * most // most_scored, 1)
    turns = (most + size - 1) // size
    size = (most + turns - 1) // turns  # the same for all turns

    def turn(done, values):
        # The last turn begins earlier if it would not be full. A position must not occur twice in
        # one turn: the gradient of the scatter would count it twice.
        positions = tf.slice(order, [0, tf.minimum(done, n - size)], tf.stack([b, size]))
        values = tf.tensor_scatter_nd_update(values, indices(positions), attend(positions))
        return done + size, values

    nothing = tf.zeros(tf.stack([b, n, channels]), dtype)
    return tf.while_loop(lambda done, _: done < most, turn, [0, nothing], parallel_iterations=1)[1]
