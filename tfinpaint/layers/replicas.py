"""What a training step asks about the replicas that run it (tf.distribute).

Each replica has an equal part of the batch, replica k the k-th. A step on several replicas is to be
the step on the whole batch. Most of it is: losses are means over pictures, `Learner.scaled` divides
them by the number of replicas, and the optimizers add up the gradients. What looks at the whole
batch goes through here:

    mean, gathered    a value of all replicas. Gradients flow through them
    whole, own        random numbers, which are drawn for the whole batch, each replica taking those
                      of its pictures

With one replica, and outside of a step, all return what they were given. None may be called inside
a branch or a loop of a graph, where replicas cannot meet.
"""

from typing import Any, Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import shape


def count() -> int:
    """How many replicas run this step."""
    replica = tf.distribute.get_replica_context()
    return replica.num_replicas_in_sync if replica else 1


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean over replicas of a tensor, which has one shape in all of them."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)


def gathered(value: tf.Tensor) -> tf.Tensor:
    """[...] -> [R, ...], the tensors of all R replicas.

    Each adds its own to zeros: one sum, and one for the gradient. TensorFlow's `all_gather` would
    take further ones, as shapes might differ.
    """
    if count() == 1:
        return value[tf.newaxis]
    replica = tf.distribute.get_replica_context()
    place = tf.one_hot(replica.replica_id_in_sync_group, count(), dtype=value.dtype)  # [R]
    own_row = tf.reshape(place, [count()] + [1] * value.shape.rank) * value[tf.newaxis]
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, own_row)


def whole(batch: Any) -> Any:
    """Pictures in the whole batch, of `batch` on each replica."""
    return batch * count()


def own(numbers: tf.Tensor) -> tf.Tensor:
    """[R B, ...], drawn for the whole batch -> [B, ...], those of this replica's pictures."""
    if count() == 1:
        return numbers
    first, batch = part(shape(numbers)[0])
    return tf.slice(numbers, [first] + [0] * (numbers.shape.rank - 1), [batch, *shape(numbers)[1:]])


def part(pictures: Any) -> Tuple[Any, Any]:
    """(first, number) of this replica's pictures among those of the whole batch."""
    if count() == 1:
        return 0, pictures
    batch = pictures // count()
    replica = tf.distribute.get_replica_context()
    return batch * tf.cast(replica.replica_id_in_sync_group, tf.int32), batch
