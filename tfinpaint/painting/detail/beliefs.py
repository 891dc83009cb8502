"""Chooses a label for each cell of a grid, so that the sum of all costs is small.

    labels = cheapest(own, meeting, places, grid)     # int32 [n]

Loopy belief propagation (min-sum): each cell tells each of its four neighbours what every label of
the neighbour would cost it, given what the other three have told it.

Reference: Felzenszwalb and Huttenlocher, Efficient Belief Propagation for Early Vision, IJCV 2006.
"""

import tensorflow as tf

ROUNDS = 30


def cheapest(own: tf.Tensor, meeting: tf.Tensor, places: tf.Tensor, grid: tf.Tensor) -> tf.Tensor:
    """The label of each cell, int32 [n].

    own:      float32 [n, k], what each label costs.
    meeting:  a function that is given the number of a neighbour of each cell, int32 [n] (n where
              there is none). It returns what a label of the cell and one of the neighbour cost
              together, float32 [n, k, k], and 0 where there is none.
    places:   int32 [n, 2], the row and column of each cell.
    grid:     int32 [2], rows and columns.
    """
    count, labels = tf.unstack(tf.shape(own))
    numbers = tf.tensor_scatter_nd_update(tf.fill(grid, count), places, tf.range(count))
    numbers = tf.pad(numbers, [[1, 1], [1, 1]], constant_values=count)
    left, right, up, down = (
        tf.gather_nd(numbers, places + 1 + step) for step in ([0, -1], [0, 1], [-1, 0], [1, 0])
    )
    to_right, to_down = meeting(right), meeting(down)

    def of(neighbour, told):
        """What a neighbour has told, 0 if there is none."""
        return tf.gather(tf.concat([told, tf.zeros([1, labels])], 0), neighbour)

    def told(known, costs, axis):
        message = tf.reduce_min(tf.expand_dims(known, 3 - axis) + costs, axis)
        return message - tf.reduce_min(message, -1, keepdims=True)

    def turn(number, from_left, from_right, from_up, from_down):
        every = own + from_left + from_right + from_up + from_down
        new = (
            of(left, told(every - from_right, to_right, 1)),
            told(of(right, every - from_left), to_right, 2),
            of(up, told(every - from_down, to_down, 1)),
            told(of(down, every - from_up), to_down, 2),
        )
        old = (from_left, from_right, from_up, from_down)
        # Half of the old messages is kept, or they might never settle.
        return number + 1, *(0.5 * (a + b) for a, b in zip(old, new))

    nothing = tf.zeros_like(own)
    _, *messages = tf.while_loop(
        lambda number, *_: number < ROUNDS, turn, [0, *[nothing] * 4], parallel_iterations=1
    )
    return tf.argmin(own + tf.add_n(messages), -1, tf.int32)
