"""What a training step needs to know of the replicas that run it (tf.distribute).

Each replica has an equal part of the batch; replica k has the k-th. A step on several replicas
gives the same result as one step on the whole batch. For most of a step nothing is needed for that:
losses are means over pictures, `Learner.scaled` divides them by the number of replicas, and the
optimizers add up the gradients. Anything that depends on the whole batch uses these functions:

    mean, gathered    a value over all replicas. Gradients flow through them
    whole, own        for random numbers, which are drawn for the whole batch; each replica takes
                      those of its pictures

With one replica, and outside of a step, each returns what it was given (`gathered` adds an axis).
`mean` and `gathered` may not be called inside a branch or a loop of a graph, where replicas cannot
communicate.
"""

from typing import Any, Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import shape


def count() -> int:
    """The number of replicas that run this step."""
    replica = tf.distribute.get_replica_context()
    return replica.num_replicas_in_sync if replica else 1


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean over replicas of a tensor that has the same shape on all of them."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)


def gathered(value: tf.Tensor) -> tf.Tensor:
    """[...] -> [R, ...], the tensors of all R replicas, which have the same shape.

    Each replica adds its own row to zeros. That takes one all-reduce, and one for the gradient.
    TensorFlow's `all_gather` takes more, since it allows different shapes.
    """
    if count() == 1:
        return value[tf.newaxis]
    replica = tf.distribute.get_replica_context()
    place = tf.one_hot(replica.replica_id_in_sync_group, count(), dtype=value.dtype)  # [R]
    own_row = tf.reshape(place, [count()] + [1] * value.shape.rank) * value[tf.newaxis]
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, own_row)


def whole(batch: Any) -> Any:
    """The number of pictures in the whole batch, from the number `batch` on each replica."""
    return batch * count()


def own(numbers: tf.Tensor) -> tf.Tensor:
    """This replica's part of numbers drawn for the whole batch: [R B, ...] -> [B, ...]."""
    if count() == 1:
        return numbers
    first, batch = part(shape(numbers)[0])
    return tf.slice(numbers, [first] + [0] * (numbers.shape.rank - 1), [batch, *shape(numbers)[1:]])


def part(pictures: Any) -> Tuple[Any, Any]:
    """This replica's part of a whole batch of `pictures`: (index of the first picture, number)."""
    if count() == 1:
        return 0, pictures
    batch = pictures // count()
    replica = tf.distribute.get_replica_context()
    return batch * tf.cast(replica.replica_id_in_sync_group, tf.int32), batch
